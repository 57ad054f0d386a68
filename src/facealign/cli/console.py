"""How the command line talks: results on stdout, everything else on stderr."""

import io
import json
import logging
import os
import re
import sys
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from facealign import problems
from facealign.types import Item, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars, Task
    from rich.text import Text

PIPE_WIDTH = 200
"""Columns of a table in a pipe or file."""
LOG = logging.getLogger("facealign.cli")
"""Errors and warnings; details with --verbose; totals, as `fields`, with --json-log."""
PACKAGE_LOG = logging.getLogger("facealign")


class Lines(logging.Handler):
    """A line on stderr for each message, plain or as a JSON object.

    Attributes:
        as_json: write JSON Lines.
        problems: how many inputs were reported as bad (`facealign.problems`); each is an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.as_json, self.problems = False, 0

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message; its fields appear only in JSON."""
        text, level = printable(one_line(record.getMessage())), record.levelname.lower()
        if record.name == problems.LOG.name:
            self.problems += 1
            level = "error"
        if self.as_json:
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
            entry = {"time": when, "level": level, "message": text}
            text = json.dumps(entry | getattr(record, "fields", {}))
        elif record.levelno >= logging.WARNING:
            text = f"{level}: {text}"
        with suppress(OSError):  # a full disk or a closed pipe; the exit code still says it
            print(text, file=sys.stderr)  # noqa: T201


@contextmanager
def log_to_stderr() -> Iterator[Lines]:
    """Print warnings and errors of the whole package on stderr while the block runs."""
    lines = Lines()
    before = PACKAGE_LOG.handlers[:], PACKAGE_LOG.propagate, PACKAGE_LOG.level
    PACKAGE_LOG.handlers[:], PACKAGE_LOG.propagate = [lines], False
    set_up_log()
    try:
        yield lines
    finally:
        PACKAGE_LOG.handlers[:], PACKAGE_LOG.propagate, PACKAGE_LOG.level = before


def set_up_log(verbose: bool = False, as_json: bool = False) -> None:
    """Print errors only; with `verbose` everything; as JSON also the totals at the end."""
    level = logging.DEBUG if verbose else logging.INFO if as_json else logging.WARNING
    PACKAGE_LOG.setLevel(level)
    for handler in PACKAGE_LOG.handlers:
        if isinstance(handler, Lines):
            handler.as_json = as_json


def fail(message: str, code: int) -> int:
    """Print one line of error and give the exit code back."""
    LOG.error("%s", message)
    return code


def say(text: str) -> None:
    """Print a line on stdout as it is."""
    out().print(printable(text), markup=False, soft_wrap=True)


def print_table(
    columns: Iterable[str],
    rows: Iterable[Iterable[str]],
    right: Container[str] = (),
    title: str | None = None,
) -> None:
    """Print a table without lines on stdout; columns in `right`, such as numbers, aligned right."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in columns:
        table.add_column(escape(name), justify="right" if name in right else "left")
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    out().print(table)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print a line for each name and its value on stdout."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, text in facts.items():
        table.add_row(name, escape(printable(text)))
    out().print(table)


def counted(number: int, thing: str) -> str:
    """A number of things: "1 face", "2 faces"."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def percent(value: float | None, digits: int = 2) -> str:
    """0.0438 → "4.38 %"; "-" for what is not defined."""
    return "-" if value is None or value != value else f"{100 * value:.{digits}f} %"


def one_line(text: str) -> str:
    """The text on a single line, even if a path in it has several."""
    return " ".join(part for part in text.replace("\r", "\n").split("\n") if part.strip())


def printable(text: str) -> str:
    r"""The text with escapes for what a terminal would obey: control characters, as in names.

    >>> printable("a\x1b[2J\n.jpg")
    'a\\x1b[2J\\n.jpg'
    """
    return CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Also marks that turn the direction of writing, and the halves of a character."""


@contextmanager
def usable_streams() -> Iterator[None]:
    """Standard streams that take any text while the block runs, wherever they lead.

    A closed one leads nowhere; what its encoding lacks is written as an escape.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    with open(os.devnull, "w") as sink, open(os.devnull) as source:  # noqa: PTH123
        sys.stdin = sys.stdin or source
        sys.stdout, sys.stderr = sys.stdout or sink, sys.stderr or sink
        streams = [s for s in (sys.stdout, sys.stderr) if isinstance(s, io.TextIOWrapper)]
        errors = [stream.errors for stream in streams]
        try:
            for stream in streams:
                stream.reconfigure(errors="backslashreplace")
            yield
        finally:
            for stream, kind in zip(streams, errors, strict=True):
                with suppress(OSError, ValueError):
                    stream.reconfigure(errors=kind)
            sys.stdin, sys.stdout, sys.stderr = before


def out() -> "Console":
    """The console on stdout."""
    from rich.console import Console

    class Piped(Console):
        """Leaves a closed pipe to `main`."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Piped(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def bar(task: str, unit: str, shown: bool = True) -> Progress:
    """A progress bar on stderr for any loop.

        for face in bar("reading", "faces")(faces): ...

    Nothing appears where stderr is not a terminal, or unless `shown`.
    """

    def wrap(items: Iterable[Item], /, *, total: int | None = None) -> Iterator[Item]:
        if total is None and isinstance(items, Sized):
            total = len(items)
        with progress(unit, shown) as bars:
            number = bars.add_task(task, total=total, note="")
            for item in items:
                yield item
                bars.advance(number)

    return wrap


def progress(unit: str, shown: bool = True) -> "Bars":
    """A progress bar on stderr, with rate and time left.

    Nothing appears where stderr is not a terminal, or unless `shown`. A task's field `note` stands
    beside its numbers.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress as Bars,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: "Task") -> "Text":
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f}/s")

    console = Console(stderr=True)
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TextColumn(unit),
        Rate(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=console,
        disable=not (shown and console.is_terminal),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else results would go to stderr, past their pipe
    )
