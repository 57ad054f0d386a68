"""Where drawn pictures go, under which names, and what they must not replace."""

from __future__ import annotations

import os
from pathlib import Path

from facealign.draw import draw_faces
from facealign.errors import OutputError
from facealign.face import Face
from facealign.files import is_file, is_folder
from facealign.image import SUFFIXES, is_our_picture, write_image
from facealign.types import Pixels

USUAL = (".jpg", ".jpeg", ".png")


class Names:
    """Names of pictures, each given once: `photo.png`, then `photo-2.png`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def next(self, photo: Path, suffix: str) -> str:
        """Another name of that suffix for a picture of `photo`."""
        number, name = 1, f"{photo.stem}{suffix}"
        while name.lower() in self._taken:
            number += 1
            name = f"{photo.stem}-{number}{suffix}"
        self._taken.add(name.lower())
        return name


def refuse_to_replace(picture: Path, option: str) -> None:
    """Only a picture that facealign wrote before may be written again.

    Raises:
        OutputError: another one is there; the message names the option that led to it.

    """
    if is_file(picture) and not is_our_picture(picture):
        raise OutputError(
            f"{option} would replace {picture}, which facealign did not write: give another folder"
        )


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
            refuse_to_replace(picture, option)

    def write(self, photo: Path, image: Pixels, faces: list[Face]) -> None:
        """Draw the faces of one photo and write the picture."""
        write_image(draw_faces(image, faces), self._places[photo])


def _places(folder: Path, files: list[Path]) -> dict[Path, Path]:
    """A picture's place for each photo, of the photo's suffix where that is a usual one."""
    names = Names()
    return {
        photo: folder / names.next(photo, photo.suffix if photo.suffix.lower() in USUAL else ".png")
        for photo in files
    }
