"""How a face moved, measured in pixels: known movements of a photo, and what is no movement."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facealign import FaceAligner
from facealign.face import Face
from facealign.tracking.patches import SIDE, likeness, patch_of
from facealign.tracking.registration import moved_points, movement
from facealign.types import Pixels

Matrix = NDArray[np.float64]


@pytest.fixture(scope="module")
def face(astronaut: Pixels) -> Face:
    (found,) = FaceAligner(threads=1).align(astronaut)
    return found


def camera(face: Face, turn: float, zoom: float, wide: float, x: float, y: float) -> Matrix:
    """An affine map about the face's middle; `turn` in degrees, `wide` for its width alone."""
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    linear = zoom * np.array([[c, -s], [s, c]]) @ np.diag([wide, 1.0])
    middle = face.landmarks.mean(axis=0)
    return np.column_stack([linear, middle + [x, y] - linear @ middle])


def filmed(image: Pixels, moved: Matrix) -> Pixels:
    """The photo under a camera, by Pillow's bicubic filter."""
    linear = np.linalg.inv(moved[:, :2])
    shift = -linear @ moved[:, 2] - linear @ [0.5, 0.5] + 0.5
    data = tuple(np.column_stack([linear, shift]).ravel())
    size = image.shape[1], image.shape[0]
    photo = Image.fromarray(image)
    kind = Image.Resampling.BICUBIC
    return np.asarray(photo.transform(size, Image.Transform.AFFINE, data=data, resample=kind))


def mapped(moved: Matrix, face: Face) -> NDArray[np.float64]:
    return np.asarray(face.landmarks @ moved[:, :2].T + moved[:, 2])


@pytest.mark.parametrize(
    "step",
    [
        (0, 1, 1, 3.3, -1.7),
        (4, 1, 1, 0, 0),
        (0, 1.04, 1, 0, 0),
        (0, 1, 0.95, 1, 0),
        (-3, 0.97, 1.02, 5, 4),
    ],
)
def test_a_known_movement_is_measured_to_a_fraction_of_a_pixel(
    step: tuple[float, ...], face: Face, astronaut: Pixels
) -> None:
    moved = camera(face, *step)
    trembling = mapped(moved, face) + np.random.default_rng(0).normal(0, 1.0, (68, 2))
    found = movement(
        patch_of(astronaut, face), filmed(astronaut, moved), trembling.astype(np.float32)
    )
    assert found is not None
    gaps = np.linalg.norm(moved_points(face.landmarks, found.affine) - mapped(moved, face), axis=1)
    assert gaps.mean() < 0.15
    assert gaps.max() < 0.4


def test_what_moves_within_the_face_does_not_move_it(face: Face, astronaut: Pixels) -> None:
    changed = astronaut.copy()
    x0, y0 = face.landmarks[48:68].min(axis=0).astype(int)
    x1, y1 = face.landmarks[48:68].max(axis=0).astype(int)
    changed[y0 + 4 : y1 + 4, x0:x1] = astronaut[y0:y1, x0:x1]  # the lips go down
    found = movement(patch_of(astronaut, face), changed, face.landmarks)
    assert found is not None
    assert np.abs(moved_points(face.landmarks, found.affine) - face.landmarks).mean() < 0.15


def test_light_that_changes_is_no_movement(face: Face, astronaut: Pixels) -> None:
    darker = (0.7 * astronaut + 10).astype(np.uint8)
    found = movement(patch_of(astronaut, face), darker, face.landmarks)
    assert found is not None
    assert np.abs(moved_points(face.landmarks, found.affine) - face.landmarks).max() < 0.1


def test_another_picture_tells_no_movement(face: Face, astronaut: Pixels) -> None:
    before = patch_of(astronaut, face)
    random = np.random.default_rng(0).integers(0, 256, astronaut.shape).astype(np.uint8)
    for image in (random, astronaut[::-1], np.zeros_like(astronaut), np.full_like(astronaut, 90)):
        assert movement(before, np.ascontiguousarray(image), face.landmarks) is None
    blank = patch_of(np.zeros_like(astronaut), face)
    assert movement(blank, astronaut, face.landmarks) is None


def test_points_that_left_the_picture_behind_tell_no_movement(
    face: Face, astronaut: Pixels
) -> None:
    before, side = patch_of(astronaut, face), float(np.ptp(face.landmarks[:, 0]))
    assert movement(before, astronaut, face.landmarks + np.float32(0.3 * side)) is None
    together = np.full_like(face.landmarks, 50.0)
    assert movement(before, astronaut, together) is None


def test_points_that_changed_sides_tell_no_movement(face: Face, astronaut: Pixels) -> None:
    """By hand: of a square whose sides are swapped the nearest similarity has the scale 0."""
    middle = face.landmarks.mean(axis=0).round()
    square = middle + 40 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    before = patch_of(astronaut, replace(face, landmarks=square.astype(np.float32)))
    swapped = square[[1, 0, 3, 2]].astype(np.float32)
    assert movement(before, astronaut, swapped) is None


def test_a_patch_is_like_itself_and_unlike_another_place(face: Face, astronaut: Pixels) -> None:
    frame = astronaut.copy()
    patch = patch_of(frame, face)
    frame[:] = 0  # as a camera's buffer, which the next frame overwrites
    assert likeness(patch, patch_of(astronaut, face)) == pytest.approx(1, abs=1e-6)
    assert likeness(patch, patch_of(frame, face)) == 0
    assert patch.gray.shape == (SIDE, SIDE)
    elsewhere = patch_of(astronaut, replace(face, landmarks=face.landmarks + np.float32(150)))
    assert likeness(patch, elsewhere) < 0.5
