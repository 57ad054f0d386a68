"""Results of a run in progress, saved image by image: `.NAME.journal` beside the output NAME.

A killed process loses at most the image it was working on. The first line of the journal holds the
settings of the run; only a run with the same settings may resume it.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

from facealign.errors import DataError, OutputError
from facealign.face import ImageResult
from facealign.files import (
    beside,
    check_place,
    is_folder,
    is_stream,
    lock,
    make_folder,
    parse_json,
    parsing,
    reading,
    writing,
)
from facealign.formats.json import from_line
from facealign.formats.parquet import to_row

AGAIN = "leave --resume out to start again"


class Journal(AbstractContextManager["Journal"]):
    """Stores results for an output one by one, and reads them back in the same order.

    The settings of the run are plain values by name. `resume` continues a journal that exists;
    otherwise a new one is started.

    Raises:
        OutputError: it cannot be written, another process is writing it, it was started with
            other settings, or the output must not be replaced.

    Attributes:
        resumed: it continues an earlier one.
        is_empty: it holds no result.
        is_finished: it holds what the output of an earlier run held, and nothing more.
    """

    def __init__(self, output: Path, settings: dict[str, Any], resume: bool) -> None:
        self.path = journal_path(output)
        self.done: set[str] = set()
        self.is_empty, self.is_finished = True, False
        if is_stream(output):
            raise OutputError(f"{output} is not a file; -o - prints JSON Lines on standard output")
        if not is_folder(output):
            check_place(output)
        make_folder(output.parent)
        with ExitStack() as stack:
            try:
                stack.enter_context(lock(beside(output, ".journal.lock"), wait=False))
            except BlockingIOError:
                what = f"{output}: another facealign is writing it; wait for it"
                raise OutputError(what) from None
            self.resumed = resume and _is_begun(self.path)
            with writing(output):
                self._file = stack.enter_context(self.path.open("r+b" if self.resumed else "wb"))
            if self.resumed:
                self._check_settings(output, settings)
                self._cut_unfinished_line()
                self.done = {result.source for result in self.results()}
                self.is_empty = not self.done
            else:
                self._append({"settings": settings})
            self._held = stack.pop_all()

    def _check_settings(self, output: Path, settings: dict[str, Any]) -> None:
        with parsing(self.path, "damaged", cure=AGAIN):
            begun = dict(parse_json(self._file.readline(), self.path, AGAIN)["settings"])
        other = [k for k in {**begun, **settings} if begun.get(k) != settings.get(k)]
        if "folder" not in begun:  # of an older version
            other = [name for name in other if name != "folder"]
        if other:
            raise OutputError(
                f"{output} was started with another {', '.join(other)}: repeat the command as it "
                f"was, or {AGAIN}"
            )

    def _cut_unfinished_line(self) -> None:
        """A killed process may have written half a line at the end."""
        self._file.seek(0)
        self._file.truncate(sum(len(line) for line in self._file if line.endswith(b"\n")))
        self._file.seek(0, os.SEEK_END)

    def take_over(self, results: Iterable[ImageResult]) -> None:
        """Add the results of an earlier run."""
        for result in results:
            self.add(result)
            self.done.add(result.source)
        self.is_finished = True

    def add(self, result: ImageResult) -> None:
        """Add one image's result; once this returns, it survives the death of the process."""
        self._append(to_row(result) | {"source": result.source})
        self.is_empty = self.is_finished = False

    def _append(self, row: dict[str, Any]) -> None:
        with writing(self.path):
            self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
            self._file.flush()

    def results(self) -> Iterator[ImageResult]:
        """Every result so far, in the order in which they were added."""
        with reading(self.path), self.path.open("rb") as file:
            file.readline()  # the settings
            for number, line in enumerate(file, 2):
                try:
                    yield from_line(line, f"{self.path}:{number}")
                except DataError as error:
                    raise DataError(f"{error}; {AGAIN}") from None

    def close(self) -> None:
        """Keep it for the next run, unless it is empty."""
        if self.is_empty:
            self.remove()
        with writing(self.path):  # a full disk refuses once more what it refused before
            self._held.close()

    def remove(self) -> None:
        """Close and delete it, now that the results are in the output."""
        with writing(self.path):
            with suppress(OSError):
                self._file.close()
            self.path.unlink(missing_ok=True)
            self._held.close()

    def __exit__(self, *error: object) -> None:
        self.close()


def journal_path(output: Path) -> Path:
    """Where the journal of an output is."""
    return beside(output, ".journal")


def _is_begun(path: Path) -> bool:
    """Whether a journal has its first line; a process that died earlier leaves an empty file."""
    with suppress(OSError), path.open("rb") as file:
        return file.readline().endswith(b"\n")
    return False
