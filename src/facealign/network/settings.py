"""The sizes and switches of a network."""

from dataclasses import dataclass
from typing import Literal

from facealign.errors import SettingsError
from facealign.network.attention import AttentionForm

EmbeddingForm = Literal["cosine", "linear", "off"]
TrunkName = Literal["stages", "efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]
TRUNK_WIDTHS: dict[TrunkName, tuple[int, ...]] = {
    "efficientnet-lite0": (24, 40, 112, 320),
    "efficientnet-lite1": (24, 40, 112, 320),
    "efficientnet-lite2": (24, 48, 120, 352),
}
"""Channels at strides 4, 8, 16 and 32."""
LARGEST, LARGEST_INPUT = 65536, 4096
"""Limits of sizes: a greater one is a slip of the pen, and would fill any memory."""


@dataclass(frozen=True, kw_only=True)
class AANSettings:
    """The sizes and switches of an AAN; the defaults are the paper's network."""

    points: int = 68
    """K, the number of landmarks."""
    input_size: int = 128
    """Side of the square RGB crop in pixels; stage s works on a map 2^s times smaller."""
    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of each stage."""
    ratio: int = 4
    """Channels of a stage over the channels of its 3×3 convolution."""
    attention: AttentionForm = "residual"
    """"residual" is eq. 1, "product" eq. 2, "off" the network without attention."""
    attention_stages: tuple[int, ...] | None = None
    """The stages with an attention map, counted from 1. None means all: the paper's multi-scale
    attention. One stage, such as (4,), is what it calls single attention (section 3.2)."""
    map_relu: bool = True
    """The ReLU between the attention block's BN and its sigmoid, as in the paper."""
    embedding: EmbeddingForm = "cosine"
    """"cosine" is NE (eq. 4), "linear" the same layer without the cosine, "off" no such layer."""
    embedding_size: int = 256
    """d, the number of nodes of NE."""
    fourier: bool = True
    """Initialize NE as random Fourier features (eq. 3), not like PyTorch's linear layer."""
    supervision: bool = True
    """Early heads on each stage during training (section 3.2)."""
    further: tuple[int, ...] = ()
    """Numbers of landmarks of further point schemes; each has its own head on the trunk."""
    spread: bool = False
    """Also predict how far off each landmark may be: the score of a point."""
    visibility: bool = False
    """Also predict whether each landmark can be seen."""
    heatmaps: tuple[int, ...] = ()
    """Build a `HeatmapTeacher` in place of an `AAN`: the number of decoder blocks at each size,
    from the last stage's up to stage 2's. Not in the paper; slower, and more exact with few faces.
    The settings of NE and of the early heads have no effect on it. Empty means off."""
    trunk: TrunkName = "stages"
    """"stages" are the paper's; another name is a trunk that begins with ImageNet's weights, for a
    `PretrainedAAN` or, with `heatmaps` (1, 1, 1), a `PretrainedTeacher`. `widths` and `ratio` have
    no effect on it. Train it in float32 on a CPU, where bfloat16 makes its depthwise convolutions
    slow."""

    decoder_width: int = 96
    """Channels of a `PretrainedTeacher`'s decoder."""

    def __post_init__(self) -> None:
        halvings = len(self.stage_widths) + 1
        reduction = 2**halvings
        if not self.widths or min(self.widths) < 1 or max(self.widths) > LARGEST:
            raise SettingsError(
                f"model.widths {list(self.widths)}: need a width of 1 to {LARGEST} for each stage"
            )
        if self.input_size < reduction or self.input_size % reduction:
            raise SettingsError(
                f"model.input_size {self.input_size} does not halve {halvings} times: "
                f"use a multiple of {reduction}"
            )
        for name in ("points", "ratio", "embedding_size", "decoder_width"):
            if not 1 <= getattr(self, name) <= LARGEST:
                raise SettingsError(
                    f"model.{name} must be 1 to {LARGEST}, not {getattr(self, name)}"
                )
        if not all(1 <= count <= LARGEST for count in self.further):
            raise SettingsError(f"model.further {list(self.further)}: each must be 1 to {LARGEST}")
        if self.input_size > LARGEST_INPUT:
            raise SettingsError(
                f"model.input_size must be at most {LARGEST_INPUT}, not {self.input_size}"
            )
        if self.trunk != "stages" and self.heatmaps not in ((), (1, 1, 1)):
            raise SettingsError(
                f"model.heatmaps {list(self.heatmaps)}: the decoder of "
                f'model.trunk = "{self.trunk}" has one block at each size: use [1, 1, 1]'
            )
        if self.heatmaps:
            self._check_heatmaps()
        chosen, last = self.attention_stages, len(self.stage_widths)
        if chosen is not None and list(chosen) != sorted(set(chosen) & set(range(1, last + 1))):
            raise SettingsError(
                f"model.attention_stages {list(chosen)}: list stages from 1 to {last}, in "
                "ascending order"
            )
        if chosen == ():
            raise SettingsError('model.attention_stages is empty: set model.attention = "off"')

    def _check_heatmaps(self) -> None:
        sizes = len(self.stage_widths) - 1
        if not sizes:
            raise SettingsError("model.heatmaps end at stage 2: set two model.widths or more")
        if len(self.heatmaps) != sizes or min(self.heatmaps) < 1:
            raise SettingsError(
                f"model.heatmaps {list(self.heatmaps)}: need {sizes} numbers of blocks, each at "
                "least 1: one fewer than model.widths"
            )
        own = () if self.trunk == "stages" else ("spread", "visibility")
        for name in {"further", "spread", "visibility"}.difference(own):
            if getattr(self, name):
                raise SettingsError(
                    f"model.heatmaps cannot be combined with model.{name}: drop one"
                )

    @property
    def stages_with_maps(self) -> tuple[int, ...]:
        """The stages that have an attention map, counted from 1."""
        if self.attention == "off" or (self.heatmaps and self.trunk != "stages"):
            return ()
        return self.attention_stages or tuple(range(1, len(self.stage_widths) + 1))

    def form_of(self, stage: int) -> AttentionForm:
        """The attention of one stage, counted from 1."""
        return self.attention if stage in self.stages_with_maps else "off"

    @property
    def draws_heatmaps(self) -> bool:
        """Whether the network is a teacher with heatmaps, which has one head."""
        return bool(self.heatmaps)

    @property
    def heads(self) -> tuple[int, ...]:
        """K of every head, the first one's first."""
        return (self.points, *self.further)

    @property
    def features(self) -> int:
        """D, the length of the feature vector that enters NE."""
        side = self.input_size // 2 ** (len(self.stage_widths) + 1)
        return int(self.stage_widths[-1] * side * side)

    @property
    def stage_widths(self) -> tuple[int, ...]:
        """Channels of each stage's output: `widths`, or those of the pretrained trunk."""
        return self.widths if self.trunk == "stages" else TRUNK_WIDTHS[self.trunk]
