"""Photos, several at a time: what `align`, `draw`, `crop` and `attention` share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from facealign.aligner import FaceAligner
from facealign.aligner.ordered import AHEAD, core_count, map_ordered
from facealign.aligner.photo import photo_result
from facealign.cli.console import bar, fail, out
from facealign.cli.photos import find_photos, to_source
from facealign.cli.pictures import Names, Pictures, refuse_to_replace
from facealign.cli.stopping import Stop
from facealign.cli.tally import Tally
from facealign.errors import OutputError
from facealign.face import Face, ImageResult
from facealign.files import is_file, write_file
from facealign.image import encode_image
from facealign.types import Pixels

Draw = Callable[[Pixels, Face], Pixels]
Find = Callable[[Path, Pixels], list[Face]]
Result = TypeVar("Result")
Pictured = tuple[ImageResult, list[bytes]]
FEW = 4
"""Photos a worker that may wait for their turn with the pictures of their faces in memory."""


@dataclass(frozen=True)
class Photos:
    """The photos of one run.

    Attributes:
        files: in the order they were named.
        unknown: how many names stood for no photo.
        workers: photos at a time.
        threads: of ONNX Runtime within one photo; None lets it choose.

    """

    files: list[Path]
    unknown: int
    workers: int
    threads: int | None

    @classmethod
    def named(
        cls,
        names: Iterable[str],
        leave_out: Path | None,
        workers: int | None,
        threads: int | None,
    ) -> Photos:
        """Find them; a name that stands for none is a line of error.

        Args:
            names: files, folders, globs; `-` is standard input.
            leave_out: a folder that a search does not enter: the one that pictures go to.
            workers: None for a core each.
            threads: None for one each, and for all where photos come one at a time.

        """
        files, problems = find_photos(names, leave_out)
        for problem in problems:
            fail(problem, 3)
        at_once = workers or min(core_count(), max(1, len(files)))
        return cls(files, len(problems), at_once, threads or (1 if at_once > 1 else None))


@dataclass(frozen=True)
class Work:
    """What is done with a photo; used from several threads.

    Attributes:
        find: the faces of a photo, of this name and these upright pixels.
        pictures: where drawn ones go, else None.

    """

    find: Find
    pictures: Pictures | None = None

    def align(self, photo: Path) -> ImageResult:
        """One photo's result; a bad photo's holds the error."""
        result, image = self._look(photo)
        if self.pictures and image is not None:
            self.pictures.write(photo, image, result.faces)
        return result

    def picture(self, photo: Path, draw: Draw) -> Pictured:
        """One photo's result, and `draw` of each face as the content of a .png file."""
        result, image = self._look(photo)
        if image is None:
            return result, []
        return result, [encode_image(draw(image, face), ".png") for face in result.faces]

    def _look(self, photo: Path) -> tuple[ImageResult, Pixels | None]:
        return photo_result(str(photo), partial(to_source, photo), partial(self.find, photo))


def run(
    work: Callable[[Path], Result], photos: Photos, hidden: bool = False, ahead: int = AHEAD
) -> Generator[Result]:
    """What comes of each photo, in their order, with a progress bar unless it is hidden.

    Raises:
        KeyboardInterrupt: a signal came; the result that was in hand or awaited was the last.

    """
    shown, done = bar("aligning", "photos", shown=not hidden), 0
    with Stop() as stop, closing(map_ordered(work, photos.files, photos.workers, ahead)) as results:
        for result in stop.until_asked(shown(results, total=len(photos.files))):
            yield result
            done += 1
    if stop.asked and done < len(photos.files):
        raise KeyboardInterrupt


def write_faces(
    photos: Photos, output: Path, aligner: FaceAligner, draw: Draw, attention: bool = False
) -> int:
    """Write `draw` of every face of the photos into a folder, as .png; the exit code.

    Raises:
        OutputError: a picture cannot be written, or would replace one that is not ours.

    """
    if is_file(output):
        raise OutputError(f"-o {output} is a file: give a folder")
    work = Work(lambda _, image: aligner.align(image, None, attention))
    written = _written(photos, partial(work.picture, draw=draw), output)
    return conclude_pictures(photos, written, "pictures of faces", output)


def _written(
    photos: Photos, picture: Callable[[Path], Pictured], output: Path
) -> Generator[ImageResult]:
    """Each photo's result, when the pictures of its faces lie in the folder."""
    names = Names()
    with closing(run(picture, photos, ahead=FEW)) as results:
        for result, pictures in results:
            for content in pictures:
                place = output / names.next(Path(result.source), ".png")
                refuse_to_replace(place, "-o")
                write_file(place, content)
            yield result


def conclude_pictures(
    photos: Photos, results: Generator[ImageResult], what: str, output: Path
) -> int:
    """Take all results, name the photos that failed, say what lies where; the exit code."""
    tally = Tally(at_once=True)
    try:
        with closing(results):
            for result in results:
                tally.add(result)
    except KeyboardInterrupt:
        return fail(tally.interrupted(len(photos.files)), 130)
    out().print(f"{what}: {tally.faces}, in {output}", markup=False, soft_wrap=True)
    return tally.exit_code(photos.unknown > 0)
