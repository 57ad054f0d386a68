"""Boxes given from outside: a CSV table `image,x0,y0,x1,y1`, or earlier results in any format."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError
from facealign.formats.csv import BOX
from facealign.formats.results import read_results
from facealign.geometry import to_box

COLUMNS = ("image", "x0", "y0", "x1", "y1")


class BoxTable:
    """Boxes by image: a row is an image's when the image's full path ends in the row's path.

    So a row `1.jpg` is every photo's of that name, a row `b/1.jpg` only that of a folder `b`; the
    longest match counts.
    """

    def __init__(self, rows: dict[str, list[NDArray[np.float32]]], source: Path) -> None:
        self._rows = {_parts(image): boxes for image, boxes in rows.items()}
        self._source = source

    def boxes_of(self, image: Path) -> NDArray[np.float32]:
        """The (N, 4) boxes of one image, x0 y0 x1 y1 in its pixels.

        Raises:
            DataError: the table has no row for this image.

        """
        parts = _parts(str(Path.cwd() / image))
        for first in range(len(parts)):
            boxes = self._rows.get(parts[first:])
            if boxes is not None:
                return np.stack(boxes) if boxes else np.zeros((0, 4), np.float32)
        raise DataError(f"{image}: no box for it in {self._source}")


def _parts(image: str) -> tuple[str, ...]:
    return Path(os.path.normpath(image.replace("\\", "/"))).parts


def read_boxes(path: Path) -> BoxTable:
    """Boxes from `.csv` (image,x0,y0,x1,y1; 0-based pixels), or from results in any format.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds a box that is none.
        MissingExtraError: the format needs an extra that is not installed.

    """
    table: dict[str, list[NDArray[np.float32]]] = {}
    if path.suffix.lower() != ".csv" or _is_results(path):
        for result in read_results(path):
            table.setdefault(result.source, []).extend(face.box for face in result.faces)
        return BoxTable(table, path)
    for image, values, place in _csv_rows(path):
        try:
            table.setdefault(image, []).append(to_box(values))
        except (ValueError, TypeError) as error:
            raise DataError(f"{place}: {error}") from None
    return BoxTable(table, path)


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
