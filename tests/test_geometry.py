"""Boxes by hand; crops as properties, and against a drawn dot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from facealign.geometry import (
    CropTransform,
    box_of_points,
    box_size,
    to_box,
    whole_image_box,
)

coordinate = st.floats(-2000, 2000)
side = st.floats(4, 2000)
angle = st.floats(-180, 180)


@pytest.mark.parametrize("values", [[1, 2, 3, 4], (1.0, 2.0, 3.0, 4.0), np.array([1, 2, 3, 4])])
def test_to_box_takes_four_numbers(values: Any) -> None:
    box = to_box(values)
    assert box.dtype == np.float32
    assert box.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1, 2, 3], "four numbers"),
        ([[1, 2, 3, 4]], "four numbers"),
        (7, "four numbers"),
        ([0, 0, math.nan, 1], "not finite"),
        ([0, 0, math.inf, 1], "not finite"),
        ([0, 0, 1e39, 1], "not finite"),
        (np.array([0, 0, 1e39, 1]), "not finite"),
        ([5, 0, 5, 1], "empty"),
        ([0, 9, 5, 1], "empty"),
        (["a", 0, 5, 1], "could not convert"),
    ],
)
def test_to_box_refuses(values: Any, why: Any) -> None:
    with pytest.raises(ValueError, match=why):
        to_box(values)


def test_the_whole_image_reaches_the_outer_edges_of_its_pixels() -> None:
    assert whole_image_box(640, 480).tolist() == [-0.5, -0.5, 639.5, 479.5]
    assert box_size(whole_image_box(50, 50)) == 50


def test_box_size_is_the_geometric_mean_of_the_sides() -> None:
    assert box_size(to_box([10, 10, 14, 19])) == pytest.approx(6)


def test_box_of_points_by_hand() -> None:
    points = np.array([[3, 9], [1, 5], [2, 7]], np.float32)
    assert box_of_points(points).tolist() == [1, 5, 3, 9]


def test_from_box_by_hand() -> None:
    # A 40-pixel box with 10 % on each side: 48 image pixels over 24 crop pixels, centre on centre.
    crop = CropTransform.from_box(to_box([80, 80, 120, 120]), size=24, margin=0.1)
    assert crop.scale == pytest.approx(0.5)
    points = np.array([[100, 100], [76.5, 76.5], [102, 100]], np.float32)
    expected = [[11.5, 11.5], [-0.25, -0.25], [12.5, 11.5]]
    assert np.allclose(crop.to_crop(points), expected, atol=1e-5)


def test_an_oblong_box_gives_a_square_of_its_geometric_mean() -> None:
    crop = CropTransform.from_box(to_box([0, 0, 90, 40]), size=60, margin=0)
    assert crop.scale == pytest.approx(1)
    assert np.allclose(crop.to_image(np.array([[29.5, 29.5]])), [[45, 20]])


def test_a_positive_angle_undoes_a_clockwise_lean() -> None:
    # Leaning clockwise by 90°, the crown of the head points to the right of the photo.
    crop = CropTransform.from_square((50, 50), side=20, size=20, angle=90)
    crown = crop.to_crop(np.array([[58.0, 50.0]]))
    assert np.allclose(crown, [[9.5, 1.5]], atol=1e-5)


@given(x=coordinate, y=coordinate, side=side, angle=angle, px=coordinate, py=coordinate)
def test_to_crop_and_back_is_the_same_point(
    x: Any, y: Any, side: Any, angle: Any, px: Any, py: Any
) -> None:
    crop = CropTransform.from_square((x, y), side, 128, angle)
    point = np.array([[px, py]], np.float32)
    assert np.allclose(crop.to_image(crop.to_crop(point)), point, atol=0.01)


@given(x=coordinate, y=coordinate, side=side, angle=angle, length=st.floats(1, 100))
def test_a_crop_is_a_similarity(x: Any, y: Any, side: Any, angle: Any, length: Any) -> None:
    crop = CropTransform.from_square((x, y), side, 64, angle)
    points = np.array([[0, 0], [length, 0], [0, length]], np.float32)
    a, b = np.diff(crop.to_crop(points)[[1, 0, 2]].astype(np.float64), axis=0)
    expected = length * crop.scale
    tolerance = 1e-3 + 1e-6 * float(np.abs(crop.to_crop(points)).max())
    assert np.hypot(*a) == pytest.approx(expected, abs=tolerance)
    assert np.hypot(*b) == pytest.approx(expected, abs=tolerance)
    assert a @ b == pytest.approx(0, abs=2 * tolerance * (expected + 1))


@given(x=coordinate, y=coordinate, side=side, angle=angle)
def test_the_centre_of_the_square_is_the_centre_of_the_crop(
    x: Any, y: Any, side: Any, angle: Any
) -> None:
    crop = CropTransform.from_square((x, y), side, 31, angle)
    assert np.allclose(crop.matrix @ [x, y, 1], [15, 15], atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 31, 64])
def test_the_identity_crop_is_the_image_itself(noise_picture: Any, size: Any) -> None:
    image = noise_picture(size, size)
    crop = CropTransform.from_square(((size - 1) / 2,) * 2, size, size)
    assert (crop.warp(image) == image).all()


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (7, 3), (-5, 2), (40, 60)])
def test_a_whole_pixel_offset_copies_pixels_exactly_and_is_black_outside(
    noise_picture: Any, dx: Any, dy: Any
) -> None:
    image = noise_picture(50, 40)
    crop = CropTransform.from_square((dx + 9.5, dy + 9.5), 20, 20).warp(image)
    padded = np.zeros((200, 200, 3), np.uint8)
    padded[50:90, 50:100] = image
    assert (crop == padded[50 + dy : 70 + dy, 50 + dx : 70 + dx]).all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_exact(noise_picture: Any, turns: Any) -> None:
    image = noise_picture(32, 32)
    crop = CropTransform.from_square((15.5, 15.5), 32, 32, 90 * turns)
    inner = (slice(1, -1), slice(1, -1))  # rounding may put the outermost centres outside
    difference = crop.warp(image)[inner].astype(int) - np.rot90(image, turns)[inner]
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_whole_factor_averages_blocks(noise_picture: Any, factor: Any) -> None:
    image = noise_picture(12 * factor, 12 * factor)
    middle = (12 * factor - 1) / 2
    crop = CropTransform.from_square((middle, middle), 12 * factor, 12).warp(image)
    blocks = image.reshape(12, factor, 12, factor, 3).mean(axis=(1, 3))
    assert np.abs(crop - blocks).max() <= 2  # two roundings: of the blocks, of the crop


@given(
    x=st.floats(90, 110),
    y=st.floats(90, 110),
    side=st.floats(25, 190),
    angle=angle,
    size=st.sampled_from([40, 64, 97]),
    dot=st.tuples(st.integers(95, 105), st.integers(95, 105)),
)
def test_a_drawn_dot_lands_where_to_crop_says(
    x: Any, y: Any, side: Any, angle: Any, size: Any, dot: Any
) -> None:
    image = _blob((200, 200), dot, spread=max(1.5, side / size))
    crop = CropTransform.from_square((x, y), side, size, angle)
    expected = crop.to_crop(np.array([dot], np.float32))[0]
    reach = 4 * max(1.5, side / size) * crop.scale
    # A dot that is cut off by the crop's edge has another centre of mass.
    assume((expected > reach).all() and (expected < size - 1 - reach).all())
    assert np.allclose(_centre_of_mass(crop.warp(image)), expected, atol=0.12)


@pytest.mark.parametrize("angle", [0, 30, -75])
@pytest.mark.parametrize("side", [20, 64, 300, 640])
def test_a_dot_lands_right_at_every_scale_and_turn(side: Any, angle: Any) -> None:
    spread = max(1.5, side / 64)
    image = _blob((700, 700), (333, 351), spread)
    crop = CropTransform.from_square((330.3, 352.8), side, 64, angle)
    expected = crop.to_crop(np.array([[333, 351]], np.float32))[0]
    assert np.allclose(_centre_of_mass(crop.warp(image)), expected, atol=0.1)


def test_a_crop_off_the_image_is_black(noise_picture: Any) -> None:
    crop = CropTransform.from_square((500, 500), 40, 16)
    assert (crop.warp(noise_picture(50, 50)) == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (2, 3)])
@pytest.mark.parametrize("side", [0.5, 8, 5000])
def test_odd_images_and_sides_give_a_crop_of_the_right_shape(shape: Any, side: Any) -> None:
    image = np.full((*shape, 3), 200, np.uint8)
    crop = CropTransform.from_square((0, 0), side, 16).warp(image)
    assert crop.shape == (16, 16, 3)
    assert crop.dtype == np.uint8
    assert set(np.unique(crop)) <= set(range(201))
    assert (crop.max() == 200) | (side > 1000)  # a lone pixel may lie between the crop's centres


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = CropTransform.from_square((199.5, 199.5), 380, 38).warp(stripes)
    assert np.abs(crop.astype(int) - 127).max() <= 2


def test_a_crop_of_a_part_equals_the_part_of_a_larger_image(smooth_picture: Any) -> None:
    image = smooth_picture(400, 300)
    near = CropTransform.from_square((160, 140), 90, 48, 20).warp(image)
    part = CropTransform.from_square((60, 60), 90, 48, 20).warp(image[80:220, 100:240])
    assert np.abs(near.astype(int) - part).max() <= 1


def _blob(shape: Any, centre: Any, spread: Any) -> Any:
    y, x = np.mgrid[: shape[0], : shape[1]]
    distance = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    values = np.round(255 * np.exp(-distance / (2 * spread**2)))
    return np.repeat(values[..., None], 3, axis=2).astype(np.uint8)


def _centre_of_mass(image: Any) -> Any:
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return (x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum()
