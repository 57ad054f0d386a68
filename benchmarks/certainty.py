"""What scores of points are worth: plain functions of arrays.

A score says how sure a network is, in 0..1. It is right as a probability where of the points scored
0.8 eight in ten are near their place (`reliability`); it is right as an order where the points it
doubts are those that lie wrong (`sparsification`, `rank_correlation`, `roc_auc`). N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Bin:
    """Points of about one score.

    Attributes:
        low, high: the scores it holds, `low` included; the last bin holds 1 too.
        count: of its points.
        score: their mean score; NaN without points.
        share: how many of them are right, 0..1; NaN without points.

    """

    low: float
    high: float
    count: int
    score: float
    share: float


def reliability(scores: Array, right: Flags, bins: int = 10) -> list[Bin]:
    """Score against share of right points, in bins of equal width.

    Args:
        scores: (N,) in 0..1.
        right: (N,) whether what the score promises is so.
        bins: how many.

    >>> [b.share for b in reliability(np.array([0.2, 0.4, 0.9]), np.array([0, 1, 1]) > 0, bins=2)]
    [0.5, 1.0]

    """
    number = np.clip((scores * bins).astype(np.intp), 0, bins - 1)
    counts = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = np.bincount(number, weights=scores, minlength=bins) / counts
        shares = np.bincount(number, weights=right, minlength=bins) / counts
    return [
        Bin(i / bins, (i + 1) / bins, int(counts[i]), float(means[i]), float(shares[i]))
        for i in range(bins)
    ]


def calibration_error(scores: Array, right: Flags, bins: int = 10) -> float:
    """Expected calibration error: |mean score − share of right points|, weighted by the bins' size.

    The arguments are those of `reliability`; NaN without points.

    >>> round(calibration_error(np.full(4, 0.9), np.array([True, True, True, False])), 3)
    0.15

    """
    if not scores.size:
        return float("nan")
    filled = [b for b in reliability(scores, right, bins) if b.count]
    return sum(b.count * abs(b.score - b.share) for b in filled) / len(scores)


def sparsification(errors: Array, scores: Array) -> Array:
    """(N,) the mean error without the k points of lowest score, for k = 0 … N − 1.

    Points of one score are left out in no order: each counts with the mean error of them all.

    >>> sparsification(np.array([1.0, 2.0, 9.0]), np.array([0.9, 0.5, 0.1])).tolist()
    [4.0, 1.5, 1.0]

    """
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=errors) / counts
    surest_first = means[np.sort(group)[::-1]]
    return np.asarray((np.cumsum(surest_first) / np.arange(1, len(errors) + 1))[::-1])


def ause(errors: Array, scores: Array) -> float:
    """Area under the sparsification error: 0 where the scores order the points as their errors do.

    Mean over k of the sparsification curve by score less that by the errors themselves (the
    oracle), over the mean error of all points. NaN without points, or without any error.

    >>> ause(np.array([1.0, 2.0, 9.0]), np.array([0.9, 0.5, 0.1]))
    0.0
    >>> ause(np.array([1.0, 3.0]), np.array([0.1, 0.9]))  # curves 2, 3 and 2, 1
    0.5

    """
    if not errors.size or not errors.mean() > 0:
        return float("nan")
    lost = sparsification(errors, scores) - sparsification(errors, -errors)
    return float(lost.mean() / errors.mean())


def roc_auc(scores: Array, positive: Flags) -> float:
    """How likely a positive scores above a negative, ties counted half; NaN where one is missing.

    The area under the ROC curve: 0.5 by chance, 1 where every positive is above every negative.

    >>> roc_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875

    """
    above, below = int(positive.sum()), int((~positive).sum())
    if not above or not below:
        return float("nan")
    return float((ranks(scores)[positive].sum() - above * (above + 1) / 2) / (above * below))


def rank_correlation(first: Array, second: Array) -> float:
    """Spearman's: the correlation of the ranks, −1 … 1; NaN where one of them never changes.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([9.0, 4.0, 0.0]))
    -1.0

    """
    a, b = (ranks(values) - (len(values) + 1) / 2 for values in (first, second))
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / spread) if spread > 0 else float("nan")


def ranks(values: Array) -> Array:
    """(N,) from 1 for the smallest; those that are equal share the mean of their ranks.

    >>> ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]

    """
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[group])
