"""What the user gives for each photo: boxes, or the faces of earlier results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

from facealign.errors import DataError
from facealign.face import Face
from facealign.files import parsing
from facealign.formats.csv import BOX, read_columns, read_rows
from facealign.formats.registry import read_results
from facealign.geometry import to_box
from facealign.types import Box

Entry = TypeVar("Entry")
COLUMNS = ("image", "x0", "y0", "x1", "y1")


class PhotoTable(Generic[Entry]):
    """Entries by photo: an entry belongs to the photos whose full path ends in the entry's path.

    So an entry for `1.jpg` belongs to every photo of that name, one for `b/1.jpg` only to that in a
    folder `b`; the longest match counts.

    Args:
        entries: by path; empty for a photo that is known and has none.
        thing: what an entry is, for the message where one is missing.
        source: the file that they come from.

    """

    def __init__(self, entries: Mapping[str, list[Entry]], thing: str, source: Path) -> None:
        self._entries = {_parts(image): given for image, given in entries.items()}
        self._thing, self._source = thing, source

    def of(self, photo: Path) -> list[Entry]:
        """The entries of one photo, in the order of the file.

        Raises:
            DataError: the file does not name this photo.

        """
        parts = _parts(str(Path.cwd() / photo))
        for first in range(len(parts)):
            if parts[first:] in self._entries:
                return self._entries[parts[first:]]
        raise DataError(f"{photo}: no {self._thing} for it in {self._source}")


def _parts(image: str) -> tuple[str, ...]:
    return Path(os.path.normpath(image.replace("\\", "/"))).parts


def read_boxes(path: Path) -> PhotoTable[Box]:
    """The boxes of each photo, from `.csv` (image,x0,y0,x1,y1) or from results in any format.

    Boxes are (4,) x0 y0 x1 y1 in the photo's pixels.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds an invalid box.
        MissingExtraError: the format needs an extra that is not installed.

    """
    columns = read_columns(path) if path.suffix.lower() == ".csv" else []
    if columns and not set(BOX) <= set(columns):  # in results x0, y0 … are points
        return PhotoTable(_read_box_rows(path, columns), "box", path)
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


def _read_box_rows(path: Path, columns: list[str]) -> dict[str, list[Box]]:
    missing = [column for column in COLUMNS if column not in columns]
    if missing:
        raise DataError(
            f"{path}: the first line must name the columns {','.join(COLUMNS)}; "
            f"{', '.join(missing)} missing"
        )
    table: dict[str, list[Box]] = {}
    for line, row in read_rows(path):
        table.setdefault(row["image"], []).append(_parse_box(row, f"{path}:{line}"))
    return table


def _parse_box(row: dict[str, str], place: str) -> Box:
    with parsing(place, "a box is four numbers x0,y0,x1,y1"):
        values = [float(row[column]) for column in COLUMNS[1:]]
    with parsing(place):
        return to_box(values)
