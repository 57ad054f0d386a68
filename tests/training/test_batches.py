"""Batches are a pure function of seed and step, and show every face once an epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facealign.geometry import CropTransform
from facealign.image import read_image
from facealign.markup import MARKUPS
from facealign.training.augment import MEAN, STD
from facealign.training.batches import DETAIL, ZOOM, BatchMaker, Regions, load_regions
from facealign.training.settings import AugmentSettings

IBUG = MARKUPS["ibug68"]
PLAIN = AugmentSettings()
STRONG = AugmentSettings(turn=15, scale=0.1, shift=0.05, mirror=0.5, colour=0.2, noise=9, blur=0.5)
SIZE = 32


def regions_of(count, seed=0):
    rng = np.random.default_rng(seed)
    return Regions(
        [None] * count,
        rng.integers(0, 256, (count, 64, 64, 3)).astype(np.uint8),
        rng.uniform(10, 54, (count, 68, 2)).astype(np.float32),
        rng.random((count, 68)) < 0.8,
    )


def maker(count=6, batch=4, augment=STRONG, seed=3):
    return BatchMaker(regions_of(count), IBUG, SIZE, batch, augment, seed)


def same(one, other):
    return all(
        torch.equal(getattr(one, name), getattr(other, name))
        for name in ("image", "landmarks", "visible")
    )


@given(count=st.integers(1, 30), batch=st.integers(1, 12), seed=st.integers(0, 50))
def test_every_face_is_seen_once_an_epoch_whatever_the_batch(count, batch, seed):
    batches = maker(count, batch, seed=seed)
    steps = -(-3 * count // batch)
    seen = np.concatenate([batches.indices(step) for step in range(steps)])
    for epoch in range(3):
        one = seen[epoch * count : (epoch + 1) * count]
        assert sorted(one.tolist()) == list(range(count))


def test_every_epoch_has_another_order():
    batches = maker(count=20, batch=20)
    assert batches.indices(0).tolist() != batches.indices(1).tolist()


def test_a_batch_depends_on_seed_and_step_alone():
    batches = maker()
    forwards = [batches.at(step) for step in range(4)]
    torch.manual_seed(12345)
    np.random.default_rng(5)
    fresh = maker()
    backwards = [fresh.at(step) for step in reversed(range(4))][::-1]
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))


def test_another_step_or_seed_gives_another_batch():
    batch = maker().at(0)
    assert not same(batch, maker().at(3))
    assert not same(batch, maker(seed=4).at(0))


def test_one_face_looks_another_way_each_step():
    batches = maker(count=1, batch=1)
    assert not same(batches.at(0), batches.at(1))


def test_making_a_batch_leaves_the_cached_faces_alone():
    batches = maker()
    before = batches.regions.images.copy(), batches.regions.landmarks.copy()
    batches.at(0)
    assert (batches.regions.images == before[0]).all()
    assert (batches.regions.landmarks == before[1]).all()


def test_shapes_types_and_range():
    batch = maker().at(0)
    assert batch.image.shape == (4, 3, SIZE, SIZE)
    assert batch.landmarks.shape == (4, 68, 2)
    assert batch.visible.shape == (4, 68)
    assert (batch.image.dtype, batch.visible.dtype) == (torch.float32, torch.bool)
    assert batch.image.min() >= -MEAN / STD
    assert batch.image.max() <= (1 - MEAN) / STD


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_visibility_changes_places_with_the_points(mirror):
    batches = maker(augment=AugmentSettings(mirror=mirror))
    visible = torch.from_numpy(batches.regions.visible[batches.indices(0)])
    expected = visible[:, batches.mirror] if mirror else visible
    assert torch.equal(batches.at(0).visible, expected)


def test_a_mirrored_batch_is_the_mirror_image_of_the_plain_one():
    plain, mirrored = (maker(augment=AugmentSettings(mirror=m)).at(0) for m in (0.0, 1.0))
    assert torch.allclose(mirrored.image.flip(-1), plain.image, atol=1e-3)
    order = torch.from_numpy(IBUG.mirror)
    back = mirrored.landmarks[:, order] * torch.tensor([-1.0, 1.0])
    assert torch.allclose(back, plain.landmarks, atol=1e-5)


def test_without_augmentation_a_batch_is_the_crop_that_is_used_at_test_time(make_sample):
    sample = make_sample()
    regions, problems = load_regions([sample], SIZE, 0.15)
    batch = BatchMaker(regions, IBUG, SIZE, 1, PLAIN, 0).at(0)
    crop = CropTransform.from_box(sample.box, SIZE, 0.15)
    image = (batch.image[0] * STD + MEAN).permute(1, 2, 0).numpy() * 255
    assert problems == []
    assert np.abs(image - crop.warp(read_image(sample.image))).max() < 5  # resampled once more
    expected = (crop.to_crop(sample.landmarks) + 0.5) / SIZE - 0.5
    assert np.allclose(batch.landmarks[0].numpy(), expected, atol=1e-4)


def test_a_region_holds_the_plain_crop_with_room_around_it(make_sample):
    sample = make_sample()
    regions, _ = load_regions([sample], SIZE, 0.15)
    assert regions.images.shape == (1, round(SIZE * ZOOM * DETAIL), round(SIZE * ZOOM * DETAIL), 3)
    across = regions.landmarks[0].max(axis=0) - regions.landmarks[0].min(axis=0)
    plain = sample.landmarks.max(axis=0) - sample.landmarks.min(axis=0)
    assert np.allclose(across, plain * 64 / (40 * 1.3 * ZOOM), atol=1e-3)


def test_an_image_that_cannot_be_read_is_reported_and_the_rest_is_kept(make_sample):
    samples = [make_sample("a"), make_sample("missing", write=False), make_sample("b")]
    calls = []
    regions, problems = load_regions(samples, SIZE, 0.1, lambda: calls.append(1))
    assert [sample.id for sample in regions.samples] == ["a.png", "b.png"]
    assert len(regions) == len(regions.images) == len(regions.landmarks) == 2
    assert len(problems) == 1
    assert "missing.png" in problems[0]
    assert len(calls) == 3


def test_no_readable_image_leaves_no_region(make_sample):
    regions, problems = load_regions([make_sample(write=False)], SIZE, 0.1)
    assert len(regions) == 0
    assert regions.images.shape == (0, 64, 64, 3)
    assert len(problems) == 1
