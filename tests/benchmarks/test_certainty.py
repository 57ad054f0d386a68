"""What scores are worth, on numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from certainty import (
    ause,
    calibration_error,
    rank_correlation,
    ranks,
    reliability,
    roc_auc,
    sparsification,
)


def test_reliability_bins_hold_their_lower_end_and_the_last_one_1() -> None:
    scores = np.array([0.0, 0.5, 0.5, 0.7, 1.0])
    right = np.array([False, True, False, True, True])
    low, high = reliability(scores, right, bins=2)
    assert (low.low, low.high, low.count, low.score, low.share) == (0.0, 0.5, 1, 0.0, 0.0)
    assert (high.low, high.high, high.count, high.share) == (0.5, 1.0, 4, 0.75)
    assert high.score == pytest.approx(2.7 / 4)


def test_an_empty_bin_has_no_mean_and_no_weight() -> None:
    bins = reliability(np.array([0.95]), np.array([True]))
    assert [b.count for b in bins] == [0] * 9 + [1]
    assert np.isnan(bins[0].share)
    assert calibration_error(np.array([0.95]), np.array([True])) == pytest.approx(0.05)


def test_calibration_error_weighs_bins_by_their_points() -> None:
    # Bin 0.2: three points, one right: |0.2 − 1/3|; bin 0.8: one point, wrong: 0.8.
    scores, right = np.array([0.25, 0.25, 0.25, 0.75]), np.array([True, False, False, False])
    expected = (3 * abs(0.25 - 1 / 3) + 1 * 0.75) / 4
    assert calibration_error(scores, right) == pytest.approx(expected)
    assert np.isnan(calibration_error(np.zeros(0), np.zeros(0, bool)))


def test_a_score_that_is_the_probability_is_calibrated() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(size=20000)
    assert calibration_error(scores, random.uniform(size=20000) < scores) < 0.02
    assert calibration_error(scores, random.uniform(size=20000) < scores**3) > 0.1


def test_points_of_one_score_leave_together() -> None:
    # The two of score 0.2 count 4 each, in whatever order they stand.
    for errors in ([3.0, 5.0, 1.0], [5.0, 3.0, 1.0]):
        curve = sparsification(np.array(errors), np.array([0.2, 0.2, 0.7]))
        assert curve.tolist() == [3.0, 2.5, 1.0]


def test_ause_is_0_by_the_errors_and_most_by_their_reverse() -> None:
    errors = np.array([1.0, 2.0, 3.0])
    assert ause(errors, -errors) == 0.0
    # Reverse: 2, 2.5, 3; oracle: 2, 1.5, 1; the difference 0, 1, 2 over the mean 2.
    assert ause(errors, errors) == pytest.approx((0 + 1 + 2) / 3 / 2)
    # One score for all: 2, 2, 2 less 2, 1.5, 1.
    assert ause(errors, np.ones(3)) == pytest.approx((0 + 0.5 + 1) / 3 / 2)
    assert np.isnan(ause(np.zeros(3), errors))


def test_roc_auc_counts_pairs() -> None:
    scores = np.array([0.3, 0.6, 0.1, 0.6, 0.9])
    positive = np.array([True, False, False, True, True])
    # Of the six pairs: 0.3 > 0.1, 0.6 > 0.1, 0.9 above both, 0.6 = 0.6 half, 0.3 < 0.6.
    assert roc_auc(scores, positive) == pytest.approx(4.5 / 6)
    assert roc_auc(1 - scores, positive) == pytest.approx(1.5 / 6)
    assert np.isnan(roc_auc(scores, np.ones(5, bool)))


def test_rank_correlation_knows_order_alone() -> None:
    values = np.array([0.1, 2.0, 0.5, 30.0])
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1.0)
    assert rank_correlation(values, -(values**3)) == pytest.approx(-1.0)
    # Ranks 1 2 3 and 2 1 3: deviations (−1, 0, 1) and (0, −1, 1), 1 over 2.
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([5.0, 4.0, 9.0])) == 0.5
    assert np.isnan(rank_correlation(values, np.ones(4)))


def test_ranks_of_equals_are_shared() -> None:
    assert ranks(np.array([2.0, 2.0, 1.0, 2.0])).tolist() == [3.0, 3.0, 1.0, 3.0]
