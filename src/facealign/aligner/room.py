"""Memory that the workers of one run share: large photos take turns."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facealign.errors import ImageError

BYTES = 10
"""Most bytes that a pixel takes while a photo is decoded and searched: 7, or 10 if it has to be
turned."""
SHARE = 0.5
"""Share of the machine's memory that all photos together may take."""
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux states a container's limit."""
UNKNOWN = 4 * 2**30
"""Bytes assumed for a machine that does not say."""


class Room:
    """Pixels that several photos may hold at a time.

    Args:
        pixels: how many, of all photos together; a larger photo is held alone. None takes what
            `SHARE` of the memory holds, beyond which each photo is refused.

    """

    def __init__(self, pixels: int | None = None) -> None:
        self._largest = int(SHARE * memory() / BYTES)
        self.pixels = self._largest if pixels is None else pixels
        self._taken = 0
        self._changed = threading.Condition()

    def fits(self, pixels: int) -> bool:
        """Whether a photo can be held now, without waiting."""
        return not self._taken or self._taken + pixels <= self.pixels

    @contextmanager
    def hold(self, pixels: int, name: str) -> Iterator[None]:
        """Wait until there is room for a photo, and keep it while the block runs.

        Raises:
            ImageError: it does not fit in the memory.

        """
        if pixels > self._largest:
            raise ImageError(
                f"{name}: too large for the memory here ({pixels / 1e6:.0f} million pixels; there "
                f"is room for {self._largest / 1e6:.0f}); reduce it"
            )
        with self._changed:
            self._changed.wait_for(lambda: self.fits(pixels))
            self._taken += pixels
        try:
            yield
        finally:
            with self._changed:
                self._taken -= pixels
                self._changed.notify_all()


def memory() -> int:
    """Bytes of memory that this process may use: the machine's, or its container's."""
    sizes = [UNKNOWN]
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # "max": none
            sizes.append(int(limit.read_text()))
    return min(sizes)
