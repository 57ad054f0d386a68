"""How good the points' scores are: plain functions of arrays.

A score says how sure a network is, in 0..1. It is a good probability if eight in ten of the points
scored 0.8 are near their true place (`reliability`); it is a good ranking if the points with low
scores are the wrong ones (`sparsification`, `rank_correlation`, `roc_auc`). N points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Bin:
    """Points with similar scores.

    Attributes:
        low, high: the range of scores, `low` included; the last bin includes 1.
        count: number of points.
        score: their mean score; NaN without points.
        share: the fraction of right points, 0..1; NaN without points.

    """

    low: float
    high: float
    count: int
    score: float
    share: float


def reliability(scores: Array, right: Flags, bins: int = 10) -> list[Bin]:
    """Share of right points by score, in bins of equal width.

    Args:
        scores: (N,) in 0..1.
        right: (N,) whether the point is right.
        bins: number of bins.

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

    Points with equal scores have no order: each counts with the mean error of all of them.

    >>> sparsification(np.array([1.0, 2.0, 9.0]), np.array([0.9, 0.5, 0.1])).tolist()
    [4.0, 1.5, 1.0]

    """
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=errors) / counts
    surest_first = means[np.sort(group)[::-1]]
    return np.asarray((np.cumsum(surest_first) / np.arange(1, len(errors) + 1))[::-1])


def ause(errors: Array, scores: Array) -> float:
    """Area under the sparsification error: 0 if the scores rank the points as their errors do.

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
    """Probability that a positive scores above a negative (ties count half); NaN without either.

    The area under the ROC curve: 0.5 by chance, 1 if every positive is above every negative.

    >>> roc_auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875

    """
    above, below = int(positive.sum()), int((~positive).sum())
    if not above or not below:
        return float("nan")
    return float((ranks(scores)[positive].sum() - above * (above + 1) / 2) / (above * below))


def rank_correlation(first: Array, second: Array) -> float:
    """Spearman's rank correlation, −1 … 1; NaN if one side is constant.

    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([9.0, 4.0, 0.0]))
    -1.0

    """
    a, b = (ranks(values) - (len(values) + 1) / 2 for values in (first, second))
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / spread) if spread > 0 else float("nan")


def ranks(values: Array) -> Array:
    """(N,) ranks from 1 for the smallest; equal values share their mean rank.

    >>> ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]

    """
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[group])
