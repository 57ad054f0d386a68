"""Every number by hand, and against a plain loop."""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from facealign.markup import MARKUPS
from facealign.metrics import (
    NORMALISERS,
    auc,
    bootstrap_interval,
    box_diagonal,
    box_size,
    ced,
    failure_rate,
    inter_ocular,
    inter_pupil,
    nme,
    normalisers_of,
    region_nme,
)

IBUG = MARKUPS["ibug68"]
PAIRED = copy.copy(IBUG)
PAIRED.normaliser = (0, 16)
errors = arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1))
seeds = st.integers(0, 10**6)
NO_BOXES = np.zeros((1, 4))


def faces(seed: int, count: int = 3) -> Any:
    rng = np.random.default_rng(seed)
    predicted, truth = rng.uniform(0, 100, (2, count, 68, 2))
    return predicted, truth, rng.random((count, 68)) < 0.7, rng.uniform(10, 50, count)


def test_inter_ocular_is_between_the_outer_eye_corners() -> None:
    truth = np.zeros((1, 68, 2))
    truth[0, 36], truth[0, 45] = [10, 10], [40, 50]
    assert inter_ocular(truth, NO_BOXES, IBUG).tolist() == [50]


def test_inter_pupil_is_between_the_means_of_the_eyes() -> None:
    truth = np.zeros((1, 68, 2))
    truth[0, 36:42] = [[0, 0], [6, 0], [6, 3], [0, 3], [3, 0], [3, 0]]  # mean (3, 1)
    truth[0, 42:48] = [33, 41]
    assert inter_pupil(truth, NO_BOXES, IBUG).tolist() == [50]


def test_box_size_is_the_geometric_mean_of_the_given_box() -> None:
    boxes = np.array([[0, 0, 4, 9], [-1, -1, 1, 1]])
    assert box_size(np.zeros((2, 68, 2)), boxes, IBUG).tolist() == [6, 2]


def test_box_diagonal_is_pythagoras_of_the_given_box() -> None:
    boxes = np.array([[0, 0, 3, 4], [-1, 2, 4, 14]])
    assert box_diagonal(np.zeros((2, 68, 2)), boxes, IBUG).tolist() == [5, 13]


def test_a_markup_without_eye_corners_defines_three_normalisers() -> None:
    assert set(NORMALISERS) - set(normalisers_of(IBUG)) == {"point_pair"}
    blind = copy.copy(IBUG)
    blind.eye_corners = None
    assert normalisers_of(blind) == ("inter_pupil", "box_size", "box_diagonal")


@pytest.mark.parametrize("name", NORMALISERS)
@given(seed=seeds, scale=st.floats(0.1, 10))
def test_every_normaliser_scales_with_the_face_and_ignores_its_place(
    name: Any, seed: Any, scale: Any
) -> None:
    _, truth, _, _ = faces(seed)
    boxes = np.hstack([truth.min(axis=1), truth.max(axis=1)])
    distance = NORMALISERS[name](truth, boxes, PAIRED)
    moved = NORMALISERS[name](truth * scale + 7, boxes * scale + 7, PAIRED)
    assert np.allclose(moved, scale * distance)


def test_nme_by_hand() -> None:
    predicted = np.array([[[3.0, 4.0], [0.0, 0.0], [6.0, 8.0]]])
    truth = np.zeros((1, 3, 2))
    every = np.ones((1, 3), bool)
    assert nme(predicted, truth, every, np.array([50.0])).tolist() == pytest.approx([0.1])
    some = np.array([[True, True, False]])
    assert nme(predicted, truth, some, np.array([50.0])).tolist() == pytest.approx([0.05])


@given(seed=seeds)
def test_nme_equals_the_loop(seed: Any) -> None:
    predicted, truth, labelled, distance = faces(seed)
    expected = []
    for i in range(len(truth)):
        lengths = [math.dist(predicted[i, k], truth[i, k]) for k in range(68) if labelled[i, k]]
        expected.append(sum(lengths) / len(lengths) / distance[i])
    assert np.allclose(nme(predicted, truth, labelled, distance), expected)


@given(seed=seeds)
def test_hidden_points_do_not_count_even_when_they_are_not_numbers(seed: Any) -> None:
    predicted, truth, labelled, distance = faces(seed)
    blank = np.where(labelled[..., None], truth, np.nan)
    expected = nme(predicted, truth, labelled, distance)
    assert (nme(predicted, blank, labelled, distance) == expected).all()


def test_a_perfect_model_scores_exactly_one() -> None:
    assert auc(np.zeros(7), 0.08) == 1.0
    assert failure_rate(np.zeros(7), 0.08) == 0.0


def test_a_hopeless_model_scores_zero() -> None:
    assert auc(np.full(3, 9.0), 0.08) == 0.0
    assert failure_rate(np.full(3, 9.0), 0.08) == 1.0


def test_an_error_at_the_threshold_is_no_failure() -> None:
    assert failure_rate(np.array([0.08, 0.0801]), 0.08) == 0.5


@given(values=errors, threshold=st.floats(0.01, 1))
def test_auc_is_the_area_under_the_cumulative_curve(values: Any, threshold: Any) -> None:
    # The curve is a step function: sum its exact pieces between the sorted errors.
    edges = [0.0, *sorted(v for v in values if v < threshold), threshold]
    area = sum((high - low) * (values <= low).mean() for low, high in pairwise(edges))
    assert auc(values, threshold) == pytest.approx(area / threshold, abs=1e-9)


@given(values=errors, threshold=st.floats(0.01, 1))
def test_failure_rate_equals_the_loop_and_bounds_the_auc(values: Any, threshold: Any) -> None:
    failed = sum(1 for v in values if v > threshold) / len(values)
    assert failure_rate(values, threshold) == pytest.approx(failed)
    assert auc(values, threshold) <= 1 - failed + 1e-12


@given(values=errors, seed=seeds)
def test_the_order_of_faces_does_not_matter(values: Any, seed: Any) -> None:
    shuffled = np.random.default_rng(seed).permutation(values)
    assert auc(shuffled, 0.5) == pytest.approx(auc(values, 0.5))


def test_the_cumulative_curve_by_hand() -> None:
    errors, share = ced(np.array([0.05, np.inf, 0.01, 0.05]))
    assert errors.tolist() == [0.01, 0.05, 0.05]
    assert share.tolist() == [0.25, 0.5, 0.75]  # the missed face keeps it below 1


@given(values=errors, threshold=st.floats(0.01, 1))
def test_the_area_under_the_curve_s_steps_is_the_auc(values: Any, threshold: Any) -> None:
    x, share = ced(values)
    inside = x < threshold
    edges = [*x[inside], threshold]
    area = sum((high - low) * s for (low, high), s in zip(pairwise(edges), share, strict=False))
    assert area / threshold == pytest.approx(auc(values, threshold), abs=1e-9)


def test_no_face_has_an_empty_curve() -> None:
    assert [part.tolist() for part in ced(np.zeros(0))] == [[], []]


def test_region_nme_by_hand() -> None:
    markup = copy.copy(IBUG)
    markup.groups = MappingProxyType({"eye": (0, 1), "chin": (2,)})
    truth = np.zeros((2, 3, 2))
    predicted = np.array([[[3.0, 4], [0, 0], [0, 1]], [[0, 0], [0, 0], [9, 9]]])
    labelled = np.array([[True, True, True], [True, False, False]])
    found = region_nme(predicted, truth, labelled, np.array([10.0, 10.0]), markup)
    assert found == pytest.approx({"eye": (0.25 + 0) / 2, "chin": 0.1})


def test_a_region_that_no_face_shows_is_no_number() -> None:
    labelled = np.zeros((1, 68), bool)
    found = region_nme(np.zeros((1, 68, 2)), np.zeros((1, 68, 2)), labelled, np.ones(1), IBUG)
    assert all(math.isnan(value) for value in found.values())


@given(seed=seeds)
def test_regions_weighted_by_their_points_give_the_whole(seed: Any) -> None:
    predicted, truth, _, distance = faces(seed)
    shown = np.ones((3, 68), bool)
    regions = region_nme(predicted, truth, shown, distance, IBUG)
    total = sum(regions[name] * len(points) for name, points in IBUG.groups.items()) / 68
    assert total == pytest.approx(nme(predicted, truth, shown, distance).mean())


def test_the_interval_of_two_values_by_hand() -> None:
    # Means of two draws from {0, 1}: 0, ½ and 1 with chances ¼, ½, ¼: 95 % spans all of it.
    assert bootstrap_interval(np.array([0.0, 1.0])) == (0.0, 1.0)


def test_the_interval_agrees_with_the_normal_one_and_is_seeded() -> None:
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std() / math.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(values, seed=1) != (low, high)


def test_faces_of_one_photo_are_drawn_together() -> None:
    values = np.repeat(np.random.default_rng(4).normal(5, 2, 40), 10)
    photos = [f"photo {i // 10}" for i in range(400)]
    alone, together = bootstrap_interval(values), bootstrap_interval(values, photos)
    wider = (together[1] - together[0]) / (alone[1] - alone[0])
    assert wider == pytest.approx(math.sqrt(10), rel=0.2)


def test_an_interval_of_nothing_is_no_number() -> None:
    assert all(math.isnan(end) for end in bootstrap_interval(np.zeros(0)))
