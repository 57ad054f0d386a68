"""What results hold, found in one pass before they are written to a format that may lose some."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from facealign.face import Face, ImageResult
from facealign.files import distinct_names

NEEDED = ("box", "score", "landmarks", "markup")
"""What every `Face` has, in the order of `json.build_face`."""
OPTIONAL = {
    "confidence": "confidence",
    "scores": "point scores",
    "visible": "visibility",
    "track": "tracks",
    "raw": "raw points",
    "measures": "measures",
}
"""What a `Face` may lack → the word for it in `Contents.holds`."""


@dataclass
class Contents:
    """What some results hold.

    Attributes:
        images, faces: how many.
        first: the first face; None without a face.
        markups: names of the point schemes.
        holds: which of "boxes", "scores", "confidence", "point scores", "visibility", "fractions of
            pixels", "image sizes", "photos without a face", "failed photos", and of videos
            "frames", "times", "frames without a face", "tracks", "raw points", "measures" there
            are.
        folder: the deepest folder that holds every photo.
        photos: the path of each.
        measures: their names, in the order of the first face that has any.
    """

    images: int = 0
    faces: int = 0
    first: Face | None = None
    markups: set[str] = field(default_factory=set)
    holds: set[str] = field(default_factory=set)
    folder: Path | None = None
    photos: dict[Path, None] = field(default_factory=dict)
    measures: tuple[str, ...] = ()

    def names(self) -> dict[Path, str]:
        """Photo → its name below the folder of all photos, without suffix; never outside it.

        No two photos have the same (`files.distinct_names`).
        """
        folders: dict[Path, list[Path]] = {}
        for photo in self.photos:
            folders.setdefault(self.folder_of(photo), []).append(photo)
        named = {folder: distinct_names(photos) for folder, photos in folders.items()}
        return {p: (f / name).as_posix() for f, names in named.items() for p, name in names.items()}

    def folder_of(self, photo: Path) -> Path:
        """A photo's folder below the one of all photos; never outside it."""
        path = Path(os.path.normpath(photo))
        if self.folder and path.is_relative_to(self.folder):
            path = path.relative_to(self.folder)
        return Path(*(part for part in path.parts if part not in ("..", path.anchor))).parent


def path_of(source: str) -> Path:
    """The path of a photo, as it is on this system."""
    return Path(source.replace("\\", "/"))


def contents_of(results: Iterable[ImageResult]) -> Contents:
    """What the results hold; they are read one at a time."""
    seen = Contents()
    for result in results:
        seen.images += 1
        seen.faces += len(result.faces)
        _note_image(seen, result)
        for face in result.faces:
            seen.first = seen.first or face
            seen.markups.add(face.markup)
            seen.holds |= {"boxes", "scores", "fractions of pixels"}
            seen.holds |= {what for k, what in OPTIONAL.items() if getattr(face, k) is not None}
            seen.measures = seen.measures or tuple(face.measures or ())
    return seen


def _note_image(seen: Contents, result: ImageResult) -> None:
    seen.photos[path_of(result.source)] = None
    folder = Path(os.path.normpath(path_of(result.source))).parent
    seen.folder = seen.folder or folder
    while not folder.is_relative_to(seen.folder) and seen.folder != seen.folder.parent:
        seen.folder = seen.folder.parent
    there: dict[str, object] = {"frames": result.frame, "times": result.time}
    there |= {"image sizes": result.width, "failed photos": result.error}
    seen.holds |= {what for what, value in there.items() if value is not None}
    if result.error is None and not result.faces:
        seen.holds.add(f"{'photos' if result.frame is None else 'frames'} without a face")
