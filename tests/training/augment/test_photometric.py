"""The looks of a batch: none by default, the same for the same numbers, each image for itself."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from facealign.markup import MARKUPS
from facealign.training.augment.crop import RandomCrops
from facealign.training.augment.occlusion import covered_points, face_anchors
from facealign.training.augment.photometric import NUMBERS, Photometric, random_photometric
from facealign.training.settings import AugmentSettings

ALWAYS = dict.fromkeys(NUMBERS, 1.0) | {"colour": 0.3, "noise": 20.0}
EVERY_LOOK = AugmentSettings(**dict.fromkeys(NUMBERS, 0.5) | {"colour": 0.3, "noise": 20.0})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def places(count: int) -> Tensor:
    """The anchors of an upright face in the middle."""
    return torch.tensor([[-0.15, -0.15], [0.15, -0.15], [0.0, 0.15]]).expand(count, 3, 2)


def look(
    settings: AugmentSettings, count: int = 8, size: int = 24, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    images = torch.rand(count, 3, size, size, generator=generator(99))
    changed = images.clone()
    covered = random_photometric(count, size, settings, generator(seed)).apply(
        changed, places(count)
    )
    return images, changed, covered


def test_no_strength_leaves_the_look_alone() -> None:
    images, changed, covered = look(AugmentSettings())
    assert torch.equal(images, changed)
    assert not covered.any()


@pytest.mark.parametrize("name", NUMBERS)
def test_each_look_changes_images_by_itself(name: str) -> None:
    images, changed, covered = look(AugmentSettings(**{name: ALWAYS[name]}), count=32, size=48)
    differs = (images != changed).any(dim=1)
    assert differs.flatten(1).any(dim=1).float().mean() > (0.25 if name == "noise" else 0.9)
    if name in ("occlude", "sunglasses", "face_mask"):
        assert covered.any()
        assert (covered >= differs).all()
    else:
        assert not covered.any()


@pytest.mark.parametrize("size", [7, 24, 25])
def test_a_changed_look_keeps_shape_and_range_at_any_size(size: int) -> None:
    images, changed, _ = look(EVERY_LOOK, size=size)
    assert changed.shape == images.shape
    assert changed.isfinite().all()
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert not torch.equal(images, changed)


def test_the_same_seed_gives_the_same_look_and_another_does_not() -> None:
    assert torch.equal(look(EVERY_LOOK)[1], look(EVERY_LOOK)[1])
    assert not torch.equal(look(EVERY_LOOK)[1], look(EVERY_LOOK, seed=1)[1])


@pytest.mark.parametrize("name", NUMBERS)
def test_an_image_looks_the_same_in_a_part_of_the_batch(name: str) -> None:
    settings = AugmentSettings(**{name: ALWAYS[name]})
    images, whole, covered = look(settings)
    rows = slice(3, 7)
    part = images[rows].clone()
    alone = random_photometric(8, 24, settings, generator())[rows].apply(part, places(4))
    assert torch.allclose(part, whole[rows], atol=1e-6)
    assert torch.equal(alone, covered[rows])


def test_one_look_leaves_the_others_numbers_alone() -> None:
    gray = look(AugmentSettings(gray=0.5), count=64)[1]
    both = look(AugmentSettings(gray=0.5, jpeg=0.3), count=64)[1]
    same = (gray == both).flatten(1).all(dim=1)
    assert same.float().mean() == pytest.approx(0.7, abs=0.15)


def test_a_probability_is_the_share_of_the_images() -> None:
    for name in set(NUMBERS) - {"colour", "noise"}:
        images, changed, _ = look(AugmentSettings(**{name: 0.25}), count=300, size=48)
        share = (images != changed).flatten(1).any(dim=1).float().mean()
        assert share == pytest.approx(0.25, abs=0.07), name


def test_noise_touches_half_of_the_images_and_is_as_weak_as_asked() -> None:
    images, changed, _ = look(AugmentSettings(noise=5.0), count=64)
    touched = (images != changed).flatten(1).any(dim=1)
    assert 0.3 < touched.float().mean() < 0.7
    inner = (images > 0.1) & (images < 0.9)
    difference = (changed - images)[touched][inner[touched]]
    assert 0.2 * 5 / 255 < difference.std() < 5 / 255


def test_every_look_has_a_setting() -> None:
    assert set(NUMBERS) < {field.name for field in dataclasses.fields(AugmentSettings)}


def test_everything_stays_on_the_images_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch refuses to mix devices, and "meta" is one that every machine has."""
    monkeypatch.setattr(
        torch.Tensor, "nonzero", lambda mask: torch.arange(len(mask), device="meta")[:, None]
    )

    def empty(*shape: object, dtype: object = torch.float32) -> Tensor:
        return torch.empty(*shape, dtype=dtype, device="meta")

    views = RandomCrops(empty(8, 2), empty(8), empty(8), empty(8, dtype=torch.bool), empty(8))
    images = views.warp(empty(8, 3, 64, 64), 32)
    landmarks = views.to_fractions(empty(8, 68, 2), empty(68, dtype=torch.long))
    anchors = face_anchors(MARKUPS["ibug68"], landmarks, empty(8, 68, dtype=torch.bool))
    looks = Photometric(empty(8, sum(NUMBERS.values())), empty(6 * 32 * 32), EVERY_LOOK)
    covered = looks.apply(images, anchors)
    assert covered_points(covered, landmarks).device.type == "meta"
