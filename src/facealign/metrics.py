"""How far predicted landmarks are from the true ones: plain functions of arrays.

An NME is a fraction, never a percentage; every number is named with its normaliser. Axes: N faces,
K points. Unlike the paper's eq. 5, whose minus between the squares is a misprint, the error of a
point is its Euclidean distance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError
from facealign.markup import Markup

Array = NDArray[np.float64]
Normaliser = Callable[[Array, Array, Markup], Array]


def inter_ocular(truth: Array, boxes: Array, markup: Markup) -> Array:
    """‖outer corner of the right eye − outer corner of the left eye‖ of the true points: (N,).

    Raises:
        DataError: the markup has no eye corners.

    """
    if markup.eye_corners is None:
        raise DataError(
            f"inter_ocular is not defined for {markup.name}, which marks no eye corners: "
            "normalise by inter_pupil or box_size"
        )
    right, left = markup.eye_corners
    return np.asarray(np.linalg.norm(truth[:, right] - truth[:, left], axis=1))


def inter_pupil(truth: Array, boxes: Array, markup: Markup) -> Array:
    """‖mean of the right eye's points − mean of the left eye's points‖ of the true points: (N,)."""
    right, left = (truth[:, list(points)].mean(axis=1) for points in markup.eye_points)
    return np.asarray(np.linalg.norm(right - left, axis=1))


def box_size(truth: Array, boxes: Array, markup: Markup) -> Array:
    """√(width · height) of the given boxes (N, 4): (N,)."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(np.sqrt(sides.prod(axis=1)))


NORMALISERS: Mapping[str, Normaliser] = MappingProxyType(
    {"inter_ocular": inter_ocular, "inter_pupil": inter_pupil, "box_size": box_size}
)
"""Every normaliser by name."""


def nme(predicted: Array, truth: Array, visible: NDArray[np.bool_], distance: Array) -> Array:
    """Normalised mean error of each face: (N,), a fraction; NaN for a face without visible points.

    Args:
        predicted: (N, K, 2) pixels.
        truth: (N, K, 2) pixels.
        visible: (N, K); hidden points are left out of their face's mean.
        distance: (N,) pixels, the normaliser.

    >>> predicted = np.array([[[0.0, 0.0], [3.0, 4.0]]])
    >>> truth = np.zeros((1, 2, 2))
    >>> nme(predicted, truth, np.array([[True, True]]), np.array([10.0])).tolist()
    [0.25]
    >>> nme(predicted, truth, np.array([[True, False]]), np.array([10.0])).tolist()
    [0.0]

    """
    errors = np.linalg.norm(predicted - truth, axis=2)
    shown = visible.sum(axis=1)
    means = np.where(visible, errors, 0.0).sum(axis=1) / np.maximum(shown, 1)
    return np.asarray(np.where(shown > 0, means / distance, np.nan))


def auc(nmes: Array, threshold: float) -> float:
    """Area under the cumulative error distribution up to `threshold`, over `threshold`: 0..1.

    The exact area, mean of max(0, 1 − nme/t): no grid, so a perfect model scores exactly 1.

    >>> auc(np.array([0.0, 0.04, 0.2]), 0.08)
    0.5

    """
    return float(np.maximum(0.0, 1.0 - nmes / threshold).mean())


def failure_rate(nmes: Array, threshold: float) -> float:
    """Share of faces whose NME exceeds `threshold`: 0..1.

    >>> failure_rate(np.array([0.01, 0.08, 0.09, 0.5]), 0.08)
    0.5

    """
    return float((nmes > threshold).mean())
