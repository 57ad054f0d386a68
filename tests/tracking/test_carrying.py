"""Faces that the network does not look at while all of them moves alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facealign import FaceAligner
from facealign.aligner import Found
from facealign.face import Face
from facealign.geometry import CropTransform
from facealign.tracking import FaceTracker
from facealign.tracking.patches import AROUND, FLAT, SIDE, Patch, inner_points, patch_of
from facealign.tracking.registration import moved_crop, movement
from facealign.tracking.smoothing import KNOWN, LiveSmoother, quick_points
from facealign.tracking.track import OWN
from facealign.types import Pixels, Points

FPS = 30


class Counted(FaceAligner):
    """Counts the looks of the network."""

    looks = 0

    def look(self, found: Found, looks: int = 1) -> list[Face]:
        """As `FaceAligner.look`."""
        self.looks += len(found)
        return super().look(found, looks)


@pytest.fixture
def aligner() -> Counted:
    return Counted("aan-m", threads=1, turned_faces=False)


@pytest.fixture(scope="module")
def face(astronaut: Pixels) -> Face:
    (found,) = FaceAligner(threads=1).align(astronaut)
    return found


def camera(number: int) -> CropTransform:
    """A camera that moves over the photo."""
    wave = np.sin(number / 8)
    return CropTransform.from_square((230 + 15 * wave, 130 + 8 * wave), 260 - 20 * wave, 260)


def closed_eyes(image: Pixels, face: Face) -> Pixels:
    """The photo with skin over both eyes."""
    closed = image.copy()
    for eye in (face.landmarks[36:42], face.landmarks[42:48]):
        (x0, y0), (x1, y1) = eye.min(axis=0).astype(int) - 1, eye.max(axis=0).astype(int) + 2
        closed[y0:y1, x0:x1] = image[y1 + 3, x0:x1]
    return closed


def test_the_network_looks_at_few_frames_of_a_face_that_moves_as_a_whole(
    aligner: Counted, astronaut: Pixels, face: Face
) -> None:
    """4 frames fill the mean; then at most 4 frames, 0.13 s, are carried between two looks."""
    tracker, looked, errors = FaceTracker(aligner, detect_every=100), [], []
    eyes = float(np.linalg.norm(face.landmarks[36] - face.landmarks[45]))
    for number in range(24):
        before = aligner.looks
        (found,) = tracker.step(camera(number).warp(astronaut), number / FPS)
        looked.append(aligner.looks - before)
        gaps = camera(number).to_image(found.landmarks) - face.landmarks
        errors.append(float(np.linalg.norm(gaps, axis=1).mean()) / eyes)
    assert looked[:KNOWN] == [1] * KNOWN
    assert "00000" not in "".join(map(str, looked))
    assert sum(looked) <= len(looked) / 2
    assert max(errors) < 0.02


def test_a_face_that_may_not_be_carried_is_looked_at_in_every_frame(
    aligner: Counted, astronaut: Pixels
) -> None:
    for settings in ({"carry": False}, {"smoothing": "none"}):
        tracker, aligner.looks = FaceTracker(aligner, detect_every=100, **settings), 0
        for number in range(8):
            tracker.step(camera(number).warp(astronaut), number / FPS)
        assert aligner.looks == 8


@pytest.mark.parametrize("seconds", [0.2, 0.0])
def test_frames_far_apart_or_without_times_are_all_looked_at(
    seconds: float, aligner: Counted, astronaut: Pixels
) -> None:
    tracker = FaceTracker(aligner, detect_every=100)
    for number in range(8):
        tracker.step(astronaut, number * seconds)
    assert aligner.looks == 8


def test_closed_eyes_are_looked_at_in_the_frame_in_which_they_close(
    aligner: Counted, astronaut: Pixels, face: Face
) -> None:
    tracker, closed = FaceTracker(aligner, detect_every=100), closed_eyes(astronaut, face)
    for number in range(6):  # the last two are carried
        tracker.step(astronaut, number / FPS)
    before = aligner.looks
    tracker.step(closed, 6 / FPS)
    assert aligner.looks == before + 1
    found = movement(patch_of(astronaut, face), closed, face.landmarks)
    assert found is not None
    assert found.own > 4 * OWN
    still = movement(patch_of(astronaut, face), astronaut, face.landmarks)
    assert still is not None
    assert still.own < OWN / 4


def test_a_face_that_goes_is_lost_at_once_though_it_was_carried(
    aligner: Counted, astronaut: Pixels, face: Face
) -> None:
    tracker = FaceTracker(aligner, detect_every=100)
    x0, y0, x1, y1 = (int(v) for v in face.box)
    empty = astronaut.copy()
    empty[y0 - 40 : y1 + 40, x0 - 40 : x1 + 40] = 120
    numbers = []
    for number in range(9):
        numbers.append(len(tracker.step(astronaut if number < 7 else empty, number / FPS)))
    assert numbers == [1] * 7 + [0] * 2


def ramp(points: Points) -> Patch:
    """Grays that grow by 4 from row to row, by 1 from column to column."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    crop = CropTransform(np.array([[1.0, 0, 0], [0, 1, 0]]), SIDE)
    return Patch(crop, 4 * y + x, points, 1, np.array([True] * (len(points) - 1) + [False]))


def test_a_landmarks_own_movement_by_hand() -> None:
    """Differences of 2 where the slope is 4 are half a pixel, less where all is flat."""
    patch = ramp(np.array([[20.2, 30.4], [0, 0]], np.float32))
    left = np.zeros((SIDE, SIDE), np.float32)
    left[28:33, 18:23] = 2.0
    variance = 17 * (SIDE**2 - 1) / 12
    wanted = 25 * 2 * 4 / (25 * 16 + FLAT * variance * 25)
    assert patch.own_movement(left.ravel()) == pytest.approx(wanted, rel=1e-4)
    left[:5, :5] = 50.0  # at the last landmark, which is on the outline
    assert patch.own_movement(left.ravel()) == pytest.approx(wanted, rel=1e-4)


def test_own_movements_are_those_of_a_slow_reference() -> None:
    random = np.random.default_rng(0)
    points = random.uniform(-5, SIDE + 5, (30, 2)).astype(np.float32)
    gray = random.uniform(0, 255, (SIDE, SIDE)).astype(np.float32)
    patch = replace(ramp(points), gray=gray)
    left = random.normal(0, 20, (SIDE, SIDE)).astype(np.float32)
    half, largest = AROUND // 2, 0.0
    for x, y in np.clip(np.round(points[:-1]).astype(int), half, SIDE - 1 - half):
        square = np.s_[y - half : y + half + 1, x - half : x + half + 1]
        for slopes in np.gradient(gray):
            flat = FLAT * gray.var() * AROUND**2
            own = (left * slopes)[square].sum() / ((slopes**2)[square].sum() + flat)
            largest = max(largest, abs(float(own)))
    assert patch.own_movement(left.ravel()) == pytest.approx(largest, rel=1e-3)


def test_a_patch_is_softened_before_it_is_cut() -> None:
    """By hand: one white pixel becomes 1 2 1 along rows and columns, of 16."""
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[20, 30] = 160
    points = np.array([[0, 0], [47, 47]], np.float32)  # their box has 47 pixels for the patch's 48
    one = Face(np.zeros(4, np.float32), 1.0, points, "celeba5")
    patch = patch_of(image, replace(one, markup="ibug68", landmarks=np.tile(points, (34, 1))))
    assert patch.gray.max() == pytest.approx(40, rel=0.2)
    assert patch.gray.sum() == pytest.approx(160 * (48 / 47) ** 2, rel=0.1)


def test_inner_points_are_all_but_the_outline() -> None:
    assert inner_points("ibug68").tolist() == [False] * 17 + [True] * 51
    assert inner_points("celeba5").all()


def test_carried_points_move_with_the_pixels_and_time_stands_still_for_the_filter() -> None:
    points = np.random.default_rng(0).uniform(0, 100, (68, 2)).astype(np.float32)
    shift = np.array([[1.0, 0, 3], [0, 1, -2]])
    one, other = LiveSmoother("ibug68"), LiveSmoother("ibug68")
    for number in range(5):
        one.step(points, number / FPS, np.eye(3)[:2])
        other.step(points, number / FPS, np.eye(3)[:2])
    assert one.steady
    carried = one.carried(shift, 5 / FPS)
    np.testing.assert_allclose(carried, points + [3, -2], atol=1e-3)
    changed = points + np.random.default_rng(1).normal(0, 3, points.shape).astype(np.float32)
    after = one.step(changed + np.float32([3, -2]), 6 / FPS, shift)
    np.testing.assert_allclose(
        after - [3, -2], other.step(changed, 5 / FPS, np.eye(3)[:2]), atol=1e-3
    )


def test_lids_that_had_not_arrived_go_on_while_they_are_carried_and_other_points_rest() -> None:
    """The last look finds a lid 3 pixels higher; the filter has gone only a part of the way."""
    points = np.random.default_rng(0).uniform(0, 100, (68, 2)).astype(np.float32)
    lid, still = 37, np.eye(3)[:2]
    opened = points.copy()
    opened[lid, 1] -= 3
    smoother = LiveSmoother("ibug68")
    for number in range(5):
        before = smoother.step(points, number / FPS, still)
    looked = smoother.step(opened, 5 / FPS, still)
    ways = [looked, *(smoother.carried(still, number / FPS) for number in range(6, 12))]
    heights = [float(before[lid, 1] - way[lid, 1]) for way in ways]
    assert heights == sorted(heights)
    assert heights[-1] > heights[0]
    assert heights[-1] > 0.8 * 3
    calm = ~quick_points("ibug68")
    np.testing.assert_allclose(ways[-1][calm], looked[calm], atol=1e-3)


def test_a_crop_moves_with_what_it_saw() -> None:
    crop = CropTransform.from_square((50.0, 40.0), 20.0, 10, 30.0)
    moved = moved_crop(crop, (1.0, 0.0, 7.0, 0.0, 1.0, -3.0))
    place = np.array([[52.0, 41.0]], np.float32)
    np.testing.assert_allclose(moved.to_crop(place + [7, -3]), crop.to_crop(place), atol=1e-4)
