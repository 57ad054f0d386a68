"""How the command line talks: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PIPE_WIDTH = 200
"""Columns of a table that no terminal limits."""


def fail(message: str, code: int) -> int:
    """Print one line of error and give the exit code back."""
    print(f"error: {one_line(message)}", file=sys.stderr)  # noqa: T201
    return code


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
    """A progress bar on stderr; silent where that is no terminal, and if it is not to be shown."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
        disable=not (shown and console.is_terminal),
        transient=True,
    )
