"""The cosine embedding layer, the paper's nonlinear embedding (NE), eqs. 3 and 4."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EmbeddingForm = Literal["cosine", "linear", "off"]


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
