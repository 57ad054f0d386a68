"""The sizes and switches of a network."""

from __future__ import annotations

from dataclasses import dataclass

from facealign.errors import SettingsError
from facealign.network.blocks import AttentionForm, EmbeddingForm


@dataclass(frozen=True, kw_only=True)
class AANSettings:
    """The sizes and switches of an AAN; the defaults are the paper's network."""

    points: int = 68
    """K, the number of landmarks."""
    input_size: int = 128
    """Side of the square RGB crop in pixels; the stages see a half, a quarter … of it."""
    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of each stage."""
    ratio: int = 4
    """Channels of a stage over the channels of its 3×3 convolution."""
    attention: AttentionForm = "residual"
    """"residual" is eq. 1, "product" eq. 2, "off" the network without attention."""
    attention_stages: tuple[int, ...] | None = None
    """The stages that have a map, counted from 1; None is all of them: the paper's multi-scale
    attention, and one alone, such as (4,), what it calls single attention (section 3.2)."""
    map_relu: bool = True
    """The ReLU between the attention block's BN and its sigmoid, as in the paper."""
    embedding: EmbeddingForm = "cosine"
    """"cosine" is NE (eq. 4), "linear" the same layer without the cosine, "off" none."""
    embedding_size: int = 256
    """d, the number of nodes of NE."""
    fourier: bool = True
    """Begin NE as random Fourier features (eq. 3), not as PyTorch begins a linear layer."""
    supervision: bool = True
    """Early heads on each stage while training (section 3.2)."""
    further: tuple[int, ...] = ()
    """Numbers of landmarks of further point schemes, each with a head of its own on the trunk."""
    spread: bool = False
    """Also say how far each landmark may be off: the score of a point."""
    visibility: bool = False
    """Also say whether each landmark is to be seen."""
    heatmaps: tuple[int, ...] = ()
    """Instead of NE and regression a decoder that draws a heatmap for each landmark, with so many
    blocks at each size, from the last stage's up to stage 2's: not the paper's, slower, and more
    exact with few faces. A teacher, such as of faces that lack labels; what is said of NE and of
    early heads means nothing to it. Empty is off."""

    def __post_init__(self) -> None:
        reduction = 2 ** (len(self.widths) + 1)
        if not self.widths or min(self.widths) < 1:
            raise SettingsError(
                f"model.widths {list(self.widths)}: need one positive width a stage"
            )
        if self.input_size < reduction or self.input_size % reduction:
            raise SettingsError(
                f"model.input_size {self.input_size} does not halve {len(self.widths) + 1} times: "
                f"use a multiple of {reduction}"
            )
        for name in ("points", "ratio", "embedding_size"):
            if getattr(self, name) < 1:
                raise SettingsError(f"model.{name} must be at least 1, not {getattr(self, name)}")
        if self.further and min(self.further) < 1:
            raise SettingsError(f"model.further {list(self.further)}: numbers of points, from 1")
        self._check_heatmaps()
        chosen, last = self.attention_stages, len(self.widths)
        if chosen is not None and list(chosen) != sorted(set(chosen) & set(range(1, last + 1))):
            raise SettingsError(
                f"model.attention_stages {list(chosen)}: name stages from 1 to {last}, in order"
            )
        if chosen == ():
            raise SettingsError('model.attention_stages is empty: set model.attention = "off"')

    def _check_heatmaps(self) -> None:
        sizes = len(self.widths) - 1
        if not self.heatmaps:
            return
        if not sizes:
            raise SettingsError("model.heatmaps end at stage 2: give two model.widths or more")
        if len(self.heatmaps) != sizes or min(self.heatmaps) < 1:
            raise SettingsError(
                f"model.heatmaps {list(self.heatmaps)}: need a number of blocks, from 1, for each "
                f"of {sizes} sizes: one fewer than model.widths"
            )
        for name in ("further", "spread", "visibility"):
            if getattr(self, name):
                raise SettingsError(f"model.heatmaps does not go with model.{name}: drop one")

    @property
    def stages_with_maps(self) -> tuple[int, ...]:
        """The stages that have an attention map, counted from 1."""
        if self.attention == "off":
            return ()
        return self.attention_stages or tuple(range(1, len(self.widths) + 1))

    def form_of(self, stage: int) -> AttentionForm:
        """The attention of one stage, counted from 1."""
        return self.attention if stage in self.stages_with_maps else "off"

    @property
    def heads(self) -> tuple[int, ...]:
        """K of every head, the first one's first."""
        return (self.points, *self.further)

    @property
    def features(self) -> int:
        """D, the length of the feature vector that enters NE."""
        side = self.input_size // 2 ** (len(self.widths) + 1)
        return int(self.widths[-1] * side * side)
