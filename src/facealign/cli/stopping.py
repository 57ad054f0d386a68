"""Ctrl-C and SIGTERM at the right moment: what belongs together is done, or not begun."""

from __future__ import annotations

import signal
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undivided() -> Iterator[None]:
    """Let a signal wait until the block is done; then it does what it would have done.

    Where the block raises an error, that comes and the signal is dropped. Outside the main thread,
    where Python takes no signals, nothing needs to wait.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    waits = True
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def heed(number: int, frame: types.FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if waits:
            came.append(number)
        elif callable(handler):  # between the end of the block and the handlers' return
            handler(number, frame)

    try:
        for number in SIGNALS:
            signal.signal(number, heed)
        yield
    finally:
        waits = False
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
    if came:
        signal.raise_signal(came[0])
