"""Pictures of photos and of faces: their names, what they must not replace, writing them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

from facealign.aligner import FaceAligner
from facealign.cli.console import fail, say
from facealign.cli.photos.photos import Find, Photos, look
from facealign.cli.photos.tally import Tally
from facealign.cli.stopping import INTERRUPTED
from facealign.draw import draw_faces
from facealign.errors import OutputError
from facealign.face import Face, ImageResult
from facealign.files import is_file, is_folder, write_file
from facealign.image import SUFFIXES, encode_image, is_our_picture, write_image
from facealign.types import Pixels

USUAL = (".jpg", ".jpeg", ".png")
FEW = 4
"""Photos a worker that may wait for their turn with the pictures of their faces in memory."""


class Pictures:
    """Where drawn photos go: one file, or a folder with one for each photo.

    Args:
        target: the file or folder.
        files: the photos.
        option: which the user named it with.

    Raises:
        OutputError: one file for several photos, or a picture could replace a photo.

    """

    def __init__(self, target: Path, files: list[Path], option: str) -> None:
        single = target.suffix.lower() in SUFFIXES and not is_folder(target)
        if single and len(files) > 1:
            raise OutputError(
                f"{option} {target} is one file, for {len(files)} photos: give a folder"
            )
        if is_file(target) and not single:
            raise OutputError(f"{option} {target} is a file but no picture: give a folder")
        folders = {os.path.realpath(photo.parent) for photo in files}
        if not single and os.path.realpath(target) in folders:
            raise OutputError(f"{option} {target} could overwrite its photos: give another folder")
        if single and os.path.realpath(target) in {os.path.realpath(photo) for photo in files}:
            raise OutputError(f"{option} would overwrite the photo {target}: give another name")
        self._places = {files[0]: target} if single and files else _places(target, files)
        for picture in () if single else self._places.values():
            _refuse_to_replace(picture, option)

    def align_and_draw(self, photo: Path, find: Find) -> ImageResult:
        """One photo's result, when its picture is written; a bad photo has none."""
        result, image = look(photo, find)
        if image is not None:
            write_image(draw_faces(image, result.faces), self._places[photo])
        return result


def _places(folder: Path, files: list[Path]) -> dict[Path, Path]:
    """A picture's place for each photo, with the photo's suffix if that is a usual one."""
    names = Names()
    return {
        photo: folder / names.next(photo, photo.suffix if photo.suffix.lower() in USUAL else ".png")
        for photo in files
    }


class Names:
    """Names of pictures, each given once: `photo.png`, then `photo-2.png`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def next(self, photo: Path, suffix: str) -> str:
        """Another name with that suffix for a picture of `photo`."""
        number, name = 1, f"{photo.stem}{suffix}"
        while name.lower() in self._taken:
            number += 1
            name = f"{photo.stem}-{number}{suffix}"
        self._taken.add(name.lower())
        return name


def _refuse_to_replace(picture: Path, option: str) -> None:
    """Let a picture replace only one that facealign wrote."""
    if is_file(picture) and not is_our_picture(picture):
        raise OutputError(
            f"{option} would replace {picture}, which facealign did not write: give another folder"
        )


def write_faces(
    photos: Photos,
    output: Path,
    aligner: FaceAligner,
    draw: Callable[[Pixels, Face], Pixels],
    attention: bool = False,
) -> int:
    """Write `draw(image, face)` of every face into a folder, as .png; the exit code.

    Raises:
        OutputError: a picture cannot be written, or would replace one that is not ours.

    """
    if is_file(output):
        raise OutputError(f"-o {output} is a file: give a folder")

    def pictures(photo: Path) -> tuple[ImageResult, list[bytes]]:
        result, image = look(photo, lambda _, image: aligner.align(image, None, attention))
        if image is None:
            return result, []
        return result, [encode_image(draw(image, face), ".png") for face in result.faces]

    def written() -> Generator[ImageResult]:
        names = Names()
        with closing(photos.map(pictures, ahead=FEW)) as results:
            for result, contents in results:
                for content in contents:
                    place = output / names.next(Path(result.source), ".png")
                    _refuse_to_replace(place, "-o")
                    write_file(place, content)
                yield result

    return count_pictures(photos, written(), "pictures of faces", output)


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
