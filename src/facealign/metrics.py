"""Distances between predicted and true landmarks: plain functions of arrays.

An NME is a fraction, never a percentage; every number is named with its normaliser. Axes: N faces,
K points. Unlike the paper's eq. 5, whose minus between the squares is a misprint, the error of a
point is its Euclidean distance.
"""

from collections.abc import Callable, Mapping, Sequence

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
    """‖mean of the right eye's points − mean of the left eye's points‖ of the true points: (N,).

    Raises:
        DataError: the markup has no eyes.
    """
    if markup.eye_points is None:
        raise DataError(f"inter_pupil is not defined for {markup.name}, which marks no eyes")
    right, left = (truth[:, list(points)].mean(axis=1) for points in markup.eye_points)
    return np.asarray(np.linalg.norm(right - left, axis=1))


def point_pair(truth: Array, boxes: Array, markup: Markup) -> Array:
    """Distance between the two true points that the markup names: (N,).

    Raises:
        DataError: the markup names none.
    """
    if markup.normaliser is None:
        raise DataError(f"point_pair is not defined for {markup.name}: it has no normaliser")
    one, other = markup.normaliser
    return np.asarray(np.linalg.norm(truth[:, one] - truth[:, other], axis=1))


def box_size(truth: Array, boxes: Array, markup: Markup) -> Array:
    """√(width · height) of the given boxes (N, 4): (N,)."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(np.sqrt(sides.prod(axis=1)))


def box_diagonal(truth: Array, boxes: Array, markup: Markup) -> Array:
    """√(width² + height²) of the given boxes (N, 4): (N,)."""
    return np.asarray(np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1))


NORMALISERS: Mapping[str, Normaliser] = {
    f.__name__: f for f in (inter_ocular, inter_pupil, point_pair, box_size, box_diagonal)
}
"""Every normaliser by name."""


def in_words(name: str) -> str:
    """A normaliser or a face region in print.

    >>> in_words("inter_ocular"), in_words("box_size")
    ('inter-ocular', 'box size')
    """
    return name.replace("_", "-" if name.startswith("inter_") else " ")


def distances(
    name: str, truth: Array, labelled: NDArray[np.bool_], boxes: Array, markup: Markup
) -> Array:
    """(N,) pixels by the normaliser of that name; NaN for a face that does not define it.

    That is a face where one of the eye points that the normaliser needs is not labelled, or whose
    distance is 0.
    """
    values = NORMALISERS[name](truth, boxes, markup)
    known = labelled[:, list(_needed(name, markup) or ())].all(axis=1) & (values > 0)
    return np.where(known, values, np.nan)


def _needed(name: str, markup: Markup) -> Sequence[int] | None:
    """The points that a normaliser needs; None if the markup does not name them."""
    eyes = markup.eye_points
    return {
        "inter_ocular": markup.eye_corners,
        "inter_pupil": None if eyes is None else [point for eye in eyes for point in eye],
        "point_pair": markup.normaliser,
    }.get(name, ())


def normalisers_of(markup: Markup) -> tuple[str, ...]:
    """Names of the normalisers that a markup defines: its own first, if it has one.

    >>> from facealign.markup import load_markup
    >>> normalisers_of(load_markup("ibug68"))
    ('inter_ocular', 'inter_pupil', 'box_size', 'box_diagonal')
    """
    names = [name for name in NORMALISERS if _needed(name, markup) is not None]
    return tuple(sorted(names, key=lambda name: name != "point_pair"))


def nme(predicted: Array, truth: Array, labelled: NDArray[np.bool_], distance: Array) -> Array:
    """Normalised mean error of each face: (N,), a fraction.

    NaN for a face without labelled points, or with a NaN normaliser.

    Args:
        predicted: (N, K, 2) pixels.
        truth: (N, K, 2) pixels.
        labelled: (N, K); hidden points are left out of their face's mean.
        distance: (N,) pixels, the normaliser.

    >>> predicted = np.array([[[0.0, 0.0], [3.0, 4.0]]])
    >>> truth = np.zeros((1, 2, 2))
    >>> nme(predicted, truth, np.array([[True, True]]), np.array([10.0])).tolist()
    [0.25]
    >>> nme(predicted, truth, np.array([[True, False]]), np.array([10.0])).tolist()
    [0.0]
    """
    errors = np.linalg.norm(predicted - truth, axis=2)
    shown = labelled.sum(axis=1)
    means = np.where(labelled, errors, 0.0).sum(axis=1) / np.maximum(shown, 1)
    return np.asarray(np.where(shown > 0, means / distance, np.nan))


def region_nme(
    predicted: Array, truth: Array, labelled: NDArray[np.bool_], distance: Array, markup: Markup
) -> dict[str, float]:
    """NME of each face region: the mean over its labelled points, then over the faces with any.

    The arguments are those of `nme`, and the markup whose groups are the regions.
    """
    regions: dict[str, float] = {}
    for name, points in markup.groups.items():
        chosen = list(points)
        errors = nme(predicted[:, chosen], truth[:, chosen], labelled[:, chosen], distance)
        regions[name] = mean(errors)
    return regions


def mean(values: Array) -> float:
    """The mean of those of (N,) that are defined; NaN where none is."""
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if seen.size else float("nan")


def ced(nmes: Array) -> tuple[Array, Array]:
    """The cumulative error distribution: sorted errors, and the share of faces up to each.

    It is a step function: draw it with steps, flat from one error to the next. A missed face, whose
    error is infinite, has no point but counts in the share.

    >>> ced(np.array([0.3, 0.1, np.inf, 0.2]))
    (array([0.1, 0.2, 0.3]), array([0.25, 0.5 , 0.75]))
    """
    errors = np.sort(nmes[np.isfinite(nmes)])
    return errors, np.arange(1, len(errors) + 1) / max(len(nmes), 1)


def bootstrap_interval(
    values: Array, groups: Sequence[str] | None = None, seed: int = 0, resamples: int = 1000
) -> tuple[float, float]:
    """The 95 % confidence interval of the mean of (N,), by resampling with replacement.

    Faces of one photo or video are similar, so whole groups (N,) are drawn; None draws single
    faces. NaN are left out. The same seed gives the same interval.

    >>> bootstrap_interval(np.full(9, 0.05))
    (0.05, 0.05)
    """
    known = ~np.isnan(values)
    if not known.any():
        return float("nan"), float("nan")
    names = (np.arange(len(values)) if groups is None else np.asarray(groups))[known]
    values = values[known]
    _, group = np.unique(names, return_inverse=True)
    sums, counts = np.bincount(group, weights=values), np.bincount(group)
    random = np.random.default_rng(seed)
    draws = (random.integers(len(sums), size=len(sums)) for _ in range(resamples))
    means = [sums[drawn].sum() / counts[drawn].sum() for drawn in draws]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


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
