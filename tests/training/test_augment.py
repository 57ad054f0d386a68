"""Random crops of a batch against `CropTransform`, a slow sampler, and a marked pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facealign.geometry import CropTransform
from facealign.markup import MARKUPS
from facealign.training.augment import Views, random_look, random_views
from facealign.training.settings import AugmentSettings

MIRROR = torch.from_numpy(MARKUPS["ibug68"].mirror.astype(np.int64))
STRONG = AugmentSettings(turn=20, scale=0.1, shift=0.1, mirror=0.5)
EVERY_LOOK = AugmentSettings(colour=0.3, gray=0.5, blur=0.6, noise=20, occlude=0.5)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def one_view(centre, side, degrees=0.0, flip=False):
    return Views(
        torch.tensor([centre], dtype=torch.float32),
        torch.tensor([float(side)]),
        torch.tensor([math.radians(degrees)], dtype=torch.float32),
        torch.tensor([flip]),
    )


def tensor(image):
    return torch.from_numpy(image.copy()).float().permute(2, 0, 1)[None]


def pixels(batch):
    return batch[0].permute(1, 2, 0).numpy()


def test_no_strength_leaves_the_plain_centred_crop():
    views = random_views(3, 64, 1.6, AugmentSettings(), generator())
    assert views.centre.tolist() == [[31.5, 31.5]] * 3
    assert views.side.tolist() == [40] * 3
    assert views.angle.tolist() == [0] * 3
    assert views.flip.tolist() == [False] * 3


def test_the_identity_view_is_the_region_itself(noise_picture):
    region = tensor(noise_picture(32, 32))
    crop = one_view((15.5, 15.5), 32).warp(region, 32)
    assert torch.allclose(crop, region, atol=0.01)


@pytest.mark.parametrize(("dx", "dy"), [(3, 5), (-20, 0)])
def test_a_whole_pixel_offset_copies_and_is_black_outside(noise_picture, dx, dy):
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
def test_a_view_equals_the_crop_transform(smooth_picture, x, y, side, degrees):
    image = smooth_picture(64, 64)
    crop = CropTransform.from_square((x, y), side, 16, degrees)
    ours = pixels(one_view((x, y), side, degrees).warp(tensor(image), 16))
    assert np.abs(ours - crop.warp(image)).max() < 2  # Pillow cuts to whole gray levels


@given(seed=st.integers(0, 10**6))
def test_fractions_equal_the_crop_transform_s(face_points, seed):
    views = random_views(
        4, 64, 1.6, AugmentSettings(turn=20, scale=0.1, shift=0.1), generator(seed)
    )
    points = torch.from_numpy(np.stack([face_points((30 + i, 33), 30) for i in range(4)]))
    fractions = views.to_fractions(points, MIRROR).numpy()
    for i in range(4):
        crop = CropTransform.from_square(
            tuple(views.centre[i].tolist()), float(views.side[i]), 40, math.degrees(views.angle[i])
        )
        expected = (crop.to_crop(points[i].numpy()) + 0.5) / 40 - 0.5
        assert np.allclose(fractions[i], expected, atol=1e-4)


def naive_warp(view, region, size):
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
def test_warp_equals_the_slow_sampler(noise_picture, degrees, flip):
    region = noise_picture(20, 20)
    view = one_view((8.3, 11.9), 17.2, degrees, flip)  # reaches over the region's edge
    crop = pixels(view.warp(tensor(region), 9))
    assert np.allclose(crop, naive_warp(view, region, 9), atol=0.05)


@given(degrees=st.floats(-60, 60), side=st.floats(20, 60))
def test_a_mirrored_view_is_the_mirror_image_of_the_view(noise_picture, degrees, side):
    region = tensor(noise_picture(64, 64))
    plain, flipped = (one_view((30, 33), side, degrees, f).warp(region, 16) for f in (False, True))
    assert torch.allclose(flipped.flip(-1), plain, atol=0.1)


def test_mirrored_twice_is_the_same_image_and_the_same_points(noise_picture, face_points):
    region, view = tensor(noise_picture(32, 32)), one_view((15.5, 15.5), 32, flip=True)
    assert torch.allclose(view.warp(view.warp(region, 32), 32), region, atol=0.02)
    points = torch.from_numpy(face_points((14, 17), 20))[None]
    once = view.to_fractions(points, MIRROR) * 32 + 15.5
    twice = view.to_fractions(once, MIRROR) * 32 + 15.5
    assert torch.allclose(twice, points, atol=1e-4)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("degrees", [0, 25, -50])
def test_a_marked_pixel_moves_with_its_point(face_points, degrees, flip):
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


def test_random_views_stay_within_three_deviations_and_reach_out():
    views = random_views(2000, 64, 1.6, STRONG, generator())
    assert math.radians(30) < views.angle.abs().max() <= math.radians(60) + 1e-6
    assert 0.2 < (views.side / 40).log().abs().max() <= 0.3 + 1e-6
    assert 0.2 * 40 < (views.centre - 31.5).abs().max() <= 0.3 * 40 + 1e-4
    assert 0.45 < views.flip.float().mean() < 0.55
    assert abs(views.angle.mean()) < 0.03


@pytest.mark.parametrize(("mirror", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_never_and_always_mirrored(mirror, share):
    views = random_views(50, 64, 1.6, AugmentSettings(mirror=mirror), generator())
    assert views.flip.float().mean() == share


def test_the_same_seed_gives_the_same_views_and_another_does_not():
    first, same, other = (random_views(5, 64, 1.6, STRONG, generator(s)) for s in (1, 1, 2))
    assert torch.equal(first.centre, same.centre)
    assert torch.equal(first.angle, same.angle)
    assert not torch.equal(first.centre, other.centre)


def look(settings, count=8, size=24, seed=0):
    images = torch.rand(count, 3, size, size, generator=generator(99))
    return images, random_look(images.clone(), settings, generator(seed))


def test_no_strength_leaves_the_look_alone():
    images, changed = look(AugmentSettings())
    assert torch.equal(images, changed)


@pytest.mark.parametrize("size", [7, 24, 25])
def test_a_changed_look_keeps_shape_and_range_at_any_size(size):
    images, changed = look(EVERY_LOOK, size=size)
    assert changed.shape == images.shape
    assert changed.isfinite().all()
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.equal(images, changed)


def test_the_same_seed_gives_the_same_look_and_another_does_not():
    assert torch.equal(look(EVERY_LOOK)[1], look(EVERY_LOOK)[1])
    assert not torch.equal(look(EVERY_LOOK)[1], look(EVERY_LOOK, seed=1)[1])


def test_gray_makes_the_channels_equal():
    images, changed = look(AugmentSettings(gray=1.0))
    assert torch.allclose(changed[:, 0], changed[:, 1])
    assert torch.allclose(changed[:, 2], images.mean(dim=1), atol=1e-6)


def test_blur_takes_detail_away_and_keeps_the_mean():
    images, changed = look(AugmentSettings(blur=1.0), count=32)
    assert changed.std() < 0.8 * images.std()
    assert torch.allclose(changed.mean(), images.mean(), atol=0.01)


def test_noise_touches_every_other_image_and_is_as_weak_as_asked():
    images, changed = look(AugmentSettings(noise=5.0))
    assert torch.equal(changed[1::2], images[1::2])
    difference = (changed - images)[::2]
    assert 0 < difference.std() < 5 / 255


def test_occlusion_changes_a_rectangle_and_nothing_else():
    images, changed = look(AugmentSettings(occlude=1.0), count=16)
    for before, after in zip(images, changed, strict=True):
        differs = (before != after).any(dim=0)
        rows, columns = differs.any(dim=1), differs.any(dim=0)
        assert differs.sum() <= rows.sum() * columns.sum() <= 13 * 13  # at most half of each side
    assert (images != changed).any(dim=1).flatten(1).any(dim=1).sum() > 12


def test_colour_changes_every_image_but_keeps_the_order_of_gray_levels():
    ramp = torch.linspace(0.3, 0.7, 24).expand(4, 3, 24, 24).clone()
    changed = random_look(ramp.clone(), AugmentSettings(colour=0.1), generator())
    assert (changed.flatten(1) != ramp.flatten(1)).any(dim=1).all()
    assert (changed.diff(dim=-1) >= 0).all()
