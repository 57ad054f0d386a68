"""What `crop` and `attention` share: photos in, one picture a face out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from facealign.aligner import FaceAligner
from facealign.cli.console import fail, out, progress
from facealign.cli.photos import find_photos
from facealign.errors import FaceAlignError, OutputError
from facealign.face import Face
from facealign.image import is_file, is_our_picture, read_image, write_image
from facealign.types import Pixels

Draw = Callable[[Pixels, Face], Pixels]


class FaceNames:
    """Names of pictures in a folder, each given once: `photo.png`, then `photo-2.png`.

    Pictures that facealign wrote before are replaced, others never.
    """

    def __init__(self, folder: Path) -> None:
        if is_file(folder):
            raise OutputError(f"-o {folder} is a file: give a folder")
        self._folder = folder
        self._taken: set[str] = set()

    def next(self, photo: Path) -> Path:
        """The place of another face of `photo`.

        Raises:
            OutputError: a picture that facealign did not write is there.

        """
        number, name = 1, f"{photo.stem}.png"
        while name.lower() in self._taken:
            number += 1
            name = f"{photo.stem}-{number}.png"
        self._taken.add(name.lower())
        place = self._folder / name
        if is_file(place) and not is_our_picture(place):
            raise OutputError(
                f"would replace {place}, which facealign did not write: give another folder"
            )
        return place


def write_faces(
    photos: Iterable[str], output: Path, aligner: FaceAligner, draw: Draw, attention: bool = False
) -> int:
    """Write `draw` of every face of the photos into a folder; the exit code.

    A photo that cannot be done is one line of error, and the rest goes on.

    Raises:
        OutputError: a picture cannot be written.

    """
    files, problems = find_photos(photos, leave_out=output)
    names, written, failed = FaceNames(output), 0, 0
    for problem in problems:
        fail(problem, 3)
    with progress("photos") as bar:
        for photo in bar.track(files, description="aligning"):
            try:
                image = read_image(photo)
                faces = aligner.align(image, attention=attention)
            except FaceAlignError as error:
                failed += bool(fail(str(error), 3))
                continue
            for face in faces:
                write_image(draw(image, face), names.next(photo))
            written += len(faces)
    done = len(files) - failed
    out().print(f"pictures of faces: {written}, in {output}", markup=False, soft_wrap=True)
    if not done:
        return 4
    return 3 if failed or problems else 0
