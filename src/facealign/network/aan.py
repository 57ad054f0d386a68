"""The Attentional Alignment Network: section 3 of the paper, in its order.

The names of the trunk's layers are those of every checkpoint and exported file: networks inherit
from it, so nothing comes before `stem` and `stages`.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.attention import Stage
from facealign.network.blocks import Stem, pool_attended
from facealign.network.head import Head, Prediction
from facealign.network.settings import AANSettings


class Features(NamedTuple):
    """What a trunk computes from a batch of images."""

    pooled: Tensor
    """(B, C, H/2^(S+1), W/2^(S+1)): the last stage's output after pooling."""
    stages: list[Tensor]
    """F(x) of stages s = 1 … S, (B, C, H/2^s, W/2^s)."""
    attended: list[Tensor]
    """M·H of each stage, of the same shapes."""
    attention: list[Tensor]
    """The maps M (B, 1, H/2^s, W/2^s), of the stages that have one."""

    @classmethod
    def of(cls, pooled: Tensor, outputs: list[tuple[Tensor, Tensor, Tensor | None]]) -> "Features":
        """From F, M·H and M of each stage."""
        stages, attended, attention = map(list, zip(*outputs, strict=True))
        return cls(pooled, stages, attended, [each for each in attention if each is not None])


class Trunk(nn.Module):
    """Stem, then S stages of bottleneck block, attention and pooling (section 3.1).

    | at 128 px     | shape             | stride |
    |---------------|-------------------|--------|
    | image         | (B, 3, 128, 128)  | 1      |
    | stem          | (B, 64, 64, 64)   | 2      |
    | stage 1, F(x) | (B, 64, 64, 64)   | 2      |
    | stage 2, F(x) | (B, 128, 32, 32)  | 4      |
    | stage 3, F(x) | (B, 256, 16, 16)  | 8      |
    | stage 4, F(x) | (B, 512, 8, 8)    | 16     |
    | pooled        | (B, 512, 4, 4)    | 32     |
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

    def features(self, image: Tensor) -> Features:
        """(B, 3, H, W), normalized RGB → `Features`."""
        x = self.stem(image)
        outputs: list[tuple[Tensor, Tensor, Tensor | None]] = []
        for stage in self.stages:
            outputs.append(stage(x))
            x = F.max_pool2d(outputs[-1][0], 2)
        return Features.of(x, outputs)


class Regression(nn.Module):
    """Features of a trunk → landmarks, by a head for each point scheme."""

    settings: AANSettings
    heads: nn.ModuleList

    def features(self, image: Tensor) -> Features:
        """(B, 3, H, W), normalized RGB → the trunk's features."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Prediction:
        """(B, 3, H, W), normalized RGB → `Prediction`."""
        features = self.features(image)
        supervised = self.training and self.settings.supervision
        early = [pool_attended(a).float() for a in features.attended] if supervised else []
        x = features.pooled.flatten(1).float()
        with torch.autocast(image.device.type, enabled=False):  # bfloat16 steps by half a pixel
            return Prediction([head(x, early) for head in self.heads], features.attention)

    @torch.no_grad()
    def calibrate(self, images: Tensor, mean_shapes: list[Tensor]) -> None:
        """Prepare the untrained network: NE as random Fourier features, heads at the mean face.

        By a first batch (B, 3, H, W), and each head's mean landmarks (K, 2), fractions of the crop.
        """
        x = self.features(images).pooled.flatten(1)
        for head, mean_shape in zip(self.heads, mean_shapes, strict=True):
            assert isinstance(head, Head)
            head.calibrate(x, mean_shape)


class AAN(Trunk, Regression):
    """Image → S stages (bottleneck, attention, pooling) → NE → linear → landmarks.

    | at 128 px             | shape             |
    |-----------------------|-------------------|
    | image                 | (B, 3, 128, 128)  |
    | trunk, section 3.1    | (B, 512, 4, 4)    |
    | flattened, x of eq. 4 | (B, 8192)         |
    | NE, φ of eq. 4        | (B, 256)          |
    | landmarks             | (B, K, 2)         |
    """

    def __init__(self, settings: AANSettings) -> None:
        super().__init__(settings)
        self.heads = nn.ModuleList(Head(settings, points) for points in settings.heads)
