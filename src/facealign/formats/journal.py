"""The results of work under way, safe on the disk image by image: `.NAME.journal` beside NAME.

A process that is killed loses at most the image it was at. The first line says how the work is
done; only work done the same way may go on from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from facealign.errors import OutputError
from facealign.face import ImageResult
from facealign.files import lock, reading, writing
from facealign.formats.json import from_line
from facealign.formats.parquet import to_row


class Journal:
    """Takes results one by one, and gives them back from the beginning.

    Args:
        output: the file that the results are meant for.
        settings: how the work is done, plain values by name.
        resume: go on with a journal that is there; else begin a new one.

    Raises:
        OutputError: it cannot be written, another process writes it, or it was begun with other
            settings.

    """

    def __init__(self, output: Path, settings: dict[str, Any], resume: bool) -> None:
        self.path = journal_path(output)
        self._locked = ExitStack()
        self._settings = settings
        self.done: set[str] = set()
        self.is_empty = True
        with writing(output):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._locked.enter_context(lock(output.with_name(f".{output.name}.lock"), wait=False))
        except BlockingIOError:
            raise OutputError(f"{output}: another facealign is writing it; wait for it") from None
        self.resumed = resume and self.path.exists()
        with writing(output):
            self._file = self.path.open("r+b" if self.resumed else "ab")
        try:
            self._begin(output)
        except BaseException:
            self._file.close()
            self._locked.close()
            raise

    def _begin(self, output: Path) -> None:
        if self.resumed:
            self._check_settings(output)
            self._cut_unfinished_line()
            self.done = {result.source for result in self.results()}
            self.is_empty = not self.done
        else:
            self._file.truncate(0)
            self._write(json.dumps({"settings": self._settings}))

    def _check_settings(self, output: Path) -> None:
        try:
            begun = json.loads(self._file.readline())["settings"]
        except (ValueError, LookupError, TypeError):
            raise OutputError(f"{self.path}: damaged; remove it and begin anew") from None
        other = [k for k in {**begun, **self._settings} if begun.get(k) != self._settings.get(k)]
        if other:
            raise OutputError(
                f"{output} was begun with another {', '.join(other)}: repeat the command as it "
                "was, or leave --resume out to begin anew"
            )

    def _cut_unfinished_line(self) -> None:
        """What a killed process wrote last may be half a line."""
        end = self._file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            self._file.seek(start)
            newline = self._file.read(end - start).rfind(b"\n")
            if newline >= 0:
                self._file.truncate(start + newline + 1)
                break
            end = start
        self._file.seek(0, os.SEEK_END)

    def take_over(self, results: Iterable[ImageResult]) -> None:
        """Begin with results that were finished earlier."""
        for result in results:
            self.add(result)
            self.done.add(result.source)

    def add(self, result: ImageResult) -> None:
        """Add one image's result; it is the system's to keep when this returns."""
        self._write(json.dumps(to_row(result) | {"source": result.source}, allow_nan=False))
        self.is_empty = False

    def _write(self, line: str) -> None:
        with writing(self.path):
            self._file.write(line.encode() + b"\n")
            self._file.flush()

    def results(self) -> Iterator[ImageResult]:
        """Every result so far, in the order of their coming."""
        with reading(self.path), self.path.open("rb") as file:
            file.readline()  # the settings
            for number, line in enumerate(file, 2):
                yield from_line(line.decode(), f"{self.path}:{number}")

    def close(self) -> None:
        """Leave it for the next time, unless it is empty."""
        if self.is_empty:
            self.remove()
        self._file.close()
        self._locked.close()

    def remove(self) -> None:
        """Close and delete it: the results are where they were meant to be."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        self._locked.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def journal_path(output: Path) -> Path:
    """The journal's place for an output."""
    return output.with_name(f".{output.name}.journal")
