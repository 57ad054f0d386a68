"""Effects of a camera and a file: blur, low resolution, noise, JPEG.

Each function takes images (b, 3, S, S) in 0..1 and, for each image, a row of uniform numbers in
0..1.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from facealign.training.augment.light import between

SHARPEST, SOFTEST = 0.003, 0.016
"""Standard deviations of the blur, as fractions of the image's side: 0.4 and 2 pixels of 128."""
SHORTEST, LONGEST = 0.02, 0.08
"""Lengths of motion blur, as fractions of the image's side: 2.5 and 10 pixels of 128."""
FINEST, COARSEST = 1.5, 4.0
"""Factors by which an image is downscaled."""
WORST, BEST = 10.0, 60.0
"""Range of the JPEG quality."""
LUMA = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56
14 17 22 29 51 87 80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92
49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
CHROMA = (
    """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99
47 66 99 99 99 99 99 99"""
    + " 99" * 32
)
"""Quantization tables of the 8 × 8 DCT at quality 50 (ITU-T T.81, annex K)."""
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""JFIF: red, green, blue → brightness and two colour differences."""


def gaussian_blur(images: Tensor, numbers: Tensor) -> Tensor:
    """Gaussian blur of random width; numbers (b, 1)."""
    size = images.shape[-1]
    deviation = between(numbers[:, 0], SHARPEST * size, SOFTEST * size)[:, 0]
    steps = torch.arange(size, dtype=images.dtype, device=images.device)
    weights = torch.exp(-0.5 * ((steps.view(-1, 1) - steps) / deviation) ** 2)
    return _both_ways(images, weights / weights.sum(dim=-1, keepdim=True))


def downscale(images: Tensor, numbers: Tensor) -> Tensor:
    """Downscale by a random factor, antialiased, and upscale, bilinear; numbers (b, 1)."""
    size = images.shape[-1]
    factor = between(numbers[:, 0], FINEST, COARSEST)[:, 0]
    count = (size / factor).round().clamp_min(1)  # pixels a side of the small image
    factor = size / count
    steps = torch.arange(size, dtype=images.dtype, device=images.device)
    centres = (steps.view(-1, 1) + 0.5) * factor - 0.5
    down = (1 - (steps - centres).abs() / factor).clamp_min(0) * (steps.view(-1, 1) < count)
    down /= down.sum(dim=-1, keepdim=True).clamp_min(1e-6)
    place = ((steps.view(-1, 1) + 0.5) / factor - 0.5).clamp_min(0).minimum(count - 1)
    up = (1 - (steps - place).abs()).clamp_min(0)
    return _both_ways(images, up @ down)


def _both_ways(images: Tensor, weights: Tensor) -> Tensor:
    """Apply each image's weights (b, S, S), output × input, along its rows and its columns."""
    return weights[:, None] @ images @ weights[:, None].mT


def motion_blur(images: Tensor, numbers: Tensor) -> Tensor:
    """Motion blur of random length and direction; numbers (b, 2)."""
    count, channels, size, _ = images.shape
    half = between(numbers[:, 0], SHORTEST * size / 2, LONGEST * size / 2)[:, 0]
    angle = between(numbers[:, 1], 0, math.pi)[:, 0]
    reach = math.ceil(LONGEST * size / 2)
    steps = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    along = steps * angle.cos() + steps.view(-1, 1) * angle.sin()
    across = steps.view(-1, 1) * angle.cos() - steps * angle.sin()
    weights = (1 - torch.hypot((along.abs() - half).clamp_min(0), across)).clamp_min(0)
    weights = weights / weights.sum(dim=(1, 2), keepdim=True)
    padded = F.pad(images, [reach] * 4, mode="replicate")
    kernels = weights.repeat_interleave(channels, dim=0)[:, None]
    smeared = F.conv2d(padded.view(1, -1, *padded.shape[2:]), kernels, groups=count * channels)
    return smeared.view_as(images)


def noise_like(grain: Tensor, numbers: Tensor, images: Tensor) -> Tensor:
    """Normal noise (b, 3, S, S): each image takes its own window of the grain (n,).

    The batch shares one grain: drawing normal numbers for every pixel takes ten times as long.
    """
    length = images[0].numel()
    windows = grain.unfold(0, length, 1)
    first = (numbers * len(windows)).long().clamp_max(len(windows) - 1)
    return windows.index_select(0, first).view(len(numbers), *images.shape[1:])


def jpeg_compression(images: Tensor, numbers: Tensor) -> Tensor:
    """JPEG at a random quality, without chroma subsampling; numbers (b, 1)."""
    count, _, size, _ = images.shape
    padded = F.pad(images, [0, -size % 8] * 2, mode="replicate")
    across = padded.shape[-1] // 8
    values = padded.permute(0, 2, 3, 1) @ images.new_tensor(TO_YCC).mT * 255
    values[..., 0] -= 128
    blocks = values.view(count, across, 8, across, 8, 3).permute(0, 5, 1, 3, 2, 4)
    transform, steps = _cosines(images), _steps(images, between(numbers[:, 0], WORST, BEST))
    frequencies = blocks.reshape(count, 3, -1, 64) @ transform.mT
    frequencies = frequencies.div_(steps).round_().mul_(steps)
    blocks = (frequencies @ transform).view(count, 3, across, across, 8, 8)
    values = blocks.permute(0, 2, 4, 3, 5, 1).reshape(count, across * 8, across * 8, 3)[
        :, :size, :size
    ]
    values[..., 0] += 128
    return (values @ images.new_tensor(TO_YCC).inverse().mT / 255).permute(0, 3, 1, 2)


def _steps(images: Tensor, quality: Tensor) -> Tensor:
    """(b, 3, 1, 64) quantization steps, scaled by quality as libjpeg does."""
    tables = [[float(step) for step in table.split()] for table in (LUMA, CHROMA, CHROMA)]
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    return (images.new_tensor(tables)[:, None] * scale).add_(0.5).floor_().clamp_(1, 255)


def _cosines(images: Tensor) -> Tensor:
    """(64, 64) the orthonormal DCT of 8 × 8 pixels: frequency, pixel."""
    steps = torch.arange(8, dtype=images.dtype, device=images.device)
    waves = 0.5 * torch.cos((2 * steps + 1) * steps.view(-1, 1) * (math.pi / 16))
    waves[0] *= math.sqrt(0.5)
    return torch.kron(waves, waves)
