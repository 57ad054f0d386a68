"""The field's `.pts` files: text, one `x y` a line between braces, **1-based** by custom.

The first pixel's centre is (1, 1) in the file and (0, 0) everywhere else in facealign: this module
is the only place that shifts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facealign.errors import DataError
from facealign.files import reading
from facealign.geometry import MOST_PIXELS
from facealign.types import Points


def read_pts(path: Path, count: int) -> Points:
    """The (K, 2) float32 points of a `.pts` file, 0-based.

    Args:
        path: the file.
        count: K, how many points the markup has.

    Raises:
        DataError: the file cannot be read, is no `.pts`, or holds another number of points.

    """
    with reading(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    head, brace, rest = text.partition("{")
    body, end, _ = rest.partition("}")
    if not (brace and end and "n_points" in head):
        raise DataError(
            f'{path}: not a .pts file: expected "n_points: {count}" and points in {{ }}'
        )
    rows = [line.split() for line in body.splitlines() if line.strip()]
    if len(rows) != count:
        raise DataError(
            f"{path}: {len(rows)} points, but this data set has {count}: complete the file or "
            "take it out"
        )
    try:
        points = np.array([[float(x), float(y)] for x, y in rows])
    except ValueError:
        raise DataError(f"{path}: a line between the braces is not two numbers") from None
    if not (np.abs(points) <= MOST_PIXELS).all():  # also false of NaN
        raise DataError(f"{path}: a coordinate is not a finite number of pixels")
    return (points - 1).astype(np.float32)


def to_pts(points: Points) -> str:
    """The text of a `.pts` file, 1-based, for (K, 2) points, 0-based."""
    rows = "\n".join(f"{x + 1:.4f} {y + 1:.4f}" for x, y in points.astype(np.float64))
    return f"version: 1\nn_points: {len(points)}\n{{\n{rows}\n}}\n"
