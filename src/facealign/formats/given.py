"""What is given from outside for each photo: boxes, or the faces of earlier results."""

from __future__ import annotations

from pathlib import Path

from facealign.errors import DataError
from facealign.face import Face
from facealign.formats.by_photo import PhotoTable
from facealign.formats.csv import BOX, read_columns, read_rows
from facealign.formats.results import read_results
from facealign.geometry import to_box
from facealign.types import Box

COLUMNS = ("image", "x0", "y0", "x1", "y1")


def read_boxes(path: Path) -> PhotoTable[Box]:
    """The boxes of each photo, from `.csv` (image,x0,y0,x1,y1) or from results in any format.

    Boxes are (4,) x0 y0 x1 y1 in the photo's pixels.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds a box that is none.
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
        table.setdefault(row["image"], []).append(_box(row, f"{path}:{line}"))
    return table


def _box(row: dict[str, str], place: str) -> Box:
    try:
        values = [float(row[column]) for column in COLUMNS[1:]]
    except ValueError:
        raise DataError(f"{place}: a box is four numbers x0,y0,x1,y1") from None
    try:
        return to_box(values)
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None
