"""Results as a CSV table, a row a face; a photo without one, or that failed, has a row of its own.

Columns: `image,width,height,error,score,markup,left,top,right,bottom,x0,y0,x1,y1,…`, then
`score0,…` and `visible0,…` where the model gives them. The box is left, top, right, bottom; pixels
with the first one's centre at (0, 0). The same table is a data set (`csv`) for training.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import numpy as np

from facealign.errors import DataError, OutputError
from facealign.face import Face, ImageResult
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
    table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    table.writeheader()
    for result in results:
        image = {"image": result.source, "width": result.width, "height": result.height}
        for cells in [_cells(face) for face in result.faces] or [{}]:
            table.writerow(image | {"error": result.error} | cells)


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


def read_csv(path: Path, markup: str) -> Iterator[ImageResult]:
    """The results in a table; rows of one photo stand together.

    Args:
        path: the table.
        markup: the point scheme, where the table has no column `markup`.

    Raises:
        DataError: the file cannot be read, lacks a column, or a number is none.

    """
    for image, rows in groupby(_rows(path), lambda row: row[1]["image"]):
        yield _result(image, list(rows), path, markup)


def _rows(path: Path) -> Iterator[Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="", restkey="")
            missing = [c for c in ("image", *BOX) if c not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{path}: not a table of results: no column {missing[0]}")
            for row in reader:
                yield reader.line_num, row
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV table ({error})") from None


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
    count = sum(name[:1] == "x" and name[1:].isdecimal() for name in cells)
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
