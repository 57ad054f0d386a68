"""What smoothing must keep and what it must take away."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from facealign.tracking.offline import smooth_at
from facealign.tracking.smoothing import (
    Frame,
    LiveSmoother,
    fit_at,
    join,
    quick_points,
    to_complex,
)

Array = NDArray[np.float64]
Smooth = Callable[[Array, Array], Array]


def live(tracks: Array, times: Array) -> Array:
    smoother = LiveSmoother("ibug68")
    steps = zip(tracks, times, strict=True)
    return np.stack([smoother.step(p.astype(np.float32), float(t)) for p, t in steps])


def offline(tracks: Array, times: Array) -> Array:
    points = list(tracks.astype(np.float32))
    return np.stack([smooth_at(points, list(times), i, "ibug68") for i in range(len(points))])


BOTH = pytest.mark.parametrize("smooth", [live, offline])


@pytest.fixture
def face(face_points: Callable[..., Array]) -> Array:
    """(68, 2) points, 100 pixels between the outer eye corners."""
    points = face_points((0.0, 0.0), 100.0).astype(np.float64)
    points[36], points[45] = (-50, 0), (50, 0)
    return points


def even(frames: int, fps: float = 30.0) -> Array:
    return np.arange(frames) / fps


def shake(tracks: Array) -> float:
    return float(np.linalg.norm(np.diff(tracks, n=2, axis=0), axis=2).mean())


def test_a_face_is_put_together_again_as_it_was_taken_apart(face: Array) -> None:
    turned = (face @ [[0.8, 0.6], [-0.6, 0.8]] * 3 + [200, 90]).astype(np.float32)
    frame = Frame(face.astype(np.float32), "ibug68")
    (place, turn), shape = frame.split(to_complex(turned))
    assert abs(turn) == pytest.approx(300, rel=1e-5)  # the unit is 100 pixels of the first face
    assert np.allclose([place.real, place.imag], turned.mean(axis=0), atol=1e-4)
    assert np.allclose(join(np.array([place, turn]), shape), turned, atol=1e-4)


def test_a_polynomial_of_its_own_degree_is_kept_at_uneven_times() -> None:
    times = np.array([0.0, 0.03, 0.1, 0.11, 0.2])
    values = (1 + 2 * times - 7 * times**2) + 0j
    assert fit_at(times, values, 0.3, 2).real == pytest.approx(1 + 0.6 - 0.63)


def test_a_fit_of_few_frames_takes_a_lower_degree() -> None:
    assert fit_at(np.array([0.5]), np.array([3.0 + 0j]), 0.5, 2) == pytest.approx(3)


@BOTH
def test_a_still_face_stays_where_it_is(smooth: Smooth, face: Array) -> None:
    tracks = np.repeat(face[None], 20, axis=0)
    assert np.allclose(smooth(tracks, even(20)), tracks, atol=1e-3)


@BOTH
def test_a_steady_or_accelerating_head_is_followed_without_lag(smooth: Smooth, face: Array) -> None:
    times = even(30)
    places = np.stack([300 * times - 200 * times**2, 80 * times], axis=1)
    tracks = face + places[:, None]
    assert np.allclose(smooth(tracks, times), tracks, atol=1e-2)


@BOTH
def test_the_frames_need_not_come_evenly(smooth: Smooth, face: Array) -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.06, 30))
    tracks = face + np.stack([200 * times, -90 * times], axis=1)[:, None]
    assert np.allclose(smooth(tracks, times), tracks, atol=1e-2)


@pytest.mark.parametrize(("smooth", "most"), [(live, 0.55), (offline, 0.3)])
def test_noise_is_taken_away(smooth: Smooth, most: float, face: Array) -> None:
    noisy = face + np.random.default_rng(0).normal(0, 0.5, (60, 68, 2))
    smoothed = smooth(noisy, even(60))
    assert shake(smoothed) < most * shake(noisy)
    assert np.abs(smoothed - face).mean() < np.abs(noisy - face).mean()


@pytest.mark.parametrize(("smooth", "least"), [(live, 0.85), (offline, 0.9)])
def test_a_blink_of_a_fifth_of_a_second_is_kept(smooth: Smooth, least: float, face: Array) -> None:
    times = even(40)
    closed = (1 + np.cos(np.pi * np.clip((times - 0.7) / 0.1, -1, 1))) / 2
    tracks = np.repeat(face[None], 40, axis=0)
    tracks[:, 37, 1] += 12 * closed
    moved = smooth(tracks, times)[:, 37, 1] - face[37, 1]
    assert moved.max() > least * 12
    assert abs(int(moved.argmax()) - int(closed.argmax())) <= 1


def test_live_smoothing_begins_anew_after_a_gap_or_when_told(face: Array) -> None:
    smoother = LiveSmoother("ibug68")
    there, elsewhere = face.astype(np.float32), (face + 500).astype(np.float32)
    for number in range(10):
        smoother.step(there, number / 30)
    assert np.allclose(smoother.step(elsewhere, 2.0), elsewhere, atol=1e-3)
    smoother.reset()
    assert np.allclose(smoother.step(there, 2.03), there, atol=1e-3)
    assert np.allclose(smoother.step(elsewhere, 1.0), elsewhere, atol=1e-3)  # time ran back


def test_the_centred_window_ends_where_the_video_does(face: Array) -> None:
    tracks, times = face + np.zeros((3, 1, 1)), even(3)
    assert np.allclose(offline(tracks, times), tracks, atol=1e-3)
    assert np.allclose(offline(tracks[:1], times[:1]), tracks[:1], atol=1e-3)


def test_points_that_all_coincide_divide_by_nothing() -> None:
    points = np.full((68, 2), 7.0, np.float32)
    assert np.allclose(LiveSmoother("ibug68").step(points, 0.0), points)
    assert np.allclose(smooth_at([points] * 3, [0, 0.1, 0.2], 1, "ibug68"), points)


def test_a_scheme_without_eye_corners_is_smoothed_too() -> None:
    five = np.array([[0, 0], [10, 0], [5, 5], [1, 9], [9, 9]], np.float32)
    smoother = LiveSmoother("celeba5")
    for number in range(9):
        moved = smoother.step(five + np.float32(number), number / 30)
    assert np.allclose(moved, five + 8, atol=1e-3)


def shaken(face: Array, frames: int) -> tuple[Array, list[Array | None]]:
    """A face under a fast camera that turns, zooms and squeezes; how it moves in each frame."""
    t = even(frames)
    tracks, maps = [], []
    for a, x, y, wide in zip(
        0.2 * np.sin(9 * t), 60 * np.sin(7 * t), 40 * t, np.cos(5 * t), strict=True
    ):
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        maps.append(np.column_stack([turn @ np.diag([0.9 + 0.1 * wide, 1.0]), [x, y]]))
        tracks.append(face @ maps[-1][:, :2].T + maps[-1][:, 2])
    square = [np.vstack([m, [0, 0, 1]]) for m in maps]
    steps = [b @ np.linalg.inv(a) for a, b in pairwise(square)]
    return np.stack(tracks), [None, *(step[:2] for step in steps)]


@pytest.mark.parametrize(("kind", "most"), [("live", 0.3), ("offline", 0.3)])
def test_a_known_movement_leaves_only_noise_to_filter(kind: str, most: float, face: Array) -> None:
    clean, movements = shaken(face, 60)
    for noise, least in ((0.0, 0.01), (0.5, most)):
        tracks = (clean + np.random.default_rng(0).normal(0, noise, clean.shape)).astype(np.float32)
        if kind == "live":
            smoother = LiveSmoother("ibug68")
            steps = zip(tracks, even(60), movements, strict=True)
            smooth = np.stack([smoother.step(p, float(t), m) for p, t, m in steps])
        else:
            times = list(even(60))
            smooth = np.stack(
                [smooth_at(list(tracks), times, i, "ibug68", movements) for i in range(60)]
            )
        calm = ~quick_points("ibug68")
        left, found = (points[10:, calm] - clean[10:, calm] for points in (smooth, tracks))
        assert np.abs(left).mean() < (least if not noise else 0.6 * np.abs(found).mean())
        assert not noise or shake(left) < most * shake(found)


def test_a_movement_that_is_not_known_ends_what_was_moved_along(face: Array) -> None:
    tracks, movements = shaken(face, 20)
    movements[10] = None
    smoother = LiveSmoother("ibug68")
    for p, t, movement in zip(tracks.astype(np.float32), even(20), movements, strict=True):
        found = smoother.step(p, float(t), movement)
        assert np.abs(found - p).max() < 3  # the polynomial cuts the corner, and no more
    assert np.abs(found - p).max() < 0.2


def test_lids_and_lips_are_quick_and_their_corners_are_not() -> None:
    quick = np.flatnonzero(quick_points("ibug68")).tolist()
    lids, lips = [37, 38, 40, 41, 43, 44, 46, 47], {*range(48, 68)} - {48, 54, 60, 64}
    assert quick == [*lids, *sorted(lips)]
    assert not quick_points("celeba5").any()
