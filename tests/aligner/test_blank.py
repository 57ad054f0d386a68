"""Points outside a photo, on flat black and on borders of one colour are not visible."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from facealign import FaceAligner
from facealign.aligner.blank import blank
from facealign.face import Face
from facealign.face.measures import measure
from facealign.types import Pixels

ALIGNER = FaceAligner(threads=1)
BOX = [178.0, 88.0, 267.0, 177.0]
MIDDLE = 225
"""Column of the astronaut's nose."""


def seen(photo: Pixels) -> Face:
    """The astronaut's face in her box."""
    (face,) = ALIGNER.align(photo, boxes=[BOX])
    assert face.visible is not None
    return face


def covered(photo: Pixels, colour: int) -> Pixels:
    """The photo with its left half, up to the nose, in one gray."""
    half = photo.copy()
    half[:, :MIDDLE] = colour
    return half


def test_of_a_whole_photo_nothing_is_blank(astronaut: Pixels) -> None:
    assert not blank(astronaut, seen(astronaut).landmarks).any()
    assert seen(astronaut).visible.all()  # type: ignore[union-attr]


@pytest.mark.parametrize("colour", [0, 128, 255])
@pytest.mark.parametrize("quality", [None, 90])
def test_the_points_of_a_filled_half_are_hidden(
    astronaut: Pixels, colour: int, quality: int | None
) -> None:
    photo, places = covered(astronaut, colour), seen(astronaut).landmarks
    if quality:
        file = io.BytesIO()
        Image.fromarray(photo).save(file, "JPEG", quality=quality)
        photo = np.asarray(Image.open(file))
    hidden = blank(photo, places)
    assert hidden[places[:, 0] < MIDDLE - 8].mean() > 0.9
    assert not hidden[places[:, 0] > MIDDLE + 1].any()


def test_a_black_bar_that_ends_in_the_photo_hides_too(astronaut: Pixels) -> None:
    photo, places = astronaut.copy(), seen(astronaut).landmarks
    photo[90:116, 150:300] = 0  # over both eyes; gray there could be a thing in the photo
    eyes = slice(36, 48)
    assert blank(photo, places)[eyes].all()
    photo[90:116, 150:300] = 128
    assert not blank(photo, places).any()


def test_a_face_cut_by_the_border_has_hidden_points(astronaut: Pixels) -> None:
    photo = np.ascontiguousarray(astronaut[:, MIDDLE:])
    box = [BOX[0] - MIDDLE, BOX[1], BOX[2] - MIDDLE, BOX[3]]
    (face,) = ALIGNER.align(photo, boxes=[box])
    outside = face.landmarks[:, 0] < -0.5
    assert outside.sum() > 10
    assert face.visible is not None
    assert not face.visible[outside].any()
    assert np.isfinite(face.landmarks).all()


def test_an_eye_that_cannot_be_seen_has_no_openness(astronaut: Pixels) -> None:
    whole, half = measure(seen(astronaut)), measure(seen(covered(astronaut, 0)))
    assert whole["eye_openness_right"] is not None
    assert half["eye_openness_right"] is None


def test_black_hides_nothing_in_a_photo_that_is_dark_all_over(astronaut: Pixels) -> None:
    photo = astronaut // 5
    photo[90:116, 150:300] = 0
    assert not blank(photo, seen(astronaut).landmarks).any()


def test_any_photo_and_any_points_will_do() -> None:
    for shape in ((1, 1, 3), (1, 9, 3), (40, 2, 3)):
        photo = np.full(shape, 120, np.uint8)
        points = np.array([[0, 0], [-0.6, 0], [1e6, -1e6]], np.float32)
        assert blank(photo, points).tolist() == [True, True, True]
