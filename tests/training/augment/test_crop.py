"""Random crops of a batch against `CropTransform`, a slow sampler, and a marked pixel."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from facealign.geometry import CropTransform
from facealign.markup import MARKUPS
from facealign.training.augment.crop import (
    DETECTOR_SCALE,
    DETECTOR_SHIFT,
    FURTHEST,
    RandomCrops,
    random_crops,
)
from facealign.training.settings import AugmentSettings

MIRROR = torch.from_numpy(MARKUPS["ibug68"].mirror.astype(np.int64))
STRONG = AugmentSettings(turn=20, scale=0.1, shift=0.1, mirror=0.5)

Picture = Callable[..., np.ndarray]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def one_view(
    centre: tuple[float, float],
    side: float,
    degrees: float = 0.0,
    flip: bool = False,
    stretch: float = 1.0,
) -> RandomCrops:
    return RandomCrops(
        torch.tensor([centre], dtype=torch.float32),
        torch.tensor([float(side)]),
        torch.tensor([math.radians(degrees)], dtype=torch.float32),
        torch.tensor([flip]),
        torch.tensor([stretch]),
    )


def tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image.copy()).float().permute(2, 0, 1)[None]


def pixels(batch: Tensor) -> np.ndarray:
    return batch[0].permute(1, 2, 0).numpy()


def test_no_strength_leaves_the_plain_centred_crop() -> None:
    crops = random_crops(3, 64, 1.6, AugmentSettings(), generator())
    assert crops.centre.tolist() == [[31.5, 31.5]] * 3
    assert crops.side.tolist() == [40] * 3
    assert crops.angle.tolist() == [0] * 3
    assert crops.flip.tolist() == [False] * 3
    assert crops.stretch.tolist() == [1] * 3


def test_the_identity_view_is_the_region_itself(noise_picture: Picture) -> None:
    region = tensor(noise_picture(32, 32))
    crop = one_view((15.5, 15.5), 32).warp(region, 32)
    assert torch.allclose(crop, region, atol=0.01)


@pytest.mark.parametrize(("dx", "dy"), [(3, 5), (-20, 0)])
def test_a_whole_pixel_offset_copies_and_is_black_outside(
    noise_picture: Picture, dx: float, dy: float
) -> None:
    image = noise_picture(32, 32)
    crop = pixels(one_view((15.5 + dx, 15.5 + dy), 32).warp(tensor(image), 32))
    padded = np.pad(image, ((40, 40), (40, 40), (0, 0)))
    expected = padded[40 + dy : 72 + dy, 40 + dx : 72 + dx]
    assert np.allclose(crop, expected, atol=0.01)


@given(
    x=st.floats(25, 40),
    y=st.floats(25, 40),
    side=st.floats(16, 31),
    degrees=st.floats(-180, 180),
)
def test_a_view_equals_the_crop_transform(
    smooth_picture: Picture, x: float, y: float, side: float, degrees: float
) -> None:
    image = smooth_picture(64, 64)
    crop = CropTransform.from_square((x, y), side, 16, degrees)
    ours = pixels(one_view((x, y), side, degrees).warp(tensor(image), 16))
    assert np.abs(ours - crop.warp(image)).max() < 2  # Pillow cuts to whole gray levels


@given(seed=st.integers(0, 10**6))
def test_fractions_equal_the_crop_transform_s(
    face_points: Callable[..., np.ndarray], seed: int
) -> None:
    crops = random_crops(
        4, 64, 1.6, AugmentSettings(turn=20, scale=0.1, shift=0.1), generator(seed)
    )
    points = torch.from_numpy(np.stack([face_points((30 + i, 33), 30) for i in range(4)]))
    fractions = crops.to_fractions(points, MIRROR).numpy()
    for i in range(4):
        crop = CropTransform.from_square(
            tuple(crops.centre[i].tolist()), float(crops.side[i]), 40, math.degrees(crops.angle[i])
        )
        expected = (crop.to_crop(points[i].numpy()) + 0.5) / 40 - 0.5
        assert np.allclose(fractions[i], expected, atol=1e-4)


def naive_warp(view: RandomCrops, region: Tensor, size: int) -> np.ndarray:
    """One pixel after the other, by the definition of bilinear sampling; zero outside."""
    (cx, cy), side, angle = view.centre[0].tolist(), float(view.side[0]), float(view.angle[0])
    height, width, _ = region.shape
    out = np.zeros((size, size, 3))
    for row, column in np.ndindex(size, size):
        u, v = (column + 0.5) / size - 0.5, (row + 0.5) / size - 0.5
        u = -u if view.flip[0] else u
        x = cx + side * (u * math.cos(angle) - v * math.sin(angle))
        y = cy + side * (u * math.sin(angle) + v * math.cos(angle))
        for i in (math.floor(y), math.floor(y) + 1):
            for j in (math.floor(x), math.floor(x) + 1):
                if 0 <= i < height and 0 <= j < width:
                    out[row, column] += region[i, j] * (1 - abs(x - j)) * (1 - abs(y - i))
    return out


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("degrees", [0, 33, -140])
def test_warp_equals_the_slow_sampler(noise_picture: Picture, degrees: float, flip: bool) -> None:
    region = noise_picture(20, 20)
    view = one_view((8.3, 11.9), 17.2, degrees, flip)  # reaches over the region's edge
    crop = pixels(view.warp(tensor(region), 9))
    assert np.allclose(crop, naive_warp(view, region, 9), atol=0.05)


@given(degrees=st.floats(-60, 60), side=st.floats(20, 60))
def test_a_mirrored_view_is_the_mirror_image_of_the_view(
    noise_picture: Picture, degrees: float, side: float
) -> None:
    region = tensor(noise_picture(64, 64))
    plain, flipped = (one_view((30, 33), side, degrees, f).warp(region, 16) for f in (False, True))
    assert torch.allclose(flipped.flip(-1), plain, atol=0.1)


def test_mirrored_twice_is_the_same_image_and_the_same_points(
    noise_picture: Picture, face_points: Callable[..., np.ndarray]
) -> None:
    region, view = tensor(noise_picture(32, 32)), one_view((15.5, 15.5), 32, flip=True)
    assert torch.allclose(view.warp(view.warp(region, 32), 32), region, atol=0.02)
    points = torch.from_numpy(face_points((14, 17), 20))[None]
    once = view.to_fractions(points, MIRROR) * 32 + 15.5
    twice = view.to_fractions(once, MIRROR) * 32 + 15.5
    assert torch.allclose(twice, points, atol=1e-4)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("degrees", [0, 25, -50])
def test_a_marked_pixel_moves_with_its_point(
    face_points: Callable[..., np.ndarray], degrees: float, flip: bool
) -> None:
    points = face_points((40, 42), 40)
    corner = 36  # of the right eye; in a mirrored photo it is point 45
    y, x = np.mgrid[:80, :80]
    distance = (x - points[corner, 0]) ** 2 + (y - points[corner, 1]) ** 2
    region = np.repeat((255 * np.exp(-distance / 8))[..., None], 3, axis=2).astype(np.float32)
    view = one_view((39, 41), 60, degrees, flip)
    crop = pixels(view.warp(tensor(region), 48))[..., 0]
    rows, columns = np.mgrid[:48, :48]
    seen = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum()
    fractions = view.to_fractions(torch.from_numpy(points)[None], MIRROR)[0].numpy()
    expected = fractions[45 if flip else 36] * 48 + 23.5
    assert np.allclose(seen, expected, atol=0.05)


def test_random_views_stay_within_three_deviations_and_reach_out() -> None:
    crops = random_crops(2000, 64, 1.6, STRONG, generator())
    assert math.radians(30) < crops.angle.abs().max() <= math.radians(60) + 1e-6
    assert 0.2 < (crops.side / 40).log().abs().max() <= 0.3 + 1e-6
    assert 0.2 * 40 < (crops.centre - 31.5).abs().max() <= 0.3 * 40 + 1e-4
    assert 0.45 < crops.flip.float().mean() < 0.55
    assert abs(crops.angle.mean()) < 0.03


@pytest.mark.parametrize(("mirror", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_never_and_always_mirrored(mirror: float, share: float) -> None:
    crops = random_crops(50, 64, 1.6, AugmentSettings(mirror=mirror), generator())
    assert crops.flip.float().mean() == share


def test_the_same_seed_gives_the_same_views_and_another_does_not() -> None:
    first, same, other = (random_crops(5, 64, 1.6, STRONG, generator(s)) for s in (1, 1, 2))
    assert torch.equal(first.centre, same.centre)
    assert torch.equal(first.angle, same.angle)
    assert not torch.equal(first.centre, other.centre)


def test_a_stretched_view_shows_more_across_and_less_down(noise_picture: Picture) -> None:
    region = tensor(noise_picture(64, 64))
    view = one_view((31.5, 31.5), 32, stretch=4.0)  # 64 × 16 pixels
    crop = pixels(view.warp(region, 16))
    across = (np.arange(16) + 0.5) * 4 - 0.5
    rows = pixels(region)[24:40]
    expected = (rows[:, across.astype(int)] + rows[:, across.astype(int) + 1]) / 2
    assert np.allclose(crop, expected, atol=0.05)
    corner = torch.tensor([[[63.5, 39.5]]])
    assert torch.allclose(view.to_fractions(corner, torch.tensor([0])), torch.full((1, 1, 2), 0.5))


def test_aspect_keeps_the_area_that_is_seen() -> None:
    crops = random_crops(500, 64, 1.6, AugmentSettings(aspect=0.1), generator())
    assert crops.stretch.log().std() == pytest.approx(0.1, rel=0.1)
    assert torch.allclose(torch.linalg.det(crops.axes()), crops.side**2, rtol=1e-4)


@pytest.mark.parametrize(("share", "inside"), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)])
def test_a_share_of_the_turns_is_large(share: float, inside: bool) -> None:
    settings = AugmentSettings(turn=1.0, large_turn=share, large_turn_angle=90.0)
    degrees = random_crops(4000, 64, 1.6, settings, generator()).angle.rad2deg().abs()
    assert degrees.max() <= 90
    assert (degrees <= 3).float().mean() == pytest.approx(inside, abs=0.05)
    if share == 1:
        assert degrees.mean() == pytest.approx(45, abs=2)


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_a_detector_s_boxes_stray_as_they_were_measured(margin: float) -> None:
    settings = AugmentSettings(detector=True)
    crops = random_crops(40_000, 64, 1.6, settings, generator(), margin)
    box = 40 / (1 + 2 * margin)
    shift, growth = (crops.centre - 31.5) / box, (crops.side / 40).log()
    assert torch.allclose(shift.std(dim=0), torch.tensor(DETECTOR_SHIFT), rtol=0.05)
    assert growth.std() == pytest.approx(DETECTOR_SCALE, rel=0.05)
    assert growth.mean().abs() < 0.002
    assert shift.abs().max() <= FURTHEST * DETECTOR_SHIFT / math.sqrt(2) + 1e-6
    # Heavy tails: the measured 1 % lie beyond 0.11 box sizes, those of a normal distribution 0.10.
    assert shift[:, 0].quantile(0.99) == pytest.approx(0.111, abs=0.008)
    assert torch.equal(crops.angle, torch.zeros(40_000))


def test_a_part_of_the_views_is_what_it_is_within_the_whole(noise_picture: Picture) -> None:
    crops = random_crops(6, 64, 1.6, STRONG, generator())
    regions = torch.cat([tensor(noise_picture(64, 64, seed)) for seed in range(6)])
    part = crops[2:5]
    assert torch.equal(part.warp(regions[2:5], 16), crops.warp(regions, 16)[2:5])
