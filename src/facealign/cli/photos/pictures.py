"""Pictures of photos and of faces: their places, and writing them."""

import os
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from facealign.aligner import FaceAligner
from facealign.cli.console import fail, say
from facealign.cli.photos.inputs import Photos
from facealign.cli.stopping import INTERRUPTED
from facealign.cli.tally import Tally
from facealign.draw import draw_faces
from facealign.errors import OutputError
from facealign.face import Face, ImageResult
from facealign.files import (
    check_folder,
    distinct_names,
    is_file,
    is_folder,
    numbered,
    refuse_foreign,
)
from facealign.image import SUFFIXES, Photo, write_image
from facealign.types import Pixels

USUAL = (".jpg", ".jpeg", ".png")
"""Suffixes of photos that their pictures keep; the others become .png."""


class Pictures:
    """Where drawn photos go: one file, or a folder with one for each photo; named with `option`.

    Raises:
        OutputError: one file for several photos, or a picture could replace a photo.
    """

    def __init__(self, target: Path, files: list[Path], option: str) -> None:
        named = f"{option} {target}"
        single = target.suffix.lower() in SUFFIXES and not is_folder(target)
        if single and len(files) > 1:
            raise OutputError(f"{named} is one file, for {len(files)} photos: give a folder")
        if is_file(target) and not single:
            raise OutputError(f"{named} is a file but no picture: give a folder")
        folders = {os.path.realpath(photo.parent) for photo in files}
        if not single and os.path.realpath(target) in folders:
            raise OutputError(f"{named} could overwrite its photos: give another folder")
        check_folder(target.parent if single else target)
        names = distinct_names(files)
        suffixes = {f: f.suffix if f.suffix.lower() in USUAL else ".png" for f in files}
        self._places = {f: target if single else target / (names[f] + suffixes[f]) for f in files}
        for picture in self._places.values():
            refuse_foreign(picture)

    def draw(self, path: Path, photo: Photo, image: Pixels, faces: list[Face]) -> None:
        """Write a photo with its faces drawn, in the photo's own colours.

        Raises:
            OutputError: it cannot be written.
        """
        write_image(draw_faces(image, faces), self._places[path], photo.profile)


def write_faces(
    photos: Photos,
    output: Path,
    aligner: FaceAligner,
    draw: Callable[[Pixels, Face], Pixels],
    attention: bool = False,
) -> int:
    """Write `draw(image, face)` of every face into a folder, as .png; the exit code.

    The pictures of `a.jpg` are `a.png`, `a_2.png`, …: see `distinct_names`.

    Raises:
        OutputError: the folder cannot be made.
    """
    if is_file(output):
        raise OutputError(f"-o {output} is a file: give a folder")
    check_folder(output)
    names = distinct_names(photos.files)
    for name in names.values():
        refuse_foreign(output / f"{name}.png")

    def pictures(path: Path, photo: Photo, image: Pixels) -> list[Face]:
        faces = aligner.align(image, None, attention)
        for number, face in enumerate(faces, 1):
            place = output / f"{numbered(names[path], number)}.png"
            write_image(draw(image, face), place, photo.profile)
        return faces

    return count_pictures(photos, photos.results(pictures), "pictures of faces", output)


def count_pictures(photos: Photos, results: Generator[ImageResult], what: str, output: Path) -> int:
    """Take all results, name the photos that failed, say what lies where; the exit code."""
    tally = Tally(at_once=True)
    try:
        with closing(results):
            for result in results:
                tally.add(result)
    except KeyboardInterrupt:
        return fail(tally.interrupted(len(photos.files)), INTERRUPTED)
    say(f"{what}: {tally.faces}, in {output}")
    return tally.exit_code(photos.unknown > 0)
