"""What `draw`, `crop` and `attention` share: photos in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from facealign.aligner import FaceAligner
from facealign.aligner.photo import photo_result
from facealign.cli.console import fail, out, progress
from facealign.cli.photos import find_photos, to_source
from facealign.cli.pictures import Names, refuse_to_replace
from facealign.errors import OutputError
from facealign.face import Face
from facealign.image import is_file, write_image
from facealign.types import Pixels

Draw = Callable[[Pixels, Face], Pixels]
Find = Callable[[Path, Pixels], list[Face]]


class PhotoLoop:
    """Photos one after the other; one that cannot be done is a line of error, and the rest goes on.

    Args:
        names: files, folders, globs; `-` is standard input.
        leave_out: a folder that a search does not enter: the one that pictures go to.

    """

    def __init__(self, names: Iterable[str], leave_out: Path) -> None:
        self.files, problems = find_photos(names, leave_out)
        self._problems, self._failed = len(problems), 0
        for problem in problems:
            fail(problem, 3)

    def each(self, find: Find) -> Iterator[tuple[Path, Pixels, list[Face]]]:
        """Every photo that can be done: its name, its upright pixels, what `find` gives for it."""
        with progress("photos") as bar:
            for photo in bar.track(self.files, description="aligning"):
                result, image = photo_result(
                    str(photo), partial(to_source, photo), partial(find, photo)
                )
                if image is None:
                    self._failed += bool(fail(str(result.error), 3))
                else:
                    yield photo, image, result.faces

    def exit_code(self) -> int:
        """The exit code, when all are done."""
        if self._failed == len(self.files):
            return 4
        return 3 if self._failed or self._problems else 0


def write_faces(
    photos: Iterable[str], output: Path, aligner: FaceAligner, draw: Draw, attention: bool = False
) -> int:
    """Write `draw` of every face of the photos into a folder, as .png; the exit code.

    Raises:
        OutputError: a picture cannot be written, or would replace one that is not ours.

    """
    if is_file(output):
        raise OutputError(f"-o {output} is a file: give a folder")
    loop, names, written = PhotoLoop(photos, leave_out=output), Names(), 0
    for photo, image, faces in loop.each(lambda _, image: aligner.align(image, None, attention)):
        for face in faces:
            place = output / names.next(photo, ".png")
            refuse_to_replace(place, "-o")
            write_image(draw(image, face), place)
        written += len(faces)
    out().print(f"pictures of faces: {written}, in {output}", markup=False, soft_wrap=True)
    return loop.exit_code()
