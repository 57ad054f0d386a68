"""From features to landmarks: the paper's nonlinear embedding (NE), output layer, early heads."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.blocks import EarlyHead
from facealign.network.settings import AANSettings


class CosineEmbedding(nn.Module):
    """The nonlinear embedding (NE), eq. 4: φ = cos(Wx + b), with learned W and b.

    Initialized as random Fourier features (eq. 3): `calibrate` scales W so that Wx has unit
    variance on a first batch, and b is uniform in [0, 2π). Without `fourier` W and b are
    initialized like PyTorch's linear layer, uniform in ±1/√inputs.
    """

    def __init__(self, inputs: int, size: int, fourier: bool = True) -> None:
        super().__init__()
        self.fourier = fourier
        bound = 1 / math.sqrt(inputs)
        if fourier:
            weight, bias = torch.randn(size, inputs) * bound, torch.rand(size) * 2 * math.pi
        else:
            weight, bias = (torch.rand(n) * 2 * bound - bound for n in ((size, inputs), (size,)))
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) → (B, d) in [-1, 1]."""
        return torch.cos(F.linear(x, self.weight, self.bias))

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Scale W so that Wx has unit variance over the batch x (B, D)."""
        if not self.fourier:
            return
        spread = F.linear(x.float(), self.weight).std(correction=0)
        self.weight.div_(spread.clamp_min(1e-6))


class HeadOutput(NamedTuple):
    """The output of one head; coordinates are fractions of the crop, 0 at its centre."""

    landmarks: Tensor
    """(B, K, 2)."""
    early: list[Tensor]
    """S early predictions (B, K, 2) while training with supervision, else empty."""
    log_scale: Tensor | None
    """(B, K), ln b of a density exp(-r / b) over the distance r from the landmark, in
    fractions of the crop; None without `AANSettings.spread`."""
    visibility: Tensor | None
    """(B, K), the log-odds that the landmark can be seen; None without
    `AANSettings.visibility`."""
    heatmaps: Tensor | None = None
    """(B, K, H/4, W/4), the log-weight of each place; only of a `HeatmapTeacher`."""


class Prediction(NamedTuple):
    """The output of a network for a batch."""

    heads: list[HeadOutput]
    """One for each point scheme."""
    attention: list[Tensor]
    """Maps (B, 1, H/2^s, W/2^s) of the stages s = 1 … S that have one."""

    @property
    def landmarks(self) -> Tensor:
        """(B, K, 2) of the first head."""
        return self.heads[0].landmarks

    @property
    def early(self) -> list[Tensor]:
        """The early predictions of the first head."""
        return self.heads[0].early


class Head(nn.Module):
    """From features to the landmarks of one point scheme: NE, linear layer, early heads.

    With several point schemes each has its own head, on a shared trunk.
    """

    def __init__(self, settings: AANSettings, points: int) -> None:
        super().__init__()
        self.points = points
        self.early = nn.ModuleList(
            EarlyHead(width, points) for width in settings.stage_widths if settings.supervision
        )
        self.embedding, embedded = _embedding(settings)
        self.linear = nn.Linear(embedded, 2 * points)
        nn.init.zeros_(self.linear.bias)
        self.spread = constant(embedded, points, FIRST_LOG_SCALE) if settings.spread else None
        self.visibility = constant(embedded, points, 0.0) if settings.visibility else None

    def forward(self, features: Tensor, attended: list[Tensor]) -> HeadOutput:
        """Features (B, D) and, in training, pooled M·H of each stage → `HeadOutput`."""
        early = [head(pooled) for head, pooled in zip(self.early, attended, strict=False)]
        embedded = self.embedding(features)
        return HeadOutput(
            self.linear(embedded).view(-1, self.points, 2),
            early,
            None if self.spread is None else self.spread(embedded),
            None if self.visibility is None else self.visibility(embedded),
        )

    @torch.no_grad()
    def calibrate(self, features: Tensor, mean_shape: Tensor) -> None:
        """NE as random Fourier features over x (B, D); all landmarks at the mean face (K, 2)."""
        if isinstance(self.embedding, CosineEmbedding):
            self.embedding.calibrate(features)
        self.linear.weight *= 0.1
        self.linear.bias.copy_(mean_shape.flatten())
        for head in self.early:
            assert isinstance(head, EarlyHead)
            head.linear.bias.copy_(mean_shape.flatten())


FIRST_LOG_SCALE = -3.0
"""Log-scale of an untrained head: 5 % of the crop."""


def constant(inputs: int, outputs: int, bias: float) -> nn.Linear:
    """A linear layer whose output is constant until it is trained."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, bias)
    return layer


def _embedding(settings: AANSettings) -> tuple[nn.Module, int]:
    """The layer between the features and the output layer, and the length of its output."""
    match settings.embedding:
        case "cosine":
            size = settings.embedding_size
            return CosineEmbedding(settings.features, size, settings.fourier), size
        case "linear":
            return nn.Linear(settings.features, settings.embedding_size), settings.embedding_size
        case "off":
            return nn.Identity(), settings.features
