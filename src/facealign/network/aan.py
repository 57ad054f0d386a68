"""The Attentional Alignment Network: section 3 of the paper, in its order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.errors import SettingsError
from facealign.network.blocks import (
    AttentionForm,
    CosineEmbedding,
    EarlyHead,
    EmbeddingForm,
    Stage,
    Stem,
)


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
    supervision: bool = True
    """Early heads on each stage while training (section 3.2)."""

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
        chosen, last = self.attention_stages, len(self.widths)
        if chosen is not None and list(chosen) != sorted(set(chosen) & set(range(1, last + 1))):
            raise SettingsError(
                f"model.attention_stages {list(chosen)}: name stages from 1 to {last}, in order"
            )
        if chosen == ():
            raise SettingsError('model.attention_stages is empty: set model.attention = "off"')

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
    def features(self) -> int:
        """D, the length of the feature vector that enters NE."""
        side = self.input_size // 2 ** (len(self.widths) + 1)
        return int(self.widths[-1] * side * side)


class Prediction(NamedTuple):
    """What an AAN says of a batch; coordinates are fractions of the crop, 0 at its centre."""

    landmarks: Tensor
    """(B, K, 2)."""
    early: list[Tensor]
    """S early predictions (B, K, 2) while training with supervision, else empty."""
    attention: list[Tensor]
    """S maps (B, 1, H/2^s, W/2^s), s = 1 … S; only of the stages that have one."""


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
        self.early_heads = nn.ModuleList(
            EarlyHead(width, settings.points) for width in settings.widths if settings.supervision
        )
        self.embedding, embedded = _embedding(settings)
        self.head = nn.Linear(embedded, 2 * settings.points)
        nn.init.zeros_(self.head.bias)

    def forward(self, image: Tensor) -> Prediction:
        """(B, 3, H, W), normalised RGB → `Prediction`."""
        features, early, maps = self.extract(image)
        embedded = _exact(self.embedding, features)
        return Prediction(
            _exact(self.head, embedded).view(-1, self.settings.points, 2), early, maps
        )

    def extract(self, image: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """(B, 3, H, W) → the features x (B, D) of eq. 4, the early predictions, the maps."""
        x = self.stem(image)
        early: list[Tensor] = []
        maps: list[Tensor] = []
        for index, stage in enumerate(self.stages):
            x, attended, attention = stage(x)
            if self.training and self.settings.supervision:
                early.append(_exact(self.early_heads[index], attended))
            if attention is not None:
                maps.append(attention)
            x = F.max_pool2d(x, 2)
        return x.flatten(1), early, maps

    @torch.no_grad()
    def calibrate(self, images: Tensor, mean_shape: Tensor) -> None:
        """Prepare the untrained network: NE as random Fourier features, heads at the mean face.

        Args:
            images: (B, 3, H, W), a first batch.
            mean_shape: (K, 2), the mean landmarks as fractions of the crop.

        """
        features, _, _ = self.extract(images)
        if isinstance(self.embedding, CosineEmbedding):
            self.embedding.calibrate(features)
        self.head.weight *= 0.1
        self.head.bias.copy_(mean_shape.flatten())
        for head in self.early_heads:
            assert isinstance(head, EarlyHead)
            head.linear.bias.copy_(mean_shape.flatten())


def _exact(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply `layer` in float32 also under autocast: bfloat16 coordinates step by half a pixel."""
    if not torch.is_autocast_enabled(x.device.type):
        return _tensor(layer(x))
    with torch.autocast(x.device.type, enabled=False):
        return _tensor(layer(x.float()))


def _tensor(value: object) -> Tensor:
    assert isinstance(value, Tensor)
    return value


def _embedding(settings: AANSettings) -> tuple[nn.Module, int]:
    """The layer between features and output, and the length of what it gives."""
    match settings.embedding:
        case "cosine":
            return CosineEmbedding(settings.features, settings.embedding_size), (
                settings.embedding_size
            )
        case "linear":
            return nn.Linear(settings.features, settings.embedding_size), settings.embedding_size
        case "off":
            return nn.Identity(), settings.features
