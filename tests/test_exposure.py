from __future__ import annotations

import numpy as np
import pytest

import facealign
from facealign.exposure import DARK, brighten, even_light
from facealign.types import Pixels


@pytest.fixture(scope="module")
def photo(astronaut_path: str) -> Pixels:
    return facealign.read_image(astronaut_path)


def test_a_well_lit_photo_is_returned_as_it_is(photo: Pixels) -> None:
    assert brighten(photo) is photo
    crop = np.ascontiguousarray(photo[80:208, 160:288])
    assert even_light(crop) is crop


def test_a_dark_ramp_is_stretched_to_200_at_its_98th_percentile() -> None:
    ramp = np.tile(np.arange(50, dtype=np.uint8)[None, :, None], (50, 1, 3))
    bright = brighten(ramp)
    top = np.percentile(ramp, 98)
    assert bright[0, 25].tolist() == [int(25 * 200 / top)] * 3
    assert (np.diff(bright[0, :, 0].astype(int)) >= 0).all()


def test_black_stays_black_and_two_percent_of_light_are_enough() -> None:
    black = np.zeros((100, 100, 3), np.uint8)
    assert brighten(black) is black
    assert even_light(black) is black
    some = black.copy()
    some[:2] = DARK
    assert brighten(some) is some


@pytest.mark.parametrize("mean", [3.0, 5.0, 12.0])
def test_a_dark_photo_gives_the_same_face(photo: Pixels, mean: float) -> None:
    dark = np.round(photo * (mean / photo.mean())).astype(np.uint8)
    (bright_face,), (dark_face,) = facealign.align(photo), facealign.align(dark)
    size = bright_face.box[2] - bright_face.box[0]
    off = np.linalg.norm(bright_face.landmarks - dark_face.landmarks, axis=1).mean()
    assert off < 0.03 * size


def test_half_a_face_in_deep_shadow_keeps_its_landmarks(photo: Pixels) -> None:
    (face,) = facealign.align(photo)
    middle = face.landmarks[:, 0].mean()
    light = np.where(np.arange(photo.shape[1]) < middle, 0.02, 1.0)
    shaded = np.round(photo * light[None, :, None]).astype(np.uint8)
    (found,) = facealign.align(shaded, boxes=[face.box])
    off = np.linalg.norm(found.landmarks - face.landmarks, axis=1).mean()
    assert off < 0.05 * (face.box[2] - face.box[0])


def test_a_shadow_is_lifted_and_the_light_kept() -> None:
    crop = np.full((128, 128, 3), 200, np.uint8)
    crop[:, :64] = 10
    lit = even_light(crop)
    assert lit[:, :40].mean() > 60
    assert np.array_equal(lit[:, 90:], crop[:, 90:])
