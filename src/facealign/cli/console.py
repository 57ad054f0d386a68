"""How the command line talks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, Task
    from rich.text import Text

PIPE_WIDTH = 200
"""Columns of a table that no terminal limits."""
LOG = logging.getLogger("facealign.cli")
EVERY_LOG = logging.getLogger("facealign")
"""Of the whole package: also what reading a photo has to say."""


class Lines(logging.Handler):
    """A line on stderr for each message: plain, or an object of JSON."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message; its fields only in JSON."""
        text, level = one_line(record.getMessage()), record.levelname.lower()
        if self._as_json:
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
            entry = {"time": when, "level": level, "message": text}
            text = json.dumps(entry | getattr(record, "fields", {}))
        elif record.levelno >= logging.WARNING:
            text = f"{level}: {text}"
        print(text, file=sys.stderr)  # noqa: T201


def set_up_log(verbose: bool = False, as_json: bool = False) -> None:
    """Say errors only; all there is to say with `verbose`, and as JSON also how work ended."""
    EVERY_LOG.handlers[:] = [Lines(as_json)]
    EVERY_LOG.propagate = False
    EVERY_LOG.setLevel(logging.DEBUG if verbose else logging.INFO if as_json else logging.WARNING)


def fail(message: str, code: int) -> int:
    """Print one line of error and give the exit code back."""
    LOG.error("%s", message)
    return code


def note(message: str, **fields: Any) -> None:
    """Say what is done, where the user wants to know all."""
    LOG.debug("%s", message, extra={"fields": fields})


def conclude(message: str, **fields: Any) -> None:
    """Say how work ended, in numbers for a log that a machine reads."""
    LOG.info("%s", message, extra={"fields": fields})


def one_line(text: str) -> str:
    """The text on a single line, whatever a path in it may hold."""
    return " ".join(part for part in text.replace("\r", "\n").split("\n") if part.strip())


def out() -> Console:
    """The console on stdout."""
    from rich.console import Console

    class Quiet(Console):
        """Leaves it to `main` that nobody reads on."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Quiet(
        highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else PIPE_WIDTH
    )


def progress(unit: str, shown: bool = True) -> Progress:
    """A progress bar on stderr, with rate and time left.

    Silent where that is no terminal, and if it is not to be shown. A task's field `note` stands
    beside its numbers.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Units a second."""

        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f}/s")

    class Note(ProgressColumn):
        """What else there is to say."""

        def render(self, task: Task) -> Text:
            return Text(task.fields.get("note", ""))

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TextColumn(unit),
        Rate(),
        Note(),
        TimeRemainingColumn(),
        console=console,
        disable=not (shown and console.is_terminal),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else results would go to stderr, past their pipe
    )
