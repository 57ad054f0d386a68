"""The parts of the AAN beside attention: stem, bottleneck block, early head."""

import math

from torch import Tensor, nn
from torch.nn import functional as F


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution followed by batch normalization."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.normal_(conv.weight, std=conv_std(conv.weight))
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def conv_std(weight: Tensor) -> float:
    """Standard deviation of a convolution's initial weights (out, in, k, k), He et al. 2015."""
    return math.sqrt(2 / (len(weight) * weight[0, 0].numel()))


class Stem(nn.Module):
    """A 7×7 convolution at stride 2 before the first stage (the paper does not name one)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = conv_bn(3, width, 7, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, C, H/2, W/2)."""
        return F.relu(self.conv(image), inplace=True)


class Bottleneck(nn.Module):
    """ResNet's bottleneck residual block, H(x) in section 3.1: 1×1, 3×3, 1×1 and a shortcut."""

    def __init__(self, inputs: int, outputs: int, ratio: int) -> None:
        super().__init__()
        narrow = max(1, outputs // ratio)
        self.reduce = conv_bn(inputs, narrow, 1)
        self.conv = conv_bn(narrow, narrow, 3)
        self.expand = conv_bn(narrow, outputs, 1)
        self.shortcut = conv_bn(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) → (B, C_out, H, W)."""
        y = F.relu(self.reduce(x), inplace=True)
        y = F.relu(self.conv(y), inplace=True)
        return F.relu(self.expand(y) + self.shortcut(x), inplace=True)


GRID = 4
"""An early head sees GRID × GRID averages of its stage's features."""


def pool_attended(attended: Tensor) -> Tensor:
    """M·H of one stage (B, C, H, W) → the input of its early heads (B, C · 16)."""
    side = attended.shape[-1]
    if side % GRID:
        return F.adaptive_avg_pool2d(attended, GRID).flatten(1)
    return F.avg_pool2d(attended, side // GRID).flatten(1)  # the same, faster


class EarlyHead(nn.Module):
    """Intermediate supervision, section 3.2: every landmark predicted from one stage's M·H."""

    def __init__(self, width: int, points: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width * GRID * GRID, 2 * points)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """`pool_attended` of the stage (B, C · 16) → (B, K, 2), fractions of the crop."""
        points: Tensor = self.linear(pooled)
        return points.view(len(pooled), -1, 2)
