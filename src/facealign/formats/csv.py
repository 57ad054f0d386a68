"""Results as a CSV table, a row a face; a photo without one, or that failed, has a row of its own.

Columns: `image,width,height,error,score,markup,left,top,right,bottom,x0,y0,x1,y1,…`, then
`score0,…` and `visible0,…` where the model gives them. The box is left, top, right, bottom; pixels
with the first one's centre at (0, 0). The same table is a data set (`csv`) for training.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import numpy as np

from facealign.errors import DataError, OutputError
from facealign.face import Face, ImageResult
from facealign.files import reading
from facealign.formats.json import build_face
from facealign.formats.survey import Survey

IMAGE = ("image", "width", "height", "error")
BOX = ("left", "top", "right", "bottom")
Row = tuple[int, dict[str, str]]
"""Line number, and the cells by column."""


def write_csv(results: Iterable[ImageResult], file: IO[str], survey: Survey) -> None:
    """A table with the columns of the first face.

    Raises:
        OutputError: the faces are of several markups.

    """
    if len(survey.markups) > 1:
        raise OutputError(
            f"a CSV table holds one markup, not {', '.join(sorted(survey.markups))}: "
            "write .json, .jsonl or .parquet"
        )
    columns = _columns(survey)
    table = csv.DictWriter(_Rows(file), columns, restval="", lineterminator="\r\n")
    table.writeheader()
    for result in results:
        image = {"image": result.source, "width": result.width, "height": result.height}
        for cells in [_cells(face) for face in result.faces] or [{}]:
            table.writerow(image | {"error": result.error} | cells)


class _Rows:
    """Ends rows in a newline alone, where the writer believes in carriage returns too.

    It quotes a cell that holds what ends its rows, and names of files may hold either.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, row: str) -> object:
        return self._file.write(row.removesuffix("\r\n") + "\n")


def _columns(survey: Survey) -> list[str]:
    count = len(survey.first.landmarks) if survey.first else 0
    columns = [*IMAGE, "score", "markup", *BOX]
    columns += [f"{axis}{i}" for i in range(count) for axis in "xy"]
    for kind, name in (("point scores", "score"), ("visibility", "visible")):
        if kind in survey.holds:
            columns += [f"{name}{i}" for i in range(count)]
    return columns


def _cells(face: Face) -> dict[str, Any]:
    entry = face.to_dict()
    cells: dict[str, Any] = {"score": entry["score"], "markup": entry["markup"]}
    cells |= zip(BOX, entry["box"], strict=True)
    for i, (x, y) in enumerate(entry["landmarks"]):
        cells[f"x{i}"], cells[f"y{i}"] = x, y
    cells |= {f"score{i}": score for i, score in enumerate(entry.get("scores", ()))}
    return cells | {f"visible{i}": int(v) for i, v in enumerate(entry.get("visible", ()))}


def read_columns(path: Path) -> list[str]:
    """The names in the first line of a table.

    Raises:
        DataError: the file cannot be read.

    """
    with _table(path) as reader:
        return list(reader.fieldnames or ())


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a table with a first line of names; what a short row lacks is empty.

    A name of a file that is no UTF-8 stays what it is.

    Raises:
        DataError: the file cannot be read.

    """
    with _table(path) as reader:
        for row in reader:
            yield reader.line_num, row


@contextmanager
def _table(path: Path) -> Iterator[csv.DictReader[str]]:
    try:
        with (
            reading(path),
            path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file,
        ):
            yield csv.DictReader(file, restval="", restkey="")
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV table ({error})") from None


def point_count(columns: Iterable[str]) -> int:
    """How many columns x0, x1 … there are."""
    return sum(name[:1] == "x" and name[1:].isdecimal() for name in columns)


def read_csv(path: Path, markup: str) -> Iterator[ImageResult]:
    """The results in a table; rows of one photo stand together.

    Args:
        path: the table.
        markup: the point scheme, where the table has no column `markup`.

    Raises:
        DataError: the file cannot be read, lacks a column, or a number is none.

    """
    columns = read_columns(path)
    missing = [column for column in ("image", *BOX) if column not in columns]
    if missing:
        raise DataError(f"{path}: not a table of results: no column {missing[0]}")
    for image, rows in groupby(read_rows(path), lambda row: row[1]["image"]):
        yield _result(image, list(rows), path, markup)


def _result(image: str, rows: list[Row], path: Path, markup: str) -> ImageResult:
    line, first = rows[0]
    try:
        width, height = (int(first[k]) if first.get(k) else None for k in ("width", "height"))
        faces = []
        for line, cells in rows:  # noqa: B007  (named where a row is bad)
            if cells["left"]:
                faces.append(_face(cells, markup))
    except (ValueError, TypeError, LookupError) as error:
        raise DataError(f"{path}:{line}: a value is missing or no number ({error})") from None
    return ImageResult(image, width, height, faces, first.get("error") or None)


def _face(cells: dict[str, str], markup: str) -> Face:
    count = point_count(cells)
    points = [[float(cells[f"x{i}"]), float(cells[f"y{i}"])] for i in range(count)]
    scores = [float(cells[f"score{i}"]) for i in range(count) if cells.get(f"score{i}")]
    visible = [cells[f"visible{i}"] == "1" for i in range(count) if cells.get(f"visible{i}")]
    return build_face(
        [float(cells[name]) for name in BOX],
        cells.get("score") or 1.0,
        points,
        cells.get("markup") or markup,
        scores=np.array(scores, np.float32) if scores else None,
        visible=np.array(visible) if visible else None,
    )
