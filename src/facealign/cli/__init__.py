"""The command line. Only this package parses arguments, prints and exits.

Exit codes: 0 done · 1 a fault of facealign · 2 wrong usage or an output that cannot be written ·
3 some inputs failed and the rest were done · 4 no input could be read · 5 no usable model ·
6 a photo without a face, with --require-face · 7 training diverged ·
8 another process of a run ended · 130 interrupted.
"""

import _signal  # type: ignore[import-not-found]  # `signal` would load enums first: 7 ms
import os
import sys

TYPE_CHECKING = False  # nothing else is imported here before `program` hears signals
if TYPE_CHECKING:
    import types
    from typing import NoReturn

__all__ = ["main", "program"]
SIGNALS = (_signal.SIGINT, _signal.SIGTERM)
INTERRUPTED = 130
"""Exit code after either signal."""


def program() -> "NoReturn":
    """Run the command line as a process of its own, whenever a signal comes.

    While modules load a signal ends the process at once: no work is in hand yet, and libraries
    turn a KeyboardInterrupt in the midst of their import into errors of their own.
    """
    for number in SIGNALS:
        if _signal.getsignal(number) is not _signal.SIG_IGN:
            _signal.signal(number, _leave)
    _take_descriptors()
    from facealign.cli.app import load

    load(sys.argv[1:])
    code = _run(None)
    for number in SIGNALS:
        _signal.signal(number, _signal.SIG_IGN)  # all is done: only Python's own end is left
    sys.exit(_flushed(code))


def _leave(number: int, frame: "types.FrameType | None") -> "NoReturn":
    _say("interrupted")
    os._exit(INTERRUPTED)


def _say(error: str) -> None:
    try:  # without an import: the signal may have come in the middle of that very one
        os.write(2, f"error: {error}\n".encode())
    except OSError:  # a full disk; the exit code says it, too
        return


def _take_descriptors() -> None:
    """Open what was closed of 0, 1 and 2, so that no file of ours gets a number that others use."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def _flushed(code: int) -> int:
    """Write what is left on standard output and error; the exit code."""
    for name, stream in (("standard output", sys.stdout), ("standard error", sys.stderr)):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError as error:  # else Python would complain about it and exit with 120
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if stream is sys.stdout and not isinstance(error, BrokenPipeError):
                if code != 2:  # else it is said
                    _say(f"{name}: {error.strerror}")
                code = code or 2
    return code


def main(args: list[str] | None = None) -> "NoReturn":
    """Run the command line and exit with one of the codes above.

    Called from Python it leaves no handler of signals, warnings or logs behind.
    """
    sys.exit(_run(args))


def _run(args: list[str] | None) -> int:
    try:
        from facealign.cli.app import run

        return run(args)
    except KeyboardInterrupt:  # too early or too late for anybody else to hear it
        _say("interrupted")
        return INTERRUPTED
