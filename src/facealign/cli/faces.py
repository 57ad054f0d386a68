"""What `crop` and `attention` share: photos in, one picture a face out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def write_faces(
    photos: Iterable[str], output: Path, aligner: FaceAligner, draw: Draw, attention: bool = False
) -> int:
    """Write `draw` of every face of the photos into a folder, as .png; the exit code.

    A photo that cannot be done is one line of error, and the rest goes on.

    Raises:
        OutputError: a picture cannot be written, or would replace one that is not ours.

    """
    if is_file(output):
        raise OutputError(f"-o {output} is a file: give a folder")
    files, problems = find_photos(photos, leave_out=output)
    names, written, failed = Names(), 0, 0
    for problem in problems:
        fail(problem, 3)
    with progress("photos") as bar:
        for photo in bar.track(files, description="aligning"):
            result, image = photo_result(
                str(photo), partial(to_source, photo), partial(aligner.align, attention=attention)
            )
            if image is None:
                failed += bool(fail(str(result.error), 3))
                continue
            for face in result.faces:
                place = output / names.next(photo, ".png")
                refuse_to_replace(place, "-o")
                write_image(draw(image, face), place)
            written += len(result.faces)
    out().print(f"pictures of faces: {written}, in {output}", markup=False, soft_wrap=True)
    if failed == len(files):
        return 4
    return 3 if failed or problems else 0
