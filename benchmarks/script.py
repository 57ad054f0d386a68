"""What the scripts here share: arguments, errors, tables and the JSON file."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from machine import describe_machine
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

import facealign
from facealign.errors import FaceAlignError
from facealign.files import write_file
from facealign.problems import collect

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
"""The photo that is used without labelled faces."""
COLUMNS = 80
LIBRARIES = ("numpy", "onnxruntime", "pillow", "torch")
"""Packages whose versions are recorded, if installed."""


def new_parser(words: str | None) -> argparse.ArgumentParser:
    """A parser with the first line of a script's docstring, and `--json`."""
    parser = argparse.ArgumentParser(description=(words or "").split("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers here")
    return parser


def add_root(parser: argparse.ArgumentParser, without: str = "", required: bool = False) -> None:
    """`--root`; `without` says what happens without it."""
    words = "folder of 300W" + (f"; without it {without}" if without else "")
    parser.add_argument("--root", type=Path, metavar="DIR", help=words, required=required)


def add_models(parser: argparse.ArgumentParser) -> None:
    words = "a bundled one, or a file; may repeat; default: the bundled one"
    parser.add_argument("--model", action="append", help=words)


def models_of(given: argparse.Namespace, default: str = "default") -> dict[str, str]:
    """A model's name in tables and files → the model: its stem, if unique."""
    models = list(dict.fromkeys(given.model or [default]))
    stems = [Path(model).stem for model in models]
    return dict(zip(stems if len(set(stems)) == len(stems) else models, models, strict=True))


def run_script(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], None],
    words: Sequence[str] | None = None,
) -> None:
    """Parse, keep the words as `given.words`, run; a known error is one line and exit 2."""
    given = parser.parse_args(words)
    given.words = sys.argv[1:] if words is None else words
    try:
        with collect() as problems:
            try:
                run(given)
            finally:
                for problem in problems:
                    print(f"left out: {problem}")
    except FaceAlignError as error:
        parser.exit(2, f"error: {error}\n")


def record(given: argparse.Namespace, name: str, content: dict[str, Any]) -> dict[str, Any]:
    """The record of `benchmarks/{name}.py`: date, machine, versions, command, and `content`."""
    return {
        "schema": f"facealign-{name}/1",
        "date": str(date.today()),
        "machine": describe_machine(),
        "versions": versions(),
        "command": shlex.join(["python", f"benchmarks/{name}.py", *given.words]),
        **content,
    }


def write_json(given: argparse.Namespace, tree: dict[str, Any]) -> None:
    """Write a record where `--json` asks for it.

    Raises:
        OutputError: the file cannot be written.

    """
    if given.json is not None:
        text = json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False)
        write_file(given.json, text + "\n")


def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0], "facealign": facealign.__version__}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def new_console(width: int = COLUMNS) -> Console:
    return Console(width=width, highlight=False, markup=False)


def new_table(first: str, *others: str) -> Table:
    """A Markdown table, to read here and to paste into a document; numbers are right-aligned."""
    table = Table(first, box=MARKDOWN)
    for heading in others:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def show_table(console: Console, table: Table, title: str) -> None:
    """The table after its title, with the empty lines that Markdown needs."""
    console.print(title)
    console.print(table)


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction in percent; "–" where there is none."""
    return "–" if value is None else f"{100 * value:.{digits}f}"


def median_and_p95(pair: dict[str, float]) -> str:
    return f"{pair['median']:.1f} / {pair['p95']:.1f}"
