"""The trunk that AAN and the heatmap teacher share: the stem and the stages of section 3.1.

The names of its layers are those of every checkpoint and exported file: networks inherit from it,
so nothing comes before `stem` and `stages`.
"""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.blocks import Stage, Stem
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
    """Stem, then S stages of bottleneck block, attention and pooling.

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
