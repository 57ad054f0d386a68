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
    """Let an interrupt wait until the block is done.

    Outside the main thread, where Python takes no signals, nothing needs to wait.

    Raises:
        KeyboardInterrupt: at the end of a block that no other error left, if a signal came.

    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, frame: types.FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
    if came:
        raise KeyboardInterrupt
