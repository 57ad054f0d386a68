"""Which photos are meant, and work on several at a time."""

import glob
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from facealign.aligner.many import Room, core_count, map_ordered, photo_result
from facealign.cli.console import LOG, bar, counted, fail
from facealign.cli.stopping import GRACE, Stop
from facealign.decoding import RAW_SUFFIXES
from facealign.face import Face, ImageResult
from facealign.files import is_file, is_folder, kind_of, reading
from facealign.image import SUFFIXES, Photo
from facealign.types import Pixels

Result = TypeVar("Result")
Find = Callable[[Path, Photo, Pixels], list[Face]]
"""(path, photo, its upright pixels) → its faces; called from several threads."""

STDIN = Path("-")
"""One photo on standard input, read when its turn comes."""


@dataclass(frozen=True)
class Photos:
    """The photos of one run.

    Attributes:
        files: in the order they were named.
        unknown: how many names matched no photo.
        workers: photos at a time.
        threads: of ONNX Runtime within one photo; None lets it choose.
        room: the memory that the workers share.
    """

    files: list[Path]
    unknown: int
    workers: int
    threads: int | None
    room: Room = field(default_factory=Room)

    @classmethod
    def named(
        cls, names: Iterable[str], skip: Path | None, workers: int | None, threads: int | None
    ) -> "Photos":
        """Find the photos of files, folders and globs; a name without any is printed as an error.

        No search enters `skip`, the folder of pictures. Workers: None for one a core. Threads: None
        for one each, and for all where photos come one at a time.
        """
        files, problems = find_photos(names, skip)
        for problem in problems:
            fail(problem, 3)
        at_once = workers or min(core_count(), max(1, len(files)))
        return cls(files, len(problems), at_once, threads or (1 if at_once > 1 else None))

    def map(self, work: Callable[[Path], Result], shown: bool = True) -> Generator[Result]:
        """`work(photo)` for each photo, in their order, with a progress bar if `shown`.

        Raises:
            KeyboardInterrupt: a signal came; the result in hand or awaited was the last, unless it
                took longer than `GRACE`.
        """
        progress, done = bar("aligning", "photos", shown), 0
        with (
            Stop(grace=GRACE) as stop,
            closing(map_ordered(work, self.files, self.workers)) as results,
        ):
            for result in stop.until_asked(progress(results, total=len(self.files))):
                yield result
                done += 1
        if stop.asked and done < len(self.files):
            raise KeyboardInterrupt

    def results(self, find: Find, shown: bool = True) -> Generator[ImageResult]:
        """Each photo's result, as of `map`; whatever fails, in `find` too, is its error."""

        def look(path: Path) -> ImageResult:
            def load() -> bytes | Path:
                return sys.stdin.buffer.read() if path == STDIN else path

            return photo_result(str(path), load, partial(find, path), self.room)

        return self.map(look, shown)


VIDEOS = (".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv")
SKIPPED = dict.fromkeys(RAW_SUFFIXES, "RAW photo") | dict.fromkeys(VIDEOS, "video")
"""Suffix → what a search skips and counts."""
LEFTOVERS = frozenset({"__MACOSX", "@eaDir"})
"""Folders in which programs keep their own files beside photos."""


def find_photos(names: Iterable[str], skip: Path | None = None) -> tuple[list[Path], list[str]]:
    """The files that names, folders and globs match, and a line for each that matches none."""
    files: dict[Path, None] = {}
    problems: list[str] = []
    for name in names:
        found, why = _matches(name)
        if skip and is_folder(name) and (place := skip.resolve()) != (top := Path(name).resolve()):
            # As the search spells it; where it is not below the folder, it is no file's parent.
            below = Path(name, os.path.relpath(place, top))
            found = [file for file in found if below not in file.parents]
        if not found:
            problems.append(f"{name or '(an empty name)'}: {why}")
        files.update(dict.fromkeys(found))
    return list(files), problems


def _matches(name: str) -> tuple[list[Path], str]:
    """The files that one name matches, and what to say if there are none."""
    if name and is_folder(name):
        return _search(Path(name)), "the folder holds no image, or may not be read"
    if name and (is_file(name) or not glob.has_magic(name)):
        return [Path(name)], ""
    matches = [Path(m) for m in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207
    return [m for m in matches if not is_folder(m)], "matches no file"


def _search(folder: Path) -> list[Path]:
    """The photos below a folder, without what macOS, NAS and version control leave there."""
    found, skipped = [], Counter[str]()
    for file in folder.rglob("*"):
        suffix = file.suffix.lower()
        kind = "photo" if suffix in SUFFIXES else SKIPPED.get(suffix)
        parts = file.relative_to(folder).parts
        if not kind or any(part.startswith(".") or part in LEFTOVERS for part in parts):
            continue
        if is_file(file):
            skipped[kind] += 1
            if kind == "photo":
                found.append(file)
        elif not kind_of(file):
            skipped["broken link"] += 1
    del skipped["photo"]
    if skipped:
        what = " and ".join(counted(number, kind) for kind, number in skipped.most_common())
        LOG.warning("%s: %s skipped", folder, what)
    return sorted(found)


def read_names(source: Path) -> list[str]:
    """The names in a list: one a line, or separated by null bytes as `find -print0` writes them.

    Raises:
        DataError: it cannot be read.
    """
    with reading(source):
        data = sys.stdin.buffer.read() if source == STDIN else source.read_bytes()
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]
