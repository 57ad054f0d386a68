"""A heatmap teacher: a trunk pretrained on ImageNet, and a small decoder.

It is not in the paper. Trained on faces alone, a trunk needs some 200,000 images to reach what this
one reaches after 20,000 (docs/experiments.md), so with few labels start here.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.efficientnet import EfficientNetTrunk
from facealign.network.head import HeadOutput, Prediction
from facealign.network.heatmap_teacher import to_landmarks
from facealign.network.settings import AANSettings

DECODER_WIDTH = 96


class PretrainedTeacher(nn.Module):
    """Image → EfficientNet-Lite → decoder → heatmaps (H/4, W/4) → landmarks by soft-argmax."""

    def __init__(self, settings: AANSettings) -> None:
        super().__init__()
        self.settings = settings
        self.trunk = EfficientNetTrunk(settings.trunk)
        self.heads = nn.ModuleList([PyramidHead(settings.stage_widths, settings.points)])

    def forward(self, image: Tensor) -> Prediction:
        """(B, 3, H, W), RGB normalized as for an AAN → `Prediction`, with heatmaps."""
        return Prediction([self.heads[0](self.trunk(image))], [])

    def calibrate(self, images: Tensor, mean_shapes: list[Tensor]) -> None:
        """Do nothing, as in `HeatmapTeacher`."""


class PyramidHead(nn.Module):
    """Features at strides 4, 8, 16, 32 → a heatmap at stride 4 for each landmark.

    From the deepest features upwards, as a feature pyramid (Lin et al., CVPR 2017): enlarge, add
    the trunk's features of that size, convolve.

    Args:
        widths: channels of the features, in that order.
        points: K.

    """

    def __init__(self, widths: tuple[int, ...], points: int) -> None:
        super().__init__()
        deepest, *shallower = widths[::-1]
        self.top = nn.Sequential(*_conv_bn(deepest, 1), nn.ReLU(inplace=True))
        self.ups = nn.ModuleList(_Up(width) for width in shallower)
        self.maps = nn.Conv2d(DECODER_WIDTH, points, 1, bias=False)  # the softmax cancels a bias
        nn.init.normal_(self.maps.weight, std=0.01)

    def forward(self, features: list[Tensor]) -> HeadOutput:
        """Features, in the order of `widths` → `HeadOutput`."""
        x = self.top(features[-1])
        for up, shallow in zip(self.ups, features[-2::-1], strict=True):
            x = up(x, shallow)
        return to_landmarks(self.maps, x)


class _Up(nn.Module):
    """Features at the size of the trunk's shallower ones, plus those."""

    def __init__(self, shallow: int) -> None:
        super().__init__()
        self.skip = nn.Sequential(*_conv_bn(shallow, 1))
        self.mix = nn.Sequential(*_conv_bn(DECODER_WIDTH, 3), nn.ReLU(inplace=True))

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        larger = F.interpolate(deep, size=shallow.shape[-2:], mode="bilinear")
        y: Tensor = self.mix(F.relu(larger + self.skip(shallow)))
        return y


def _conv_bn(inputs: int, kernel: int) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    conv = nn.Conv2d(inputs, DECODER_WIDTH, kernel, padding=kernel // 2, bias=False)
    return conv, nn.BatchNorm2d(DECODER_WIDTH)
