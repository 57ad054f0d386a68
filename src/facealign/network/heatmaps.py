"""Heatmaps in place of regression: a decoder over the stages' features, for teachers.

Nothing of it is in the paper. What is regressed directly from pooled features is learned well only
from many faces; a map of places for each landmark needs fewer (Sun et al., ECCV 2018).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.blocks import Bottleneck, conv_bn
from facealign.network.head import HeadOutput

RATIO = 2
"""Of the decoder's bottleneck blocks."""


class HeatmapHead(nn.Module):
    """From the last stage's features up to those of stage 2: a map (H/4, W/4) for each landmark.

    Args:
        widths: of the stages.
        blocks: how many at each size, from the last stage's to stage 2's.
        points: K.

    """

    def __init__(self, widths: tuple[int, ...], blocks: tuple[int, ...], points: int) -> None:
        super().__init__()
        upwards = widths[:0:-1]
        self.deepest = _blocks(upwards[0], blocks[0])
        self.ups = nn.ModuleList(
            _Up(deep, shallow, count)
            for deep, shallow, count in zip(upwards, upwards[1:], blocks[1:], strict=False)
        )
        self.maps = nn.Conv2d(upwards[-1], points, 1, bias=False)  # a softmax would not see one
        nn.init.normal_(self.maps.weight, std=0.01)

    def forward(self, features: list[Tensor]) -> HeadOutput:
        """F(x) of each stage → `HeadOutput`, its landmarks the mean places of its heatmaps."""
        x = self.deepest(features[-1])
        for up, shallow in zip(self.ups, features[-2:0:-1], strict=True):
            x = up(x, shallow)
        with torch.autocast(x.device.type, enabled=False):  # as for the landmarks of other heads
            heatmaps = self.maps(x.float())
        return HeadOutput(expected_places(heatmaps), [], None, None, heatmaps)


class _Up(nn.Module):
    """Features enlarged twice, and those of the stage that has this size added."""

    def __init__(self, deep: int, shallow: int, blocks: int) -> None:
        super().__init__()
        self.reduce = conv_bn(deep, shallow, 1)
        self.skip = Bottleneck(shallow, shallow, RATIO)
        self.blocks = _blocks(shallow, blocks)

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        larger = F.interpolate(self.reduce(deep), scale_factor=2.0, mode="bilinear")
        y: Tensor = self.blocks(F.relu(larger + self.skip(shallow)))
        return y


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Bottleneck(width, width, RATIO) for _ in range(count)))


def expected_places(heatmaps: Tensor) -> Tensor:
    """The mean place of each map (B, K, h, w), by the softmax of its values: (B, K, 2).

    In fractions of the crop, 0 at its centre, as the heads' landmarks; never beyond the middle of
    an outermost cell (integral regression, Sun et al., ECCV 2018).
    """
    weights = torch.softmax(heatmaps.flatten(2), dim=-1).view_as(heatmaps)
    height, width = heatmaps.shape[2:]
    x = (weights.sum(dim=2) * cell_centres(width, weights)).sum(dim=-1)
    y = (weights.sum(dim=3) * cell_centres(height, weights)).sum(dim=-1)
    return torch.stack([x, y], dim=-1)


def cell_centres(count: int, like: Tensor) -> Tensor:
    """Middles of `count` equal cells over a side, as fractions of it, 0 at its centre."""
    cells = torch.arange(count, dtype=like.dtype, device=like.device)
    return (cells + 0.5) / count - 0.5
