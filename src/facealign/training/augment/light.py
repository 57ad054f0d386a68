"""Effects of light: colours, shadows, gray. Arguments as in `camera.py`."""

import torch
from torch import Tensor

SOFT_EDGE, SHARP_EDGE = 0.5, 0.01
"""Width of a shadow's edge as a fraction of the image: from side light to a window blind."""


def between(numbers: Tensor, low: float, high: float) -> Tensor:
    """Uniform numbers (b,) or (b, n) in 0..1 → (b, 1 or n, 1, 1) between `low` and `high`."""
    return (low + (high - low) * numbers).view(len(numbers), -1, 1, 1)


def pixel_grid(images: Tensor) -> tuple[Tensor, Tensor]:
    """X (1, 1, S) and y (1, S, 1) of the pixels, as fractions of the image, 0 at its centre."""
    size = images.shape[-1]
    steps = (torch.arange(size, dtype=images.dtype, device=images.device) + 0.5) / size - 0.5
    return steps.view(1, 1, -1), steps.view(1, -1, 1)


def color_jitter(images: Tensor, numbers: Tensor, strength: float) -> None:
    """Gamma, then contrast about the image's mean, tint and brightness; in place.

    The gamma curve is Schlick's x / (1 + c (1 − x)), which equals x^γ at 0, ½ and 1 and takes a
    fifth of the time. Numbers (b, 6); `strength` is `AugmentSettings.colour`.
    """
    gamma, contrast = (torch.exp(between(numbers[:, i], -1.5, 1.5) * strength) for i in range(2))
    bend = 2**gamma - 2
    images.div_((images * -bend).add_(1 + bend))
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    tint = between(numbers[:, 2:5], -strength / 3, strength / 3)
    light = between(numbers[:, 5], -strength, strength)
    images.mul_(contrast).add_(mean * (1 - contrast) + tint + light).clamp_(0, 1)


def add_shadow(images: Tensor, numbers: Tensor) -> Tensor:
    """Darken one side by an edge of random direction, place, softness and depth; numbers (b, 4)."""
    x, y = pixel_grid(images)
    angle = between(numbers[:, 0], 0, 2 * torch.pi)[:, 0]
    place = between(numbers[:, 1], -0.35, 0.35)[:, 0]
    width = SHARP_EDGE * (SOFT_EDGE / SHARP_EDGE) ** between(numbers[:, 2], 0, 1)[:, 0]
    depth = between(numbers[:, 3], 0.2, 0.7)
    dark = torch.sigmoid((x * angle.cos() + y * angle.sin() - place) / (width / 4))
    return images * (1 - depth * dark[:, None])


def to_grayscale(images: Tensor, numbers: Tensor) -> Tensor:
    """The mean of the channels in all three; numbers (b, 0)."""
    return images.mean(dim=1, keepdim=True).expand_as(images)
