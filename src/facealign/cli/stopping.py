"""Ctrl-C and SIGTERM: the first finishes the item in hand, the second ends the work now."""

import _thread
import signal
import threading
import types
from collections.abc import Iterable, Iterator
from typing import Any

from facealign.cli import INTERRUPTED as INTERRUPTED, SIGNALS as SIGNALS
from facealign.types import Item

GRACE = 5.0
"""Seconds that a photo or frame in hand has after Ctrl-C: it may lie on a dead mount, or come from
a camera or pipe that gives no more."""


class Stop:
    """Catches both signals while its block runs, then restores the previous handlers.

        with Stop() as stop:
            for item in stop.until_asked(items):
                ...  # whole, whenever the first signal comes

    A signal that was ignored stays ignored. Outside the main thread, where Python delivers no
    signals, it catches none.

    Args:
        at_once: even the first signal raises KeyboardInterrupt: no item is in progress.
        grace: this many seconds after the first signal, act as if a second came: the item in
            progress may never end.
        once: only the first signal counts, and none after the block: for one of several
            processes, which gets the signal twice, directly and from its parent.

    Attributes:
        asked: a signal has come.
    """

    def __init__(
        self, at_once: bool = False, once: bool = False, grace: float | None = None
    ) -> None:
        self.asked = False
        self._at_once, self._once, self._grace = at_once, once, grace
        self._timer: threading.Timer | None = None
        self._before: dict[int, Any] = {}

    def until_asked(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, up to the one in hand or awaited when the first signal comes."""
        for item in items:
            yield item
            if self.asked:
                return

    def _hear(self, number: int, frame: types.FrameType | None) -> None:
        before, self.asked = self.asked, True
        if self._at_once or (before and not self._once):
            raise KeyboardInterrupt
        if self._grace is not None:
            self._timer = threading.Timer(self._grace, _interrupt, (signal.Signals(number),))
            self._timer.daemon = True
            self._timer.start()

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if (handler := signal.getsignal(number)) is not signal.SIG_IGN:
                    self._before[number] = handler
                    signal.signal(number, self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._once else handler or signal.SIG_DFL)


def _interrupt(number: signal.Signals) -> None:
    """Send the main thread a signal, whatever it waits for."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(number)
