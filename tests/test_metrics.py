"""Every number by hand, and against a plain loop."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facealign.markup import MARKUPS
from facealign.metrics import (
    NORMALISERS,
    auc,
    box_size,
    failure_rate,
    inter_ocular,
    inter_pupil,
    nme,
)

IBUG = MARKUPS["ibug68"]
errors = arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1))
seeds = st.integers(0, 10**6)
NO_BOXES = np.zeros((1, 4))


def faces(seed, count=3):
    rng = np.random.default_rng(seed)
    predicted, truth = rng.uniform(0, 100, (2, count, 68, 2))
    return predicted, truth, rng.random((count, 68)) < 0.7, rng.uniform(10, 50, count)


def test_inter_ocular_is_between_the_outer_eye_corners():
    truth = np.zeros((1, 68, 2))
    truth[0, 36], truth[0, 45] = [10, 10], [40, 50]
    assert inter_ocular(truth, NO_BOXES, IBUG).tolist() == [50]


def test_inter_pupil_is_between_the_means_of_the_eyes():
    truth = np.zeros((1, 68, 2))
    truth[0, 36:42] = [[0, 0], [6, 0], [6, 3], [0, 3], [3, 0], [3, 0]]  # mean (3, 1)
    truth[0, 42:48] = [33, 41]
    assert inter_pupil(truth, NO_BOXES, IBUG).tolist() == [50]


def test_box_size_is_the_geometric_mean_of_the_given_box():
    boxes = np.array([[0, 0, 4, 9], [-1, -1, 1, 1]])
    assert box_size(np.zeros((2, 68, 2)), boxes, IBUG).tolist() == [6, 2]


@pytest.mark.parametrize("name", NORMALISERS)
@given(seed=seeds, scale=st.floats(0.1, 10))
def test_every_normaliser_scales_with_the_face_and_ignores_its_place(name, seed, scale):
    _, truth, _, _ = faces(seed)
    boxes = np.hstack([truth.min(axis=1), truth.max(axis=1)])
    distance = NORMALISERS[name](truth, boxes, IBUG)
    moved = NORMALISERS[name](truth * scale + 7, boxes * scale + 7, IBUG)
    assert np.allclose(moved, scale * distance)


def test_nme_by_hand():
    predicted = np.array([[[3.0, 4.0], [0.0, 0.0], [6.0, 8.0]]])
    truth = np.zeros((1, 3, 2))
    every = np.ones((1, 3), bool)
    assert nme(predicted, truth, every, np.array([50.0])).tolist() == pytest.approx([0.1])
    some = np.array([[True, True, False]])
    assert nme(predicted, truth, some, np.array([50.0])).tolist() == pytest.approx([0.05])


@given(seed=seeds)
def test_nme_equals_the_loop(seed):
    predicted, truth, visible, distance = faces(seed)
    expected = []
    for i in range(len(truth)):
        lengths = [math.dist(predicted[i, k], truth[i, k]) for k in range(68) if visible[i, k]]
        expected.append(sum(lengths) / len(lengths) / distance[i])
    assert np.allclose(nme(predicted, truth, visible, distance), expected)


@given(seed=seeds)
def test_hidden_points_do_not_count_even_when_they_are_not_numbers(seed):
    predicted, truth, visible, distance = faces(seed)
    blank = np.where(visible[..., None], truth, np.nan)
    expected = nme(predicted, truth, visible, distance)
    assert (nme(predicted, blank, visible, distance) == expected).all()


def test_a_perfect_model_scores_exactly_one():
    assert auc(np.zeros(7), 0.08) == 1.0
    assert failure_rate(np.zeros(7), 0.08) == 0.0


def test_a_hopeless_model_scores_zero():
    assert auc(np.full(3, 9.0), 0.08) == 0.0
    assert failure_rate(np.full(3, 9.0), 0.08) == 1.0


def test_an_error_at_the_threshold_is_no_failure():
    assert failure_rate(np.array([0.08, 0.0801]), 0.08) == 0.5


@given(values=errors, threshold=st.floats(0.01, 1))
def test_auc_is_the_area_under_the_cumulative_curve(values, threshold):
    # The curve is a step function: sum its exact pieces between the sorted errors.
    edges = [0.0, *sorted(v for v in values if v < threshold), threshold]
    area = sum((high - low) * (values <= low).mean() for low, high in pairwise(edges))
    assert auc(values, threshold) == pytest.approx(area / threshold, abs=1e-9)


@given(values=errors, threshold=st.floats(0.01, 1))
def test_failure_rate_equals_the_loop_and_bounds_the_auc(values, threshold):
    failed = sum(1 for v in values if v > threshold) / len(values)
    assert failure_rate(values, threshold) == pytest.approx(failed)
    assert auc(values, threshold) <= 1 - failed + 1e-12


@given(values=errors, seed=seeds)
def test_the_order_of_faces_does_not_matter(values, seed):
    shuffled = np.random.default_rng(seed).permutation(values)
    assert auc(shuffled, 0.5) == pytest.approx(auc(values, 0.5))
