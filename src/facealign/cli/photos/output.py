"""Where the results of `facealign align` go: the CSV, JSON, Parquet … file, and its journal."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from facealign.cli.console import LOG, counted
from facealign.cli.photos.inputs import STDIN, Find, Photos
from facealign.cli.tally import Tally
from facealign.errors import OutputError
from facealign.face import ImageResult
from facealign.files import is_file, is_folder, to_utf8
from facealign.formats.folders import check_files
from facealign.formats.journal import Journal
from facealign.formats.json import to_dict
from facealign.formats.registry import Format, output_format, read_results, write_results

STDOUT = Path("-")
"""Results as JSON Lines on standard output."""


@dataclass(frozen=True)
class Output:
    """Where results go.

    Attributes:
        path: the file, or a folder of `.pts` files; `STDOUT`; None for a table alone.
        form: name of the format; None goes by the suffix.
        resume: continue where an earlier run stopped.

    Raises:
        click.UsageError: the options do not fit together.
    """

    path: Path | None
    form: str | None
    resume: bool

    def __post_init__(self) -> None:
        if self.resume and self.path in (None, STDOUT):
            raise click.UsageError("--resume needs -o FILE: it continues that file")
        if self.form and self.path is None:
            raise click.UsageError("--format needs -o FILE")
        if self.form not in (None, "jsonl") and self.path == STDOUT:
            raise click.UsageError("standard output takes --format jsonl only")

    def run(
        self, find: Find, photos: Photos, markup: str, record: dict[str, Any], tally: Tally
    ) -> None:
        """Align the photos, on several threads; write the results and count them.

        `record` are the settings, by which a run may be resumed; the folder that names are relative
        to is added.

        Raises:
            KeyboardInterrupt: a signal came; what was done by then is written.
            OutputError: the file cannot be written, or was begun with other settings, or holds
                other points.
            MissingExtraError: the format needs an extra that is not installed.
        """
        if self.path is None:
            _align_all(find, photos, tally)
        elif self.path == STDOUT:
            _align_all(find, photos, tally, line_printer(), shown=not sys.stdout.isatty())
        else:
            form = output_format(self.path, self.form)
            _check_place(self.path, form, photos.files)
            relative = any(not file.is_absolute() for file in photos.files if file != STDIN)
            record = record | {"folder": str(Path.cwd()) if relative else None}
            with kept(self.path, form, record, self.resume, tally.add, markup) as journal:
                left = [p for p in photos.files if not {str(p), to_utf8(str(p))} & journal.done]
                _align_all(find, replace(photos, files=left), tally, journal.add)


@contextmanager
def kept(
    path: Path,
    form: Format,
    record: dict[str, Any],
    resume: bool,
    count: Callable[[ImageResult], object],
    markup: str | None = None,
) -> Iterator[Journal]:
    """A journal for results while they come; at the end, whatever stops the work, a file.

    `count` gets the results of an earlier run; a finished file of other points than `markup` is
    refused. The journal stays if the work is stopped, as by Ctrl-C.
    """
    with Journal(path, record, resume) as journal:
        if resume and not journal.resumed and form.keeps_all and is_file(path):
            if markup:
                _check_markup(path, form, markup)
            journal.take_over(read_results(path, form.name))
        for result in journal.results():
            count(result)
        try:
            yield journal
        finally:
            if not (journal.is_empty or journal.is_finished):
                write_results(journal.results, path, form.name)
        journal.remove()


def _align_all(
    find: Find,
    photos: Photos,
    tally: Tally,
    write: Callable[[ImageResult], object] = lambda result: None,
    shown: bool = True,
) -> None:
    with closing(photos.results(find, shown)) as results:
        for result in results:
            write(result)
            tally.add(result)
            if result.error is None:
                LOG.debug("%s: %s", result.source, counted(len(result.faces), "face"))


def line_printer() -> Callable[[ImageResult], None]:
    """Prints results as JSON Lines; a point scheme that is not built in with the first of them."""
    told: set[str] = set()

    def print_line(result: ImageResult) -> None:
        sys.stdout.write(json.dumps(to_dict(result, told), allow_nan=False) + "\n")  # any encoding
        sys.stdout.flush()

    return print_line


def _check_markup(path: Path, form: Format, markup: str) -> None:
    """Refuse to add to a finished file of other points; its other settings are not known."""
    faces = (face for result in read_results(path, form.name) for face in result.faces)
    first = next(faces, None)
    if first and first.markup != markup:
        raise OutputError(
            f"{path} holds {first.markup} points, not {markup}: leave --resume out to start again"
        )


def _check_place(path: Path, form: Format, photos: list[Path]) -> None:
    """Refuse before the work what could not be written after it."""
    form.check()
    if not form.files:
        if is_folder(path):
            raise OutputError(f"cannot write {path}: it is a folder; give a file name")
    elif path.suffix.lower() == ".pts":
        if len(photos) > 1:
            raise OutputError(
                f"{path} is one .pts file, for {len(photos)} photos: give a folder and --format pts"
            )
    else:
        check_files(path.parent if path.suffix == ".yaml" else path, f"**/*{form.files}")
