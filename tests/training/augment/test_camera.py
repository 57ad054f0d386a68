"""Blur, motion, low resolution and JPEG against other programs' and by hand."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from facealign.training.augment.camera import (
    BEST,
    COARSEST,
    FINEST,
    LONGEST,
    SHARPEST,
    SHORTEST,
    SOFTEST,
    WORST,
    downscale,
    gaussian_blur,
    jpeg_compression,
    motion_blur,
    noise_like,
)


def column(*values: float) -> Tensor:
    return torch.tensor(values)[:, None]


def number(value: float, low: float, high: float) -> float:
    """The uniform number that becomes `value` between the limits."""
    return (value - low) / (high - low)


def dot(size: int = 31) -> Tensor:
    image = torch.zeros(1, 3, size, size)
    image[..., size // 2, size // 2] = 1
    return image


def smooth(size: int, count: int = 2) -> Tensor:
    """Pictures of slow waves and some noise, as a photo is."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    waves = torch.stack([torch.sin(x / 9 + 1), torch.cos(y / 11), torch.sin((x + 2 * y) / 17)])
    noise = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    return 0.5 + 0.35 * waves + 0.1 * (noise - 0.5)


def test_blur_spreads_a_dot_by_its_deviation() -> None:
    spread = gaussian_blur(dot(65), column(number(1.0, SHARPEST * 65, SOFTEST * 65)))[0, 0]
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    steps = torch.arange(65) - 32.0
    assert (spread.sum(dim=0) * steps**2).sum().sqrt() == pytest.approx(1.0, abs=0.01)
    assert torch.allclose(spread, spread.T, atol=1e-7)


def test_blur_and_motion_leave_a_plain_image_plain() -> None:
    plain = torch.full((2, 3, 20, 20), 0.3)
    for change, columns in ((gaussian_blur, 1), (motion_blur, 2), (downscale, 1)):
        assert torch.allclose(change(plain, torch.tensor([[0.2], [0.9]]).expand(2, columns)), plain)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("size", [24, 48])
def test_low_resolution_equals_reducing_and_enlarging(factor: float, size: int) -> None:
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    small = F.interpolate(images, size // factor, mode="bilinear", antialias=True)
    expected = F.interpolate(small, size, mode="bilinear")
    value = number(float(factor), FINEST, COARSEST)
    changed = downscale(images, column(value, value))
    assert torch.allclose(changed, expected, atol=1e-5)


def test_each_image_has_a_resolution_of_its_own() -> None:
    images = smooth(32, 3)
    together = downscale(images, column(0.0, 0.5, 1.0))
    alone = [downscale(images[i : i + 1], column(i / 2)) for i in range(3)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
    lost = (together - images).square().mean(dim=(1, 2, 3))
    assert lost[0] < lost[1] < lost[2]


@pytest.mark.parametrize("turn", [0.0, 0.5, 0.25])
def test_motion_smears_a_dot_along_a_line(turn: float) -> None:
    size = 101
    numbers = torch.tensor([[number(0.08 * size, SHORTEST * size, LONGEST * size), turn]])
    streak = motion_blur(dot(size), numbers)[0, 0]
    assert streak.sum() == pytest.approx(1, abs=1e-5)
    y, x = torch.meshgrid(torch.arange(size) - 50.0, torch.arange(size) - 50.0, indexing="ij")
    angle = turn * math.pi
    along, across = (
        x * math.cos(angle) + y * math.sin(angle),
        y * math.cos(angle) - x * math.sin(angle),
    )
    lit = streak > 1e-6
    assert along[lit].abs().max() <= 0.04 * size + 1
    assert along[lit].abs().max() >= 0.04 * size - 1
    assert across[lit].abs().max() < 1


def pillow_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0)
    return torch.from_numpy(np.asarray(Image.open(file)).copy()).permute(2, 0, 1) / 255


@pytest.mark.parametrize("quality", [10, 25, 49, 60])
def test_jpeg_equals_libjpeg_but_for_rounding(quality: int) -> None:
    images = (smooth(80) * 255).round() / 255
    value = number(float(quality), WORST, BEST)
    changed = jpeg_compression(images, column(value, value)).clamp(0, 1)
    apart = []
    for other in (quality - 4, quality, quality + 4):
        expected = torch.stack([pillow_jpeg(image, other) for image in images])
        apart.append((changed - expected).abs().mean().item() * 255)
    # libjpeg rounds its colours: a frequency on the edge between two steps may fall to either.
    assert apart[1] < 1.2
    assert apart[1] < min(apart[0], apart[2]) / 1.5
    assert (changed - images).abs().mean() * 255 > 2 * apart[1]


@pytest.mark.parametrize("size", [7, 8, 25])
def test_jpeg_takes_any_size(size: int) -> None:
    changed = jpeg_compression(smooth(size), column(1.0, 1.0))
    assert changed.shape == (2, 3, size, size)
    assert (changed - smooth(size)).abs().mean() < 0.05


def test_each_image_has_another_part_of_the_grain() -> None:
    grain = torch.arange(6 * 4 * 4).float()
    images = torch.zeros(3, 3, 4, 4)
    parts = noise_like(grain, torch.tensor([0.0, 0.5, 1.0]), images)
    assert parts.shape == images.shape
    assert parts[:, 0, 0, 0].tolist() == [0, 24, 48]
    assert torch.equal(parts[2].flatten(), grain[48:])
