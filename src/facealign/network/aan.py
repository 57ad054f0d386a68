"""The Attentional Alignment Network: section 3 of the paper, in its order."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.blocks import Stage, Stem, pool_attended
from facealign.network.head import Head, HeadOutput
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
        self.heads = nn.ModuleList(Head(settings, points) for points in settings.heads)

    def forward(self, image: Tensor) -> Prediction:
        """(B, 3, H, W), normalised RGB → `Prediction`."""
        features, attended, maps = self.extract(image)
        with _exact(image.device.type):
            return Prediction([head(features.float(), attended) for head in self.heads], maps)

    def extract(self, image: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """(B, 3, H, W) → the features x (B, D) of eq. 4, each stage's M·H pooled, the maps."""
        x = self.stem(image)
        attended: list[Tensor] = []
        maps: list[Tensor] = []
        for stage in self.stages:
            x, weighted, attention = stage(x)
            if self.training and self.settings.supervision:
                attended.append(pool_attended(weighted).float())
            if attention is not None:
                maps.append(attention)
            x = F.max_pool2d(x, 2)
        return x.flatten(1), attended, maps

    @torch.no_grad()
    def calibrate(self, images: Tensor, mean_shapes: list[Tensor]) -> None:
        """Prepare the untrained network: NE as random Fourier features, heads at the mean face.

        Args:
            images: (B, 3, H, W), a first batch.
            mean_shapes: of each head (K, 2), the mean landmarks as fractions of the crop.

        """
        features, _, _ = self.extract(images)
        for head, mean_shape in zip(self.heads, mean_shapes, strict=True):
            assert isinstance(head, Head)
            head.calibrate(features, mean_shape)


def _exact(device: str) -> torch.autocast:
    """Float32 also under autocast: bfloat16 coordinates step by half a pixel."""
    return torch.autocast(device, enabled=False)
