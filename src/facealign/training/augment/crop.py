"""Random crops of a whole batch: where each training image is cut out of its region.

Every random number comes from the generator passed in: the same generator gives the same batch, so
a resumed run equals an uninterrupted one. The numbers are drawn for the whole batch at once, so any
rows of it are the same whether made alone or with the rest.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from facealign.training.settings import AugmentSettings

DETECTOR_SHIFT, DETECTOR_SCALE = 0.040, 0.064
"""Standard deviations of the bundled detector's boxes against 300W's official ones, over its 2,012
training faces: of the centre along either axis in box sizes, and of the logarithm of the size.
Their tails are those of a Laplace distribution (scripts/measure_boxes.py, docs/training.md)."""
FURTHEST = 6.0
"""The Laplace distribution is truncated at this many scales: one draw in 400 lies beyond."""


@dataclass(frozen=True)
class RandomCrops:
    """One random crop for each face within its cached region: `CropTransform` for a batch.

    Attributes:
        centre: (B, 2) of the crop in the region's pixels.
        side: (B,) of the crop in the region's pixels.
        angle: (B,) clockwise rotation of the crop in radians.
        flip: (B,) bool, mirror the crop.
        stretch: (B,) width over height of the area that the square crop shows.
    """

    centre: Tensor
    side: Tensor
    angle: Tensor
    flip: Tensor
    stretch: Tensor

    def __getitem__(self, rows: slice | Tensor) -> "RandomCrops":
        return RandomCrops(*(part[rows] for part in vars(self).values()))

    def axes(self) -> Tensor:
        """(B, 2, 2) whose columns are the crop's x and y axes in the region, one side long."""
        cos, sin = self.angle.cos() * self.side, self.angle.sin() * self.side
        root = self.stretch**0.5
        x_sign = (1 - 2 * self.flip.to(cos.dtype)) * root
        axes = [cos * x_sign, -sin / root, sin * x_sign, cos / root]
        return torch.stack(axes, dim=1).view(-1, 2, 2)

    def to_fractions(self, points: Tensor, mirror: Tensor) -> Tensor:
        """(B, K, 2) in the region's pixels → fractions of the crop, 0 at its centre.

        In a mirrored crop the points are reordered by the markup's mirror order (K,).
        """
        moved = (points - self.centre[:, None]) @ torch.linalg.inv(self.axes()).mT
        return torch.where(self.flip[:, None, None], moved[:, mirror], moved)

    def warp(self, regions: Tensor, size: int) -> Tensor:
        """Cut the crops (B, 3, size, size) out of the regions (B, 3, R, R); black outside."""
        region = regions.shape[-1]  # which -1…1 spans, as `grid_sample` has it
        steps = ((torch.arange(size, device=self.side.device) + 0.5) / size - 0.5)[:, None]
        axes, centre = self.axes() * (2 / region), (2 * self.centre + 1) / region - 1
        across, down = axes[:, None, :, 0] * steps, axes[:, None, :, 1] * steps + centre[:, None]
        grid = across[:, None] + down[:, :, None]  # (B, size, size, 2)
        return F.grid_sample(regions, grid, mode="bilinear", align_corners=False)


def random_crops(
    count: int,
    region: int,
    zoom: float,
    settings: AugmentSettings,
    generator: Generator,
    margin: float = 0.0,
) -> RandomCrops:
    """B = `count` random crops within square regions, on the generator's device.

    `region` is R, the side of the regions in pixels, `zoom` that over the side of the unchanged
    crop; `margin` is of that crop on each side of the box, as a fraction of the box size:
    `settings.detector` shifts by fractions of the box.
    """
    device = generator.device
    normal = torch.randn(count, 5, generator=generator, device=device).clamp_(-3, 3)
    uniform = torch.rand(count, 6, generator=generator, device=device)
    shift, growth = normal[:, 1:3] * settings.shift, normal[:, 0] * settings.scale
    if settings.detector:
        stray = _laplace(uniform[:, :3])
        shift = shift + stray[:, :2] * (DETECTOR_SHIFT / (1 + 2 * margin))
        growth = growth + stray[:, 2] * DETECTOR_SCALE
    turn = normal[:, 3] * settings.turn
    large = (2 * uniform[:, 3] - 1) * settings.large_turn_angle
    turn = torch.where(uniform[:, 4] < settings.large_turn, large, turn)
    return RandomCrops(
        centre=(region - 1) / 2 + shift * (region / zoom),
        side=region / zoom * torch.exp(growth),
        angle=turn * (math.pi / 180),
        flip=uniform[:, 5] < settings.mirror,
        stretch=torch.exp(normal[:, 4] * settings.aspect),
    )


def _laplace(uniform: Tensor) -> Tensor:
    """Uniform numbers in 0..1 → Laplace-distributed numbers with standard deviation 1."""
    side = 2 * uniform - 1
    tail = -torch.log1p(-side.abs()).clamp_min(-FURTHEST)
    return torch.sign(side) * tail / math.sqrt(2)
