"""Networks on a trunk that ImageNet taught: an AAN, and a heatmap teacher. Not in the paper.

Trained on faces alone, the paper's own trunk needs some twenty times as many images: 200,000 to
reach what the teacher here reaches after 20,000 (docs/experiments.md). With few labels start here.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.aan import Features, Regression
from facealign.network.blocks import Attention, attend, conv_bn
from facealign.network.efficientnet import EfficientNetTrunk
from facealign.network.head import Head, HeadOutput, Prediction, constant
from facealign.network.heatmap_teacher import log_deviation, to_landmarks
from facealign.network.settings import AANSettings


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
