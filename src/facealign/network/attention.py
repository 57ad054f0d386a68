"""Attention, section 3.1: a map over the features of a stage, and how it acts on them."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facealign.network.blocks import Bottleneck, conv_bn

AttentionForm = Literal["residual", "product", "off"]


class Attention(nn.Module):
    """Spatial attention, section 3.1: 1×1 convolution, BN, ReLU, sigmoid: M(x) in [0, 1].

    With the ReLU, as in the paper, M is at least ½. Without it the map reaches down to 0.
    """

    def __init__(self, width: int, relu: bool) -> None:
        super().__init__()
        self.score = conv_bn(width, 1, 1)
        self.relu = relu

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) → one map (B, 1, H, W) for all channels."""
        score = self.score(features)
        return torch.sigmoid(F.relu(score) if self.relu else score)


class Stage(nn.Module):
    """One building block of section 3.1: bottleneck, attention, and (outside) the pooling."""

    def __init__(
        self, inputs: int, outputs: int, ratio: int, form: AttentionForm, map_relu: bool
    ) -> None:
        super().__init__()
        self.block = Bottleneck(inputs, outputs, ratio)
        self.attention = Attention(outputs, map_relu) if form != "off" else None
        self.form = form

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """(B, C_in, H, W) → F(x), the attended features M·H, and the map M.

        F = (1 + M)·H by eq. 1 ("residual"), F = M·H by eq. 2 ("product"). Without attention the
        three are H, H and None.
        """
        return attend(self.block(x), self.attention, self.form)


def attend(
    features: Tensor, attention: nn.Module | None, form: AttentionForm
) -> tuple[Tensor, Tensor, Tensor | None]:
    """H (B, C, H, W) → F, M·H and M, as `Stage` returns them."""
    if attention is None:
        return features, features, None
    scores = attention(features)
    attended = scores * features
    if form == "product":
        return attended, attended, scores
    # Two forms of eq. 1: H + M·H where M·H is needed anyway, one pass over H where it is not.
    output = features + attended if attention.training else (1 + scores) * features
    return output, attended, scores
