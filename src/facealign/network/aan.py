"""The Attentional Alignment Network: section 3 of the paper, in its order."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.blocks import Stage, Stem, pool_attended
from facealign.network.head import Head, HeadOutput
from facealign.network.heatmaps import HeatmapHead
from facealign.network.settings import AANSettings


class Prediction(NamedTuple):
    """What an AAN says of a batch."""

    heads: list[HeadOutput]
    """One of each point scheme."""
    attention: list[Tensor]
    """S maps (B, 1, H/2^s, W/2^s), s = 1 … S; only of the stages that have one."""

    @property
    def landmarks(self) -> Tensor:
        """(B, K, 2) of the first head."""
        return self.heads[0].landmarks

    @property
    def early(self) -> list[Tensor]:
        """The early predictions of the first head."""
        return self.heads[0].early


class Extracted(NamedTuple):
    """What the trunk of an AAN makes of a batch."""

    pooled: Tensor
    """(B, D), the features x of eq. 4."""
    attended: list[Tensor]
    """Each stage's M·H, pooled, while training with early heads."""
    attention: list[Tensor]
    """The maps M of the stages that have one."""
    features: list[Tensor]
    """F(x) of each stage (B, C, H/2^s, W/2^s)."""


class AAN(nn.Module):
    """Image → S stages (bottleneck, attention, pooling) → NE → linear → landmarks.

    | where, at 128 px   | shape             |
    |--------------------|-------------------|
    | image              | (B, 3, 128, 128)  |
    | stem               | (B, 64, 64, 64)   |
    | stage 1, F(x)      | (B, 64, 64, 64)   |
    | stage 2, F(x)      | (B, 128, 32, 32)  |
    | stage 3, F(x)      | (B, 256, 16, 16)  |
    | stage 4, F(x)      | (B, 512, 8, 8)    |
    | pooled, flattened  | (B, 8192)         |
    | NE, φ              | (B, 256)          |
    | landmarks          | (B, K, 2)         |
    """

    def __init__(self, settings: AANSettings) -> None:
        super().__init__()
        self.settings = settings
        inputs = (settings.widths[0], *settings.widths[:-1])
        self.stem = Stem(settings.widths[0])
        self.stages = nn.ModuleList(
            Stage(i, o, settings.ratio, settings.form_of(number), settings.map_relu)
            for number, (i, o) in enumerate(zip(inputs, settings.widths, strict=True), start=1)
        )
        if settings.heatmaps:
            heads = [HeatmapHead(settings.widths, settings.heatmaps, settings.points)]
            self.heads = nn.ModuleList(heads)
        else:
            self.heads = nn.ModuleList(Head(settings, points) for points in settings.heads)
        self.early = settings.supervision and not settings.heatmaps

    def forward(self, image: Tensor) -> Prediction:
        """(B, 3, H, W), normalised RGB → `Prediction`."""
        seen = self.extract(image)
        if self.settings.heatmaps:
            return Prediction([self.heads[0](seen.features)], seen.attention)
        with _exact(image.device.type):
            heads = [head(seen.pooled.float(), seen.attended) for head in self.heads]
        return Prediction(heads, seen.attention)

    def extract(self, image: Tensor) -> Extracted:
        """(B, 3, H, W) → what the heads work with."""
        x = self.stem(image)
        attended: list[Tensor] = []
        maps: list[Tensor] = []
        features: list[Tensor] = []
        for stage in self.stages:
            x, weighted, attention = stage(x)
            features.append(x)
            if self.training and self.early:
                attended.append(pool_attended(weighted).float())
            if attention is not None:
                maps.append(attention)
            x = F.max_pool2d(x, 2)
        return Extracted(x.flatten(1), attended, maps, features)

    @torch.no_grad()
    def calibrate(self, images: Tensor, mean_shapes: list[Tensor]) -> None:
        """Prepare the untrained network: NE as random Fourier features, heads at the mean face.

        Args:
            images: (B, 3, H, W), a first batch.
            mean_shapes: of each head (K, 2), the mean landmarks as fractions of the crop.

        """
        if self.settings.heatmaps:
            return
        features = self.extract(images).pooled
        for head, mean_shape in zip(self.heads, mean_shapes, strict=True):
            assert isinstance(head, Head)
            head.calibrate(features, mean_shape)


def _exact(device: str) -> torch.autocast:
    """Float32 also under autocast: bfloat16 coordinates step by half a pixel."""
    return torch.autocast(device, enabled=False)
