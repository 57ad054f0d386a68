"""The Attentional Alignment Network: section 3 of the paper, in its order."""

import torch
from torch import Tensor, nn

from facealign.network.blocks import pool_attended
from facealign.network.head import Head, Prediction
from facealign.network.settings import AANSettings
from facealign.network.trunk import Features, Trunk


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
