"""Where `facealign align --draw` puts its pictures, and what it must not replace."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from facealign.draw import draw_faces
from facealign.errors import OutputError
from facealign.face import Face
from facealign.image import SUFFIXES, is_file, is_folder, is_our_picture, write_image
from facealign.types import Pixels


class Pictures:
    """Where the drawn pictures go: one file, or a folder with one for each photo.

    Raises:
        OutputError: one file for several photos, or a picture could replace a photo.

    """

    def __init__(self, target: Path, files: list[Path]) -> None:
        single = target.suffix.lower() in SUFFIXES and not is_folder(target)
        if single and len(files) > 1:
            raise OutputError(
                f"--draw {target} is one file, for {len(files)} photos: give a folder"
            )
        if is_file(target) and not single:
            raise OutputError(f"--draw {target} is a file but no picture: give a folder")
        folders = {os.path.realpath(photo.parent) for photo in files}
        if not single and os.path.realpath(target) in folders:
            raise OutputError(f"--draw {target} could overwrite its photos: give another folder")
        if single and os.path.realpath(target) in {os.path.realpath(photo) for photo in files}:
            raise OutputError(f"--draw would overwrite the photo {target}: give another name")
        self._names = {files[0]: target} if single and files else _names(target, files)
        if not single:
            _refuse_to_replace(self._names.values())

    def write(self, photo: Path, image: Pixels, faces: list[Face]) -> None:
        """Draw the faces of one photo and write the picture."""
        write_image(draw_faces(image, faces), self._names[photo])


def _refuse_to_replace(pictures: Iterable[Path]) -> None:
    """Only a picture that facealign drew before may be drawn again."""
    for picture in pictures:
        if is_file(picture) and not is_our_picture(picture):
            raise OutputError(
                f"--draw would replace {picture}, which facealign did not draw: give another folder"
            )


def _names(folder: Path, files: list[Path]) -> dict[Path, Path]:
    """A picture's name for each photo; photos of the same name in several folders get numbers."""
    names: dict[Path, Path] = {}
    taken: set[str] = set()
    for photo in files:
        suffix = photo.suffix if photo.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
        number, name = 1, f"{photo.stem}{suffix}"
        while name.lower() in taken:
            number += 1
            name = f"{photo.stem}-{number}{suffix}"
        taken.add(name.lower())
        names[photo] = folder / name
    return names
