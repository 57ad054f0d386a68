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


class _Collector(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(record.getMessage())


@contextmanager
def collect(quiet: bool = True) -> Iterator[list[str]]:
    """The problems reported inside the block, in order; `quiet` keeps them from other handlers."""
    lines: list[str] = []
    handler, before, propagate = _Collector(lines), LOG.handlers[:], LOG.propagate
    LOG.handlers[:] = [handler] if quiet else [*before, handler]
    LOG.propagate = propagate and not quiet
    try:
        yield lines
    finally:
        LOG.propagate = propagate
        LOG.handlers[:] = before
