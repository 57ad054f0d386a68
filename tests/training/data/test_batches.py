"""Batches are a pure function of seed and step, and show every face once an epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from facealign.errors import SettingsError
from facealign.geometry import CropTransform
from facealign.image import read_image
from facealign.markup import MARKUPS
from facealign.training.augment.photometric import MEAN, STD
from facealign.training.data.batches import Batch, BatchLoader
from facealign.training.data.regions import DETAIL, ZOOM, Faces, Regions, load_faces
from facealign.training.data.sampler import Feed, share_out
from facealign.training.settings import AugmentSettings
from facealign.types import Sample

IBUG = MARKUPS["ibug68"]
PLAIN = AugmentSettings()
STRONG = AugmentSettings(turn=15, scale=0.1, shift=0.05, mirror=0.5, colour=0.2, noise=9, jpeg=0.5)
SIZE = 32


def faces_of(count: int, seed: int = 0, markup: str = "ibug68") -> Faces:
    rng, points = np.random.default_rng(seed), MARKUPS[markup].count
    labelled = rng.random((count, points)) < 0.8
    regions = Regions(
        rng.integers(0, 256, (count, 64, 64, 3)).astype(np.uint8),
        rng.uniform(10, 54, (count, points, 2)).astype(np.float32),
        labelled,
        labelled & (rng.random((count, points)) < 0.8),
    )
    return Faces.of([str(i) for i in range(count)], markup, regions)


def maker(
    count: int = 6, batch: int = 4, augment: AugmentSettings = STRONG, seed: int = 3
) -> BatchLoader:
    return BatchLoader([Feed(faces_of(count))], SIZE, batch, augment, seed)


def same(one: Batch, other: Batch) -> bool:
    (part,), (twin,) = one.parts, other.parts
    pairs = [(one.image, other.image), (part.landmarks, twin.landmarks)]
    return all(torch.equal(*pair) for pair in [*pairs, (part.labelled, twin.labelled)])


@given(count=st.integers(1, 30), batch=st.integers(1, 12), seed=st.integers(0, 50))
def test_every_face_is_seen_once_an_epoch_whatever_the_batch(
    count: int, batch: int, seed: int
) -> None:
    batches = maker(count, batch, seed=seed)
    steps = -(-3 * count // batch)
    seen = np.concatenate([batches.sampler.indices(step) for step in range(steps)])
    for epoch in range(3):
        one = seen[epoch * count : (epoch + 1) * count]
        assert sorted(one.tolist()) == list(range(count))


def test_every_epoch_has_another_order() -> None:
    batches = maker(count=20, batch=20)
    assert batches.sampler.indices(0).tolist() != batches.sampler.indices(1).tolist()


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    batches = maker()
    forwards = [batches.at(step) for step in range(4)]
    torch.manual_seed(12345)
    np.random.default_rng(5)
    fresh = maker()
    backwards = [fresh.at(step) for step in reversed(range(4))][::-1]
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))


def test_another_step_or_seed_gives_another_batch() -> None:
    batch = maker().at(0)
    assert not same(batch, maker().at(3))
    assert not same(batch, maker(seed=4).at(0))


def test_one_face_looks_another_way_each_step() -> None:
    batches = maker(count=1, batch=1)
    assert not same(batches.at(0), batches.at(1))


def test_making_a_batch_leaves_the_cached_faces_alone() -> None:
    batches = maker()
    regions = batches.feeds[0].faces.read(slice(None))  # views
    before = regions.images.copy(), regions.landmarks.copy()
    batches.at(0)
    assert (regions.images == before[0]).all()
    assert (regions.landmarks == before[1]).all()


def test_shapes_types_and_range() -> None:
    batch = maker().at(0)
    assert batch.image.shape == (4, 3, SIZE, SIZE)
    assert batch.parts[0].landmarks.shape == (4, 68, 2)
    assert batch.parts[0].labelled.shape == (4, 68)
    assert (batch.image.dtype, batch.parts[0].labelled.dtype) == (torch.float32, torch.bool)
    assert batch.image.min() >= -MEAN / STD
    assert batch.image.max() <= (1 - MEAN) / STD


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_visibility_changes_places_with_the_points(mirror: float) -> None:
    batches = maker(augment=AugmentSettings(mirror=mirror))
    regions = batches.feeds[0].faces.read(slice(None))  # views
    labelled = torch.from_numpy(regions.labelled[batches.sampler.indices(0)])
    expected = labelled[:, batches.mirrors[0]] if mirror else labelled
    assert torch.equal(batches.at(0).parts[0].labelled, expected)


def test_a_mirrored_batch_is_the_mirror_image_of_the_plain_one() -> None:
    plain, mirrored = (maker(augment=AugmentSettings(mirror=m)).at(0) for m in (0.0, 1.0))
    assert torch.allclose(mirrored.image.flip(-1), plain.image, atol=1e-3)
    order = torch.from_numpy(IBUG.mirror)
    back = mirrored.parts[0].landmarks[:, order] * torch.tensor([-1.0, 1.0])
    assert torch.allclose(back, plain.parts[0].landmarks, atol=1e-5)


def test_without_augmentation_a_batch_is_the_crop_that_is_used_at_test_time(
    make_sample: Callable[..., Sample],
) -> None:
    sample = make_sample()
    faces = load_faces([sample], SIZE, 0.15)
    batch = BatchLoader([Feed(faces)], SIZE, 1, PLAIN, 0).at(0)
    crop = CropTransform.from_box(sample.box, SIZE, 0.15)
    image = (batch.image[0] * STD + MEAN).permute(1, 2, 0).numpy() * 255
    assert np.abs(image - crop.warp(read_image(sample.image))).max() < 5  # resampled once more
    expected = (crop.to_crop(sample.landmarks) + 0.5) / SIZE - 0.5
    assert np.allclose(batch.parts[0].landmarks[0].numpy(), expected, atol=1e-4)


def test_a_region_holds_the_plain_crop_with_room_around_it(
    make_sample: Callable[..., Sample],
) -> None:
    sample = make_sample()
    regions = load_faces([sample], SIZE, 0.15).read(np.arange(1))
    assert regions.images.shape == (1, round(SIZE * ZOOM * DETAIL), round(SIZE * ZOOM * DETAIL), 3)
    across = regions.landmarks[0].max(axis=0) - regions.landmarks[0].min(axis=0)
    plain = sample.landmarks.max(axis=0) - sample.landmarks.min(axis=0)
    assert np.allclose(across, plain * 64 / (40 * 1.3 * ZOOM), atol=1e-3)


def test_an_image_that_cannot_be_read_is_reported_and_the_rest_is_kept(
    make_sample: Callable[..., Sample], reported: Callable[..., list[str]]
) -> None:
    samples = [make_sample("a"), make_sample("missing", write=False), make_sample("b")]
    faces = load_faces(samples, SIZE, 0.1)
    assert faces.ids == ["a.png", "b.png"]
    regions = faces.read(np.arange(2))
    assert len(faces) == len(regions.images) == len(regions.landmarks) == 2
    assert len(reported) == 1
    assert "missing.png" in reported[0]


def test_no_readable_image_leaves_no_region(
    make_sample: Callable[..., Sample], reported: Callable[..., list[str]]
) -> None:
    faces = load_faces([make_sample(write=False)], SIZE, 0.1)
    assert len(faces) == 0
    assert faces.read(np.arange(0)).images.shape == (0, 64, 64, 3)
    assert len(reported) == 1


def mixed(batch: int = 8, shares: Sequence[float] = (1.0, 1.0), **settings: float) -> BatchLoader:
    feeds = [
        Feed(faces_of(6), shares[0], head=0),
        Feed(faces_of(9, 1, "aflw19"), shares[1], head=1),
    ]
    return BatchLoader(feeds, SIZE, batch, AugmentSettings(**settings), 3)


def test_crops_without_a_face_have_no_point_that_is_labelled_or_visible() -> None:
    feeds = [Feed(faces_of(6)), Feed(faces_of(6, 1), background=True)]
    face, none = BatchLoader(feeds, SIZE, 8, STRONG, 0).at(0).parts
    assert none.background
    assert not face.background
    assert face.labelled.any()
    assert not none.labelled.any()
    assert none.visible is not None
    assert not none.visible.any()


def test_a_mixed_batch_has_a_part_for_each_data_set() -> None:
    batches = mixed(shares=(3.0, 1.0))
    batch = batches.at(2)
    assert batch.image.shape == (8, 3, SIZE, SIZE)
    assert [(p.head, p.rows, tuple(p.landmarks.shape)) for p in batch.parts] == [
        (0, slice(0, 6), (6, 68, 2)),
        (1, slice(6, 8), (2, 19, 2)),
    ]


def test_the_rows_of_a_mixed_batch_are_the_faces_of_their_data_set() -> None:
    batches = mixed(mirror=1.0)
    batch = batches.at(1)
    for number, part in enumerate(batch.parts):
        faces = batches.feeds[number].faces.read(batches.sampler.indices(1, number))
        alone = BatchLoader([batches.feeds[number]], SIZE, 4, AugmentSettings(mirror=1.0), 3)
        expected = alone.make([faces], torch.Generator().manual_seed(0), np.arange(4))
        assert torch.equal(batch.image[part.rows], expected.image)
        assert torch.equal(part.landmarks, expected.parts[0].landmarks)
        assert torch.equal(part.labelled, expected.parts[0].labelled)
        assert torch.equal(part.visible, expected.parts[0].visible)


def test_every_data_set_has_epochs_of_its_own() -> None:
    batches = mixed()
    for number, count in enumerate((6, 9)):
        seen = np.concatenate([batches.sampler.indices(step, number) for step in range(9)])
        assert sorted(seen[:count].tolist()) == list(range(count))


def test_visibility_is_taught_only_by_data_that_labels_it() -> None:
    faces = faces_of(4)
    regions = faces.read(np.arange(4))
    open_regions = replace(regions, visible=np.ones_like(regions.labelled))
    open_faces = Faces.of(faces.ids, faces.markup, open_regions)
    for found, taught in ((faces, True), (open_faces, False)):
        batch = BatchLoader([Feed(found)], SIZE, 4, PLAIN, 0).at(0)
        assert (batch.parts[0].visible is not None) == taught


@given(
    batch=st.integers(3, 300),
    shares=st.lists(st.floats(0.01, 100), min_size=1, max_size=3),
)
def test_shares_add_up_to_the_batch_and_are_as_near_as_whole_faces_can_be(
    batch: int, shares: Sequence[float]
) -> None:
    counts = share_out(batch, shares)
    assert sum(counts) == batch
    assert min(counts) >= 1
    for count, share in zip(counts, shares, strict=True):
        assert abs(count - batch * share / sum(shares)) < len(shares)


def test_a_point_under_an_occluder_is_not_visible() -> None:
    faces = faces_of(12)
    batches = [
        BatchLoader([Feed(faces)], SIZE, 12, AugmentSettings(occlude=p), 0) for p in (0.0, 1.0)
    ]
    plain, covered = (b.at(0) for b in batches)
    assert torch.equal(plain.parts[0].landmarks, covered.parts[0].landmarks)
    before, after = plain.parts[0].visible, covered.parts[0].visible
    assert (before >= after).all()
    changed = (plain.image != covered.image).any(dim=1)
    column, row = ((plain.parts[0].landmarks + 0.5) * SIZE).floor().long().unbind(-1)
    for face, point in (before & ~after).nonzero().tolist():
        assert changed[face, row[face, point], column[face, point]]
    assert 0 < (before & ~after).sum() < before.sum()


def test_a_batch_smaller_than_the_number_of_data_sets_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"train\.batch 2 is less than one face of each"):
        share_out(2, [1.0, 1.0, 1.0])
