"""Counting results: a table where they are few, the totals where they are many."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from facealign.cli.console import counted, fail, print_table
from facealign.face import ImageResult

TABLE_IMAGES = 40
"""Up to this many images every face has a row; for more, only the totals are printed."""
SHOWN = 20
"""The number of failed photos that are named at the end; the output lists all."""


@dataclass
class Tally:
    """Counts results as they come; keeps none but the first few.

    Attributes:
        require_face: a photo without a face counts as a problem.
        at_once: name each problem as it comes, instead of the first few at the end.
    """

    require_face: bool = False
    at_once: bool = False
    images: int = 0
    faces: int = 0
    failed: int = 0
    without: int = 0
    _first: list[ImageResult] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)

    def add(self, result: ImageResult) -> None:
        """Count one image's result."""
        self.images += 1
        self.faces += len(result.faces)
        if len(self._first) <= TABLE_IMAGES:
            self._first.append(result)
        if result.error is not None:
            self.failed += 1
            self._problem(result.error)
        elif not result.faces:
            self.without += 1
            if self.require_face:
                self._problem(f"{result.source}: no face found")

    def _problem(self, text: str) -> None:
        if self.at_once:
            fail(text, 3)
        elif len(self._problems) < SHOWN:
            self._problems.append(text)

    def print_problems(self, output: Path | None) -> None:
        """Name the first problems, unless that was done at once, and count the others."""
        for problem in self._problems:
            fail(problem, 3)
        more = self.failed + (self.without if self.require_face else 0) - len(self._problems)
        if more and not self.at_once:
            where = f"{output} lists them" if output else "-o FILE lists them"
            fail(f"{counted(more, 'more photo')} like these; {where}", 3)

    def print_table(self) -> None:
        """Print a row for each face, if the images are few."""
        if self.images <= TABLE_IMAGES:
            rows = (row for result in self._first for row in _rows(result))
            print_table(("photo", "faces", "box (x0 y0 x1 y1)", "score"), rows)

    def in_words(self) -> str:
        """The totals as a line."""
        done = f"{counted(self.faces, 'face')} in {counted(self.images - self.failed, 'photo')}"
        return done + (f", {self.failed} failed" if self.failed else "")

    def interrupted(self, photos: int) -> str:
        """How many photos of all were done, as a line."""
        return f"interrupted: {self.images} of {photos} photos done"

    def exit_code(self, problems: bool) -> int:
        """The exit code; `problems` says that some names matched no photo."""
        if self.failed == self.images:
            return 4
        if self.failed or problems:
            return 3
        return 6 if self.require_face and self.without else 0


def _rows(result: ImageResult) -> list[tuple[str, str, str, str]]:
    if result.error:
        return [(result.source, "-", "failed", "")]
    if not result.faces:
        return [(result.source, "0", "", "")]
    names = [(result.source, str(len(result.faces)))] + [("", "")] * (len(result.faces) - 1)
    return [
        (*name, " ".join(f"{value:.1f}" for value in face.box), f"{face.score:.2f}")
        for name, face in zip(names, result.faces, strict=True)
    ]


TABLE_TRACKS = 40
"""Up to this many tracks each has a row in the table at the end."""


@dataclass
class Totals:
    """The tracks of videos: a number for each, whatever the video's length."""

    frames: int = 0
    tracks: Counter[tuple[str, int]] = field(default_factory=Counter)
    times: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    def add(self, result: ImageResult) -> None:
        """Count a frame."""
        self.frames += 1
        time = result.time or 0.0
        for face in result.faces:
            key = result.source, face.track or 0
            self.tracks[key] += 1
            self.times[key] = self.times.get(key, (time, time))[0], time

    def in_words(self) -> str:
        """The totals as a line."""
        return f"{counted(len(self.tracks), 'track')} in {counted(self.frames, 'frame')}"

    def print_table(self) -> None:
        """A row for each track, if they are few."""
        if 0 < len(self.tracks) <= TABLE_TRACKS:
            rows = (
                (source, str(number), str(count), *(f"{t:.2f}" for t in self.times[source, number]))
                for (source, number), count in self.tracks.items()
            )
            columns = ("video", "track", "frames", "from (s)", "to (s)")
            print_table(columns, rows, right=columns[1:])
