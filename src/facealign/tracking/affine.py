"""Affine maps of a frame's pixels to those of another, as plain numbers."""

from __future__ import annotations

import numpy as np

from facealign.geometry import CropTransform, Matrix
from facealign.types import Points

Affine = tuple[float, ...]
"""The rows of a (2, 3) map: for six numbers Python is several times as fast as NumPy."""
IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def similarity(before: Points, points: Points) -> Affine | None:
    """The similarity nearest to how points moved; None if there is none that can be undone."""
    try:
        guess = to_affine(CropTransform.from_points(before, points, 1).matrix)
        inverse(guess)
    except (ValueError, ZeroDivisionError):  # points that all coincide, or have changed sides
        return None
    return guess


def moved_points(points: Points, affine: Affine) -> Points:
    """Points (K, 2) moved along."""
    matrix = to_matrix(affine)
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def moved_crop(crop: CropTransform, affine: Affine) -> CropTransform:
    """The crop that sees, once all has moved, what it saw before."""
    return CropTransform(to_matrix(after(to_affine(crop.matrix), inverse(affine))), crop.size)


def to_affine(matrix: Matrix) -> Affine:
    """The rows of a (2, 3) matrix."""
    return tuple(matrix.ravel().tolist())


def to_matrix(affine: Affine) -> Matrix:
    """(2, 3) float64."""
    return np.array(affine).reshape(2, 3)


def after(second: Affine, first: Affine) -> Affine:
    """The map that applies `first`, then `second`."""
    (a, b, x, c, d, y), (e, f, u, g, h, v) = second, first
    upper = a * e + b * g, a * f + b * h, a * u + b * v + x
    return *upper, c * e + d * g, c * f + d * h, c * u + d * v + y


def inverse(affine: Affine) -> Affine:
    """The map back.

    Raises:
        ZeroDivisionError: it folds the plane into a line.

    """
    a, b, x, c, d, y = affine
    size = a * d - b * c
    return d / size, -b / size, (b * y - d * x) / size, -c / size, a / size, (c * x - a * y) / size
