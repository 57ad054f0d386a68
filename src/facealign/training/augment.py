"""Random changes of a whole batch at once.

Every random number comes from the generator that is passed in: the same generator gives the same
batch, which is what makes a resumed run equal an undisturbed one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from facealign.training.settings import AugmentSettings

MEAN, STD = 0.5, 0.25
"""The network sees (value / 255 − MEAN) / STD."""


@dataclass(frozen=True)
class Views:
    """One random crop a face within its cached region: the batch form of `CropTransform`.

    Attributes:
        centre: (B, 2) of the crop in the region's pixels.
        side: (B,) of the crop in the region's pixels.
        angle: (B,) radians by which the crop is turned clockwise.
        flip: (B,) bool, mirror the crop.

    """

    centre: Tensor
    side: Tensor
    angle: Tensor
    flip: Tensor

    def rows(self, rows: slice | Tensor) -> Views:
        """Some of the views."""
        return Views(self.centre[rows], self.side[rows], self.angle[rows], self.flip[rows])

    def axes(self) -> Tensor:
        """(B, 2, 2) whose columns are the crop's x and y axes in the region, one side long."""
        cos, sin = self.angle.cos() * self.side, self.angle.sin() * self.side
        x_sign = 1 - 2 * self.flip.to(cos.dtype)
        return torch.stack([cos * x_sign, -sin, sin * x_sign, cos], dim=1).view(-1, 2, 2)

    def to_fractions(self, points: Tensor, mirror: Tensor) -> Tensor:
        """(B, K, 2) in the region's pixels → fractions of the crop, 0 at its centre.

        Where the crop is mirrored the points change places by the markup's mirror order (K,).
        """
        moved = (points - self.centre[:, None]) @ torch.linalg.inv(self.axes()).mT
        return torch.where(self.flip[:, None, None], moved[:, mirror], moved)

    def warp(self, regions: Tensor, size: int) -> Tensor:
        """Cut the crops (B, 3, size, size) out of the regions (B, 3, R, R); black outside."""
        steps = (torch.arange(size, device=regions.device) + 0.5) / size - 0.5
        fractions = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)
        places = fractions.view(1, -1, 2) @ self.axes().mT + self.centre[:, None]
        grid = (2 * places + 1) / regions.shape[-1] - 1
        return F.grid_sample(
            regions, grid.view(-1, size, size, 2), mode="bilinear", align_corners=False
        )


def random_views(
    count: int,
    region: int,
    zoom: float,
    settings: AugmentSettings,
    generator: Generator,
    device: torch.device | str = "cpu",
) -> Views:
    """Random crops within square regions.

    Args:
        count: B.
        region: R, side of the regions in pixels.
        zoom: side of the region over side of the unchanged crop.
        settings: how far the crops stray.
        generator: source of the random numbers, on the device.
        device: where the views are wanted.

    """
    normal = torch.randn(count, 4, generator=generator, device=device).clamp_(-3, 3)
    flip = torch.rand(count, generator=generator, device=device) < settings.mirror
    side = region / zoom * torch.exp(normal[:, 0] * settings.scale)
    centre = (region - 1) / 2 + normal[:, 1:3] * settings.shift * (region / zoom)
    return Views(centre, side, normal[:, 3] * math.radians(settings.turn), flip)


def random_look(images: Tensor, settings: AugmentSettings, generator: Generator) -> Tensor:
    """Change colour, sharpness, noise and occlusion of images (B, 3, S, S) in 0..1."""
    if settings.colour:
        images = _colour(images, settings.colour, generator)
    changes = (
        (_gray, settings.gray),
        (_occlude, settings.occlude),
        (_halve, settings.blur / 2),
        (_third, settings.blur / 2),
    )
    for change, probability in changes:
        chosen = torch.rand(len(images), generator=generator) < probability
        if chosen.any():
            images[chosen] = change(images[chosen], generator)
    if settings.noise:
        _add_noise(images, settings.noise / 255, generator)
    return images.clamp_(0, 1)


def _uniform(
    images: Tensor, limits: tuple[float, float], channels: int, generator: Generator
) -> Tensor:
    """(B, channels, 1, 1) random numbers between the limits."""
    low, high = limits
    return low + (high - low) * torch.rand(len(images), channels, 1, 1, generator=generator)


def _colour(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Gamma, then contrast about the image's mean, tint and brightness."""
    gamma = torch.exp(_uniform(images, (-strength, strength), 1, generator) * 1.5)
    images = images.clamp(1e-4, 1).pow_(gamma)
    contrast = torch.exp(_uniform(images, (-strength, strength), 1, generator) * 1.5)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    tint = _uniform(images, (-strength / 3, strength / 3), 3, generator)
    light = _uniform(images, (-strength, strength), 1, generator)
    return images.mul_(contrast).add_(mean * (1 - contrast) + tint + light).clamp_(0, 1)


def _gray(images: Tensor, generator: Generator) -> Tensor:
    return images.mean(dim=1, keepdim=True).expand_as(images)


def _occlude(images: Tensor, generator: Generator) -> Tensor:
    """One rectangle of random place, size, colour and grain over each image."""
    size = images.shape[-1]
    centre = _uniform(images, (0.0, size), 2, generator)
    half = _uniform(images, (0.05 * size, 0.25 * size), 2, generator)
    steps = torch.arange(size, dtype=images.dtype)
    inside_x = (steps.view(1, 1, -1) - centre[:, 0]).abs() < half[:, 0]
    inside_y = (steps.view(1, -1, 1) - centre[:, 1]).abs() < half[:, 1]
    strength = _uniform(images, (0.0, 0.3), 1, generator)
    grain = torch.randn(images.shape, generator=generator) * strength
    patch = _uniform(images, (0.0, 1.0), 3, generator) + grain
    return torch.where((inside_x & inside_y)[:, None], patch, images)


def _halve(images: Tensor, generator: Generator) -> Tensor:
    return _coarse(images, 2)


def _third(images: Tensor, generator: Generator) -> Tensor:
    return _coarse(images, 3)


def _coarse(images: Tensor, factor: int) -> Tensor:
    """Reduced by a factor and enlarged again."""
    size = images.shape[-1]
    small = F.interpolate(images, size // factor, mode="bilinear", antialias=True)
    return F.interpolate(small, size, mode="bilinear")


def _add_noise(images: Tensor, most: float, generator: Generator) -> None:
    """Gaussian noise over every other image, of a strength drawn for each, in place."""
    part = images[::2]
    strength = _uniform(part, (0.0, most), 1, generator)
    part += torch.randn(part.shape, generator=generator) * strength
