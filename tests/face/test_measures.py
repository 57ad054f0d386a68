"""Measures against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from facealign import FaceAligner
from facealign.face import Face
from facealign.face.measures import (
    NAMES,
    closed_share,
    eye_openness,
    find_blinks,
    measure,
    mouth_openness,
    open_level,
)
from facealign.types import Pixels

EYE = np.array([[0, 0], [10, -4], [20, -4], [30, 0], [20, 5], [10, 5]], np.float32)
LIPS = np.array(
    [[0, 0], [10, -1], [20, -2], [30, -1], [40, 0], [30, 1], [20, 4], [10, 1]], np.float32
)


@pytest.fixture(scope="module")
def face(astronaut: Pixels) -> Face:
    (found,) = FaceAligner(threads=1).align(astronaut)
    return found


def test_an_eye_is_its_mean_height_over_its_width() -> None:
    assert eye_openness(EYE) == pytest.approx(9 / 30)


def test_a_mouth_is_the_mean_height_within_the_lips_over_their_width() -> None:
    assert mouth_openness(LIPS) == pytest.approx((2 + 6 + 2) / 3 / 40)


@pytest.mark.parametrize(("ratio", "points"), [(eye_openness, EYE), (mouth_openness, LIPS)])
def test_size_place_and_turn_change_nothing(
    ratio: Callable[[np.ndarray], float], points: np.ndarray
) -> None:
    turned = points @ np.array([[0.6, 0.8], [-0.8, 0.6]]) * 7 + [100, -40]
    assert ratio(turned.astype(np.float32)) == pytest.approx(ratio(points), rel=1e-5)


@pytest.mark.parametrize(("ratio", "count"), [(eye_openness, 6), (mouth_openness, 8)])
def test_no_width_is_no_number(ratio: Callable[[np.ndarray], float], count: int) -> None:
    assert np.isnan(ratio(np.zeros((count, 2), np.float32)))


def test_a_smiling_face_has_open_eyes_and_every_measure(face: Face) -> None:
    values = measure(face)
    assert tuple(values) == NAMES
    assert 0.15 < values["eye_openness_left"] < 0.5
    assert 0.15 < values["eye_openness_right"] < 0.5
    assert 0 <= values["mouth_openness"] < 0.6
    assert values["yaw"] == pytest.approx(face.pose.yaw)


def test_left_is_the_subjects(face: Face) -> None:
    points = face.landmarks.copy()
    points[43:45] = points[[47, 46]]  # the lids of 42–47 meet
    shut = measure(replace(face, landmarks=points))
    assert shut["eye_openness_left"] == pytest.approx(0, abs=1e-6)
    assert shut["eye_openness_right"] == measure(face)["eye_openness_right"]


def test_what_is_hidden_or_unsure_has_no_number(face: Face) -> None:
    visible = np.ones(68, np.bool_)
    visible[37] = False
    hidden = measure(replace(face, visible=visible))
    assert hidden["eye_openness_right"] is None
    assert hidden["eye_openness_left"] is not None
    scores = np.full(68, 0.8, np.float32)
    scores[60:68] = 0.3
    unsure = measure(replace(face, scores=scores))
    assert unsure["mouth_openness"] is None
    assert unsure["eye_openness_right"] is not None


def test_a_face_that_looks_aside_has_a_pose_alone(face: Face) -> None:
    narrow = face.landmarks.astype(np.float64)
    middle = narrow[27:31, 0].mean()
    narrow[:, 0] = middle + (narrow[:, 0] - middle) * 0.4
    narrow[30, 0] += 40  # the nose's tip far out: the head is turned
    values = measure(replace(face, landmarks=narrow.astype(np.float32)))
    assert abs(values["yaw"]) > 30
    assert [values[name] for name in NAMES[:3]] == [None, None, None]


def test_other_schemes_have_a_pose_alone(face: Face) -> None:
    values = measure(face.to("celeba5"))
    assert values["mouth_openness"] is None
    assert values["yaw"] == pytest.approx(face.to("celeba5").pose.yaw)


def openness(times: np.ndarray, *blinks: tuple[float, float, float]) -> np.ndarray:
    """Open at 0.3; each blink (middle, half its length, depth) a triangle."""
    values = np.full(len(times), 0.3)
    for middle, half, depth in blinks:
        dip = np.clip(1 - np.abs(times - middle) / half, 0, 1)
        values = np.minimum(values, 0.3 * (1 - depth * dip))
    return values


def test_blinks_are_counted_with_their_times_and_depths() -> None:
    times = np.arange(300) / 30
    values = openness(times, (2.0, 0.2, 0.9), (5.0, 0.15, 0.6), (8.0, 0.2, 0.2))
    blinks = find_blinks(times, values)
    assert [round(blink.depth, 6) for blink in blinks] == [0.9, 0.6]
    assert (blinks[0].start, blinks[0].end) == (pytest.approx(1.9), pytest.approx(2.1))
    assert open_level(values) == pytest.approx(0.3)


def test_a_closed_eye_or_a_cut_blink_is_no_blink() -> None:
    times = np.arange(300) / 30
    asleep = np.where((times > 3) & (times < 6), 0.02, 0.3)
    assert find_blinks(times, asleep) == []
    ending = openness(times, (10.0, 0.2, 0.9))
    assert find_blinks(times, ending) == []
    unknown = openness(times, (2.0, 0.2, 0.9))
    unknown[60:70] = np.nan
    assert find_blinks(times, unknown) == []


def test_nothing_known_has_no_blinks() -> None:
    assert find_blinks(np.arange(5.0), np.full(5, np.nan)) == []
    assert find_blinks(np.zeros(0), np.zeros(0)) == []
    assert np.isnan(open_level(np.zeros(0)))


def test_the_closed_share_of_each_minute() -> None:
    times = np.arange(0, 120.5, 0.5)
    values = np.where(times % 60 < 6, 0.05, 0.3)
    values[200:] = np.nan  # the last 20 seconds of the second minute are not known
    assert closed_share(times, values) == pytest.approx([0.1, 6 / 40])
    values[120:] = np.nan
    assert closed_share(times, values) == pytest.approx([0.1, np.nan], nan_ok=True)


def test_an_empty_track_has_no_minutes() -> None:
    assert closed_share(np.zeros(1), np.zeros(1)).shape == (0,)
