"""The heatmap teacher: a decoder over the trunk's features draws one heatmap for each landmark.

It is not in the paper. Regression from pooled features needs many faces to be exact; a heatmap for
each landmark needs fewer (Sun et al., ECCV 2018). It is slower, and teaches the AAN.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.aan import Trunk
from facealign.network.blocks import Bottleneck, conv_bn
from facealign.network.head import HeadOutput, Prediction
from facealign.network.settings import AANSettings

RATIO = 2
"""Bottleneck ratio of the decoder's blocks."""


class HeatmapTeacher(Trunk):
    """Image → stages → decoder → heatmaps → landmarks by soft-argmax.

    Another trunk needs only features at strides 4, 8, 16, … and their widths: `HeatmapHead` knows
    nothing else of it.
    """

    def __init__(self, settings: AANSettings) -> None:
        super().__init__(settings)
        head = HeatmapHead(settings.widths[1:], settings.heatmaps, settings.points)
        self.heads = nn.ModuleList([head])

    def forward(self, image: Tensor) -> Prediction:
        """(B, 3, H, W), normalized RGB → `Prediction`, with heatmaps."""
        features = self.features(image)
        return Prediction([self.heads[0](features.stages[1:])], features.attention)

    def calibrate(self, images: Tensor, mean_shapes: list[Tensor]) -> None:
        """Do nothing: untrained heatmaps need no statistics of the data, unlike an `AAN`."""


class HeatmapHead(nn.Module):
    """Features at strides 4, 8, 16, … → a heatmap (H/4, W/4) for each of K landmarks.

    `widths` are the channels of the features, in that order; `blocks` the numbers of bottleneck
    blocks at each stride, the largest first.
    """

    def __init__(self, widths: tuple[int, ...], blocks: tuple[int, ...], points: int) -> None:
        super().__init__()
        upwards = widths[::-1]
        self.deepest = _blocks(upwards[0], blocks[0])
        self.ups = nn.ModuleList(
            _Up(deep, shallow, count)
            for deep, shallow, count in zip(upwards, upwards[1:], blocks[1:], strict=False)
        )
        self.maps = nn.Conv2d(upwards[-1], points, 1, bias=False)  # the softmax cancels a bias
        nn.init.normal_(self.maps.weight, std=0.01)

    def forward(self, features: list[Tensor]) -> HeadOutput:
        """Features, in the order of `widths` → `HeadOutput`, landmarks by soft-argmax."""
        x = self.deepest(features[-1])
        for up, shallow in zip(self.ups, features[-2::-1], strict=True):
            x = up(x, shallow)
        return to_landmarks(self.maps, x)


class _Up(nn.Module):
    """Features at twice their size, plus those of the trunk at that size."""

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


def to_landmarks(maps: nn.Conv2d, features: Tensor) -> HeadOutput:
    """A map for each landmark, and the landmarks by soft-argmax, in float32 as other heads' are."""
    with torch.autocast(features.device.type, enabled=False):
        heatmaps = maps(features.float())
    return HeadOutput(soft_argmax(heatmaps), [], None, None, heatmaps)


def soft_argmax(heatmaps: Tensor) -> Tensor:
    """The mean place of each map (B, K, h, w) under the softmax of its values: (B, K, 2).

    In fractions of the crop, 0 at its centre, like the landmarks of other heads; never outside the
    centres of the outermost cells (integral regression, Sun et al., ECCV 2018).
    """
    return torch.stack([_mean(axis, 1) for axis in _marginals(heatmaps)], dim=-1)


def log_deviation(heatmaps: Tensor) -> Tensor:
    """Ln σ of each map (B, K, h, w): the standard deviation of its places, in crops: (B, K)."""
    axes = _marginals(heatmaps)
    variance = sum(_mean(axis, 2) - _mean(axis, 1).square() for axis in axes)
    return variance.clamp_min(1e-8).log() / 2  # type: ignore[union-attr]


def _marginals(heatmaps: Tensor) -> list[Tensor]:
    """The softmax of each map, summed over columns (B, K, w) and over rows (B, K, h)."""
    weights = torch.softmax(heatmaps.flatten(2), dim=-1).view_as(heatmaps)
    return [weights.sum(dim=2), weights.sum(dim=3)]


def _mean(weights: Tensor, power: int) -> Tensor:
    """The mean of a power of the places (B, K, n), which have these weights, 0 at the middle."""
    return (weights * cell_centres(weights.shape[-1], weights).pow(power)).sum(dim=-1)


def cell_centres(count: int, like: Tensor) -> Tensor:
    """Centres of `count` equal cells along a side, as fractions of it, 0 at its middle."""
    cells = torch.arange(count, dtype=like.dtype, device=like.device)
    return (cells + 0.5) / count - 0.5
