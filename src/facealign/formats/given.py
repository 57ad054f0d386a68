"""What is given from outside for each photo: boxes, or the faces of earlier results."""

from __future__ import annotations

import csv
from pathlib import Path

from facealign.errors import DataError
from facealign.face import Face
from facealign.formats.by_photo import PhotoTable
from facealign.formats.csv import BOX
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
    table: dict[str, list[Box]] = {}
    if path.suffix.lower() != ".csv" or _is_results(path):
        return PhotoTable(
            {image: [face.box for face in faces] for image, faces in _faces(path).items()},
            "box",
            path,
        )
    for image, values, place in _csv_rows(path):
        try:
            table.setdefault(image, []).append(to_box(values))
        except (ValueError, TypeError) as error:
            raise DataError(f"{place}: {error}") from None
    return PhotoTable(table, "box", path)


def read_faces(path: Path) -> PhotoTable[Face]:
    """The faces of each photo in results of any format.

    Raises:
        DataError: the file cannot be read, or is not in its format.
        MissingExtraError: the format needs an extra that is not installed.

    """
    return PhotoTable(_faces(path), "result", path)


def _faces(path: Path) -> dict[str, list[Face]]:
    faces: dict[str, list[Face]] = {}
    for result in read_results(path):
        faces.setdefault(result.source, []).extend(result.faces)
    return faces


def _is_results(path: Path) -> bool:
    """Whether a table is one of results: there x0, y0 … are points."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            return set(BOX) <= set(next(csv.reader(file), ()))
    except (OSError, csv.Error):
        return False  # said where the rows are read


def _csv_rows(path: Path) -> list[tuple[str, list[float], str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{path}: the first line must name the columns {','.join(COLUMNS)}; "
                    f"{', '.join(missing)} missing"
                )
            return [_csv_row(row, f"{path}:{reader.line_num}") for row in reader]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV table ({error})") from None


def _csv_row(row: dict[str, str], place: str) -> tuple[str, list[float], str]:
    try:
        return row["image"], [float(row[c] or "") for c in COLUMNS[1:]], place
    except ValueError:
        raise DataError(f"{place}: a box is four numbers x0,y0,x1,y1") from None
