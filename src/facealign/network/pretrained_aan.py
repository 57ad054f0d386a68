"""An AAN on a trunk that ImageNet taught: the paper's attention, supervision and NE on its stages.

The trunk is not the paper's. Trained on faces alone, the paper's own needs some twenty times as
many images (docs/experiments.md).
"""

from torch import Tensor, nn

from facealign.network.aan import Regression
from facealign.network.blocks import Attention, attend
from facealign.network.efficientnet import EfficientNetTrunk
from facealign.network.head import Head
from facealign.network.settings import AANSettings
from facealign.network.trunk import Features


class PretrainedAAN(Regression):
    """Image → four EfficientNet-Lite stages, an attention block after each → NE → landmarks.

    The stages are at strides 4, 8, 16 and 32. Each begins with a convolution of stride 2, so there
    is no pooling between them.
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
