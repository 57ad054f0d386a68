from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facealign import Face, draw_faces
from facealign.draw import draw_maps
from facealign.types import Pixels


def face(points: np.ndarray, box: tuple[float, ...] = (20, 20, 80, 80)) -> Face:
    return Face(np.array(box, np.float32), 1.0, points.astype(np.float32), "ibug68")


def changed(before: Pixels, after: Pixels) -> np.ndarray:
    return np.abs(after.astype(int) - before.astype(int)).max(axis=2) > 40


def test_a_point_is_drawn_centred_on_its_pixel() -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    points = np.full((68, 2), [50.0, 30.0])
    drawn = draw_faces(image, [face(points, (-500, -500, -400, -400))]).astype(np.float64)
    weight = drawn.sum(axis=2)
    ys, xs = np.mgrid[:100, :120]
    centre = np.array([(weight * xs).sum(), (weight * ys).sum()]) / weight.sum()
    assert np.abs(centre - [50, 30]).max() < 0.35
    assert drawn[30, 50].min() > 150


def test_the_box_is_drawn_on_its_edge() -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    after = changed(image, draw_faces(image, [face(np.full((68, 2), 50.0))]))
    assert after[20, 30]
    assert after[40, 20]
    assert after[79, 30] or after[80, 30]
    assert not after[15, 30]
    assert not after[30, 30]


def test_the_number_of_a_track_is_above_its_box() -> None:
    image = np.full((100, 120, 3), 90, np.uint8)
    plain = face(np.full((68, 2), 50.0), (20, 40, 80, 90))
    drawn = {n: draw_faces(image, [replace(plain, track=n)]) for n in (1, 2)}
    for after in drawn.values():
        assert changed(draw_faces(image, [plain]), after)[18:40, 18:60].any()
    assert not np.array_equal(drawn[1], drawn[2])


def test_the_photo_stays_as_it_was() -> None:
    image = np.zeros((50, 50, 3), np.uint8)
    drawn = draw_faces(image, [face(np.full((68, 2), 20.0))])
    assert image.max() == 0
    assert drawn.shape == image.shape
    assert drawn is not image


def test_without_faces_it_is_a_copy() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    drawn = draw_faces(image, [])
    assert (drawn == image).all()
    assert drawn is not image


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (6000, 4100, 3)])
def test_any_size_and_points_outside(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, np.uint8)
    points = np.linspace([-90, -50], [9000, 9000], 68)
    assert draw_faces(image, [face(points)]).shape == shape


def test_untouched_regions_keep_their_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    drawn = draw_faces(image, [face(np.full((68, 2), 50.0))])
    assert (drawn[120:, 120:] == image[120:, 120:]).all()


def test_maps_of_a_face_without_any_are_refused() -> None:
    with pytest.raises(ValueError, match="align with attention=True"):
        draw_maps(np.zeros((50, 50, 3), np.uint8), face(np.full((68, 2), 9.0)))
