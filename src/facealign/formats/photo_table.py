"""What a file holds for each photo: boxes, or the faces of earlier results."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Generic, Self, TypeVar

from facealign.errors import DataError
from facealign.face import Face
from facealign.files import parsing
from facealign.formats.photo_names import ELSEWHERE, PhotoNames, split_name, the_one
from facealign.formats.registry import input_format, read_results
from facealign.formats.tables import box_columns, read_columns, read_rows
from facealign.geometry import to_box
from facealign.types import Box

Entry = TypeVar("Entry")
TABLES = (".csv", ".tsv", ".txt")


class PhotoTable(Generic[Entry]):
    """Entries by photo: an entry belongs to the photos whose full path ends in the entry's path.

    So an entry for `1.jpg` belongs to every photo of that name, one for `b/1.jpg` only to that in a
    folder `b`; the longest match counts. For paths from another machine, as much of the end
    counts as matches; if two photos match equally well, both are refused (`photo_names`). A photo
    that is known and has no entry is there with an empty list.
    """

    def __init__(self, entries: Mapping[str, list[Entry]], thing: str, source: Path) -> None:
        self._entries: dict[str, list[Entry]] = {}
        first: dict[object, str] = {}
        for image, given in entries.items():  # "a.jpg" and "./a.jpg" are the same
            name = first.setdefault((split_name(image), bool(ELSEWHERE.match(image))), image)
            self._entries.setdefault(name, []).extend(given)
        self._names, self._photos = PhotoNames(self._entries), PhotoNames(())
        self._thing, self._source = thing, source

    def expect(self, photos: Iterable[Path]) -> Self:
        """The table, told which photos will be asked for, so that each gets its own entries."""
        self._photos = PhotoNames(str(Path.cwd() / photo) for photo in photos)
        return self

    def of(self, photo: Path) -> list[Entry]:
        """The entries of one photo, in the order of the file.

        Raises:
            DataError: the file does not name this photo, or may name another with the same entry.
        """
        path = str(Path.cwd() / photo)
        names = self._photos if self._photos.like(path) else PhotoNames([path])
        with_name = the_one(path, self._names, names)
        if with_name is None:
            raise DataError(f"{photo}: no {self._thing} for it in {self._source}")
        return self._entries[with_name]


def read_boxes(path: Path) -> PhotoTable[Box]:
    """The boxes of each photo, from a table (image,x0,y0,x1,y1), results or labels in any format.

    Boxes are (4,) x0 y0 x1 y1 in the photo's pixels.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds an invalid box.
        MissingExtraError: the format needs an extra that is not installed.
    """
    if path.suffix.lower() in TABLES:
        return PhotoTable(_read_box_rows(path), "box", path)
    reader = input_format(path).labels
    if reader.read_boxes:
        return PhotoTable(reader.read_boxes(path), "box", path)
    boxes = {image: [face.box for face in faces] for image, faces in _read_results(path).items()}
    return PhotoTable(boxes, "box", path)


def read_faces(path: Path) -> PhotoTable[Face]:
    """The faces of each photo in results of any format.

    Raises:
        DataError: the file cannot be read, or is not in its format.
        MissingExtraError: the format needs an extra that is not installed.
    """
    return PhotoTable(_read_results(path), "result", path)


def _read_results(path: Path) -> dict[str, list[Face]]:
    faces: dict[str, list[Face]] = {}
    for result in read_results(path):
        faces.setdefault(result.source, []).extend(result.faces)
    return faces


def _read_box_rows(path: Path) -> dict[str, list[Box]]:
    columns = read_columns(path)
    found = box_columns(columns)
    if found is None or "image" not in columns:
        raise DataError(
            f"{path}: the first line must name the columns image,x0,y0,x1,y1 or "
            f"image,left,top,right,bottom, not {','.join(columns)}"
        )
    four, sized = found
    table: dict[str, list[Box]] = {}
    for line, row in read_rows(path):
        boxes = table.setdefault(row["image"], [])
        if any(row[column].strip() for column in four):  # else a photo without a face
            boxes.append(_parse_box([row[column] for column in four], sized, f"{path}:{line}"))
    return table


def _parse_box(cells: list[str], sized: bool, place: str) -> Box:
    with parsing(place, "a box is four numbers x0,y0,x1,y1"):
        x0, y0, x1, y1 = (float(cell) for cell in cells)
    with parsing(place):
        return to_box([x0, y0, x0 + x1, y0 + y1] if sized else [x0, y0, x1, y1])
