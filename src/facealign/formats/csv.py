"""A CSV table with a row for each face; in results also a row for each photo without a face.

Columns: `image,width,height,error,score,markup,left,top,right,bottom,x0,y0,x1,y1,…`, then
`score0,…` and `visible0,…` where the model gives them, and `confidence` after `score`. The box is
left, top, right, bottom; pixels, with the centre of the first at (0, 0). A video's rows have
`frame,time` after `image` and `track` before `score`; `raw_x0,…` and the measures by their names
come last, where they were asked for.

The same table is read as labels, of which only `image` and the points are needed, whose columns may
have their names: `nose_x`, `nose_y`. A point with both numbers empty is not labelled; without a
box, that of the points is taken. Each value of a column `split` is a subset.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np

from facealign.errors import DataError, OutputError
from facealign.face import Face, ImageResult
from facealign.face.measures import NAMES
from facealign.files import parsing
from facealign.formats.contents import Contents
from facealign.formats.json import build_face, build_result
from facealign.formats.labels import ALL, DEFAULT_MARKUP, Label, LabelReader, ParseLabel, order_of
from facealign.formats.tables import BOX, Row, read_columns, read_rows
from facealign.markup import Markup, known_markup, load_markup, scheme_of_names

FRAME = ("frame", "time")
IMAGE = ("image", "width", "height", "error")
NOT_A_NUMBER = "a value is missing or not a number"


def write_csv(results: Iterable[ImageResult], file: IO[str], contents: Contents) -> None:
    """A table with the columns of the first face.

    Raises:
        OutputError: the faces are of several markups.
    """
    if len(contents.markups) > 1:
        raise OutputError(
            f"a CSV table holds one markup, not {', '.join(sorted(contents.markups))}: "
            "write .json, .jsonl or .parquet"
        )
    # Cells are quoted that hold what ends the writer's rows, and file names may hold \r or \n: it
    # is told both, and rows end with the second alone.
    rows = SimpleNamespace(write=lambda row: file.write(row.removesuffix("\r\n") + "\n"))
    table = csv.DictWriter(rows, _columns(contents), lineterminator="\r\n")
    table.writeheader()
    for result in results:
        image: dict[str, Any] = {"image": result.source, "error": result.error}
        image |= {"width": result.width, "height": result.height}
        if "frames" in contents.holds:  # of a video, whose clock is less fine than a microsecond
            time = None if result.time is None else round(result.time, 6)
            image |= {"frame": result.frame, "time": time}
        for cells in [_face_cells(face) for face in result.faces] or [{}]:
            table.writerow(image | cells)


def _columns(contents: Contents) -> list[str]:
    count = len(contents.first.landmarks) if contents.first else 0
    columns = [IMAGE[0], *(FRAME if "frames" in contents.holds else ()), *IMAGE[1:]]
    columns += ["track"] * ("tracks" in contents.holds) + ["score"]
    columns += ["confidence"] * ("confidence" in contents.holds) + ["markup", *BOX]
    columns += [f"{axis}{i}" for i in range(count) for axis in "xy"]
    for kind, name in (("point scores", "score"), ("visibility", "visible")):
        if kind in contents.holds:
            columns += [f"{name}{i}" for i in range(count)]
    if "raw points" in contents.holds:
        columns += [f"raw_{axis}{i}" for i in range(count) for axis in "xy"]
    return columns + [*contents.measures]


def _face_cells(face: Face) -> dict[str, Any]:
    entry = face.to_dict()
    cells: dict[str, Any] = {"score": entry["score"], "markup": entry["markup"]}
    cells |= zip(BOX, entry["box"], strict=True)
    for i, (x, y) in enumerate(entry["landmarks"]):
        cells[f"x{i}"], cells[f"y{i}"] = x, y
    if "confidence" in entry:
        cells["confidence"] = entry["confidence"]
    cells |= {f"score{i}": score for i, score in enumerate(entry.get("scores", ()))}
    cells |= {f"visible{i}": int(v) for i, v in enumerate(entry.get("visible", ()))}
    for i, (x, y) in enumerate(entry.get("raw", ())):
        cells[f"raw_x{i}"], cells[f"raw_y{i}"] = x, y
    cells |= entry.get("measures", {})
    return cells if face.track is None else cells | {"track": face.track}


def point_count(columns: Iterable[str]) -> int:
    """The number of columns x0, x1 …."""
    return sum(name[:1] == "x" and name[1:].isdecimal() for name in columns)


def read_csv(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in a table; the rows of a photo must follow each other.

    `markup` is the point scheme where the table has no such column; None is ibug68.
    """
    columns = read_columns(path)
    missing = [column for column in ("image", *BOX) if column not in columns]
    if missing:
        raise DataError(f"{path}: not a table of results: no column {missing[0]}")
    pictures = groupby(read_rows(path), lambda row: (row[1]["image"], row[1].get("frame", "")))
    for (image, _), rows in pictures:
        yield _result(image, list(rows), path, markup or DEFAULT_MARKUP)


def _result(image: str, rows: list[Row], path: Path, markup: str) -> ImageResult:
    line, first = rows[0]
    faces = []
    for number, cells in rows:
        with parsing(f"{path}:{number}", NOT_A_NUMBER):
            if cells["left"]:
                faces.append(_parse_face(cells, markup))
    with parsing(f"{path}:{line}", NOT_A_NUMBER):
        numbers = (first.get(name) for name in ("width", "height", "frame"))
        width, height, frame = (int(number) if number else None for number in numbers)
        time = first.get("time") or None
        return build_result(image, width, height, faces, first.get("error"), frame, time)


def _parse_face(cells: dict[str, str], markup: str) -> Face:
    count = point_count(cells)

    def points_of(kind: str) -> list[list[float]]:
        return [[float(cells[f"{kind}{axis}{i}"]) for axis in "xy"] for i in range(count)]

    measures = {n: float(cells[n]) if cells[n] else None for n in NAMES if n in cells}
    scores = [float(cells[f"score{i}"]) for i in range(count) if cells.get(f"score{i}")]
    visible = [cells[f"visible{i}"] == "1" for i in range(count) if cells.get(f"visible{i}")]
    return build_face(
        [float(cells[name]) for name in BOX],
        float(cells.get("score") or 1),
        points_of(""),
        cells.get("markup") or markup,
        scores=scores or None,
        confidence=float(cells["confidence"]) if cells.get("confidence") else None,
        visible=np.array(visible) if visible else None,
        track=int(cells["track"]) if cells.get("track") else None,
        raw=points_of("raw_") if cells.get("raw_x0") else None,
        measures=measures if any(v is not None for v in measures.values()) else None,
    )


def read_labels(path: Path, scheme: Markup, subset: str) -> Iterator[ParseLabel]:
    """The labelled faces of a table."""
    pairs = _point_columns(path, scheme)
    for row in read_rows(path):
        if subset in (ALL, row[1].get("split")):
            yield partial(_parse_row, path, row, scheme, pairs)


def _point_columns(path: Path, scheme: Markup) -> list[tuple[str, str]]:
    """The columns of each point: x0 and y0, or those of its name, `nose_x` and `nose_y`."""
    columns, count = read_columns(path), scheme.count
    if names := _point_names(columns):
        order = order_of(names, scheme, str(path))
        return [(f"{names[k]}_x", f"{names[k]}_y") for k in order]
    pairs = [(f"x{i}", f"y{i}") for i in range(count)]
    missing = [name for name in ("image", *chain(*pairs)) if name not in columns]
    if missing or f"x{count}" in columns:
        lacks = f"{missing[0]} is missing; " if missing else ""
        raise DataError(
            f"{path}: has the columns of {point_count(columns)} points and {scheme.name} has "
            f"{count}; {lacks}name the right markup with --markup (a name, or a .toml file)"
        )
    return pairs


def _point_names(columns: Sequence[str]) -> list[str]:
    """The names of points that columns such as `nose_x` and `nose_y` have."""
    if "x0" in columns:
        return []
    return [name[:-2] for name in columns if name[-2:] == "_x" and f"{name[:-1]}y" in columns]


def own_schemes(path: Path) -> list[Markup]:
    """The point scheme of the names in the columns, or of the column `markup` of results."""
    columns = read_columns(path)
    if names := _point_names(columns):
        return [scheme_of_names(path.stem, names, str(path))]
    rows = read_rows(path) if "markup" in columns else ()
    found = dict.fromkeys(row["markup"] for _, row in rows)
    return [load_markup(name) for name in found if known_markup(name)]


def _parse_row(path: Path, row: Row, scheme: Markup, pairs: list[tuple[str, str]]) -> Label:
    line, cells = row
    place = f"{path}:{line}"
    words = [[cells[x].strip(), cells[y].strip()] for x, y in pairs]
    corners = [cells.get(name, "").strip() for name in BOX]
    with parsing(place, NOT_A_NUMBER):
        points = np.array([[float(word or "nan") for word in pair] for pair in words])
        box = [float(word) for word in corners] if any(corners) else None
    labelled = np.array([any(pair) for pair in words])
    name = cells["image"]
    return Label(place, f"{line}/{name}", name, points, labelled, scheme.name, box=box)


def subsets(path: Path) -> list[str]:
    """The values of the column `split`."""
    return sorted({row["split"] for _, row in read_rows(path) if row.get("split")})


LABELS = LabelReader(title="A CSV table", read=read_labels, schemes=own_schemes, subsets=subsets)
