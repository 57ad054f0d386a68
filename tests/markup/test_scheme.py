"""The 68-point scheme, against what the iBUG figure says in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from facealign.errors import DataError
from facealign.markup import MARKUPS, load_markup

IBUG = MARKUPS["ibug68"]
EVERY = pytest.mark.parametrize("markup", MARKUPS.values(), ids=MARKUPS)
MIDLINE = {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}
points_68 = arrays(np.float32, (68, 2), elements=st.floats(-500, 500, width=32))


@EVERY
def test_the_mirror_order_is_its_own_inverse(markup: Any) -> None:
    assert (markup.mirror[markup.mirror] == np.arange(markup.count)).all()


@EVERY
def test_the_groups_hold_every_point_once(markup: Any) -> None:
    indices = [index for group in markup.groups.values() for index in group]
    assert sorted(indices) == list(range(markup.count))


@EVERY
def test_closed_names_only_groups_there_are(markup: Any) -> None:
    assert markup.closed <= set(markup.groups)


@EVERY
def test_the_mirror_swaps_right_and_left_groups_and_keeps_the_others(markup: Any) -> None:
    for name, indices in markup.groups.items():
        twin = name.replace("right_", "?").replace("left_", "right_").replace("?", "left_")
        assert {int(markup.mirror[i]) for i in indices} == set(markup.groups[twin])


@EVERY
def test_the_eyes_are_each_others_mirror(markup: Any) -> None:
    if markup.eye_corners is not None:
        right, left = markup.eye_corners
        assert markup.mirror[right] == left
    assert {int(markup.mirror[i]) for i in markup.eye_points[0]} == set(markup.eye_points[1])


def test_ibug_points_on_the_midline_stay_and_all_others_move() -> None:
    assert set(np.flatnonzero(IBUG.mirror == np.arange(68)).tolist()) == MIDLINE


@pytest.mark.parametrize(
    ("point", "other"),
    [
        (0, 16),
        (7, 9),
        (17, 26),
        (21, 22),
        (31, 35),
        (36, 45),
        (37, 44),
        (41, 46),
        (48, 54),
        (67, 65),
    ],
)
def test_ibug_pairs_read_off_the_figure(point: Any, other: Any) -> None:
    assert IBUG.mirror[point] == other


def test_ibug_inter_ocular_is_between_points_37_and_46_of_the_one_based_figure() -> None:
    assert IBUG.eye_corners == (36, 45)
    assert IBUG.eye_points == (tuple(range(36, 42)), tuple(range(42, 48)))


def test_mirrored_by_hand() -> None:
    points = np.zeros((68, 2), np.float32)
    points[36] = [10, 20]
    flipped = IBUG.mirrored(points, width=100)
    assert flipped[45].tolist() == [89, 20]
    assert flipped[36].tolist() == [99, 0]


def test_mirrored_leaves_its_argument_alone() -> None:
    points = np.ones((68, 2), np.float32)
    IBUG.mirrored(points, 10)
    assert (points == 1).all()


@given(points=points_68, width=st.integers(1, 1000))
def test_mirrored_twice_is_the_same(points: Any, width: Any) -> None:
    back = IBUG.mirrored(IBUG.mirrored(points, width), width)
    assert np.allclose(back, points, atol=1e-3)


def test_mirrored_takes_leading_axes() -> None:
    points = np.random.default_rng(0).normal(size=(2, 3, 68, 2)).astype(np.float32)
    assert (IBUG.mirrored(points, 9)[1, 2] == IBUG.mirrored(points[1, 2], 9)).all()


def test_polylines_close_the_eyes_and_lips_and_no_other() -> None:
    lines = dict(zip(IBUG.groups, IBUG.polylines(), strict=True))
    closed = {name for name, line in lines.items() if line[0] == line[-1]}
    assert closed == {"right_eye", "left_eye", "outer_lip", "inner_lip"}
    assert lines["nose_bridge"] == [27, 28, 29, 30]
    assert lines["right_eye"] == [36, 37, 38, 39, 40, 41, 36]


def test_load_markup_by_name() -> None:
    assert load_markup("ibug68") is IBUG


def test_an_unknown_markup_names_the_known_ones() -> None:
    with pytest.raises(DataError, match=r'"ibug67".*ibug68'):
        load_markup("ibug67")
