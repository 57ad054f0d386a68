"""Problems with single inputs, such as a photo that cannot be read: logged, the rest is done.

Whoever reads many inputs calls `report` for each that fails. The lines go to the log
`facealign.problems` as warnings; `collect` gathers them for a caller that counts or prints them.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

LOG = logging.getLogger("facealign.problems")


def report(problem: str) -> None:
    """Log one line: what was given, why it fails, what to do."""
    LOG.warning("%s", problem)


@contextmanager
def collect(quiet: bool = True) -> Iterator[list[str]]:
    """The problems reported inside the block, in order; `quiet` keeps them from all others."""
    lines: list[str] = []

    def take(record: logging.LogRecord) -> bool:
        lines.append(record.getMessage())
        return not quiet

    LOG.filters.insert(0, take)  # before those of blocks around this one
    try:
        yield lines
    finally:
        LOG.removeFilter(take)
