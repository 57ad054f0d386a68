"""A CSV table: `image,x0,y0,x1,y1,…`, a row a face, pixels with the first one's centre at (0, 0).

Both numbers of a point left out: its place is unknown. Columns `left,top,right,bottom` are the box;
without them it is that of the points. A column `split` makes each of its values a subset. Rows of
one image are faces of one photo.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facealign.datasets.formats.custom import ALL, DEFAULT_MARKUP, find_image, own_dataset
from facealign.datasets.reading import Reading, build_sample, build_samples, check_subset
from facealign.errors import DataError
from facealign.formats.csv import BOX, Row, point_count, read_columns, read_rows
from facealign.markup import load_markup
from facealign.types import Sample


def read_table(
    root: Path, subset: str = ALL, markup: str = DEFAULT_MARKUP, images: str | None = None
) -> Reading:
    """The faces of a CSV table.

    Args:
        root: the file.
        subset: "all", or a value of the column `split`.
        markup: the point scheme of the columns x0, y0, x1, y1 …
        images: their folder, relative to the file; None looks in the usual places.

    Raises:
        DataError: the file cannot be read or lacks a column, or no such subset or markup.

    """
    count = load_markup(markup).count
    columns, rows = read_columns(root), list(read_rows(root))
    needed = ("image", *(f"{axis}{i}" for i in range(count) for axis in "xy"))
    missing = [name for name in needed if name not in columns]
    if missing or f"x{count}" in columns:
        raise DataError(
            f"{root}: has the columns of {point_count(columns)} points and {markup} has {count}; "
            + (f"{missing[0]} is missing" if missing else "name the right markup")
        )
    check_subset(str(root), subset, (ALL, *sorted({row.get("split") or ALL for _, row in rows})))
    chosen = [row for row in rows if subset in (ALL, row[1].get("split"))]
    samples = build_samples(chosen, lambda row: _build(root, row, markup, images))
    return Reading("csv", subset, samples)


def _build(path: Path, row: Row, markup: str, images: str | None) -> Sample:
    line, cells = row
    count = load_markup(markup).count
    place = f"{path}:{line}"
    words = [[cells[f"x{i}"].strip(), cells[f"y{i}"].strip()] for i in range(count)]
    corners = [cells.get(name, "").strip() for name in BOX]
    try:
        points = np.array([[float(word or "nan") for word in pair] for pair in words])
        box = [float(word) for word in corners] if any(corners) else None
    except ValueError:
        raise DataError(f"{place}: a value is no number") from None
    return build_sample(
        place,
        id=f"{line}/{cells['image']}",
        image=find_image(path, cells["image"], images),
        landmarks=points,
        labelled=[any(pair) for pair in words],
        markup=markup,
        box=box,
        group=cells["image"],
    )


DATASET = own_dataset("csv", "A CSV table", read_table)
