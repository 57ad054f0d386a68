"""What training makes small: distances between predicted and true coordinates."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from facealign.errors import SettingsError
from facealign.network.aan import Prediction
from facealign.training.batches import Batch

WING_WIDTH, WING_CURVE = 0.08, 0.016
"""w and ε of the wing loss, as fractions of the crop: 10 and 2 pixels of 128."""


def total_loss(prediction: Prediction, batch: Batch, kind: str, early_weight: float) -> Tensor:
    """The output's loss plus the early heads', all against the same truth (section 3.2)."""
    loss = point_loss(prediction.landmarks, batch.landmarks, batch.visible, kind)
    for early in prediction.early:
        loss = loss + early_weight * point_loss(early, batch.landmarks, batch.visible, kind)
    return loss


def point_loss(predicted: Tensor, truth: Tensor, visible: Tensor, kind: str) -> Tensor:
    """Mean over the visible points' coordinates; of "sse" the sum over them, mean over the faces.

    Of "mse" the gradient is a hundredth of that of "sse" at 68 points, and a weight decay that is
    added to the gradient, as the paper's is, then outweighs it (docs/paper.md).

    Args:
        predicted: (B, K, 2), fractions of the crop.
        truth: (B, K, 2).
        visible: (B, K) bool.
        kind: "mse", "sse", "l1" or "wing".

    """
    distance = (predicted - truth).abs()
    if kind in ("mse", "sse"):
        values = distance.square()
    elif kind == "l1":
        values = distance
    elif kind == "wing":
        values = _wing(distance)
    else:
        raise SettingsError(f'unknown loss "{kind}": choose mse, sse, l1 or wing')
    mean = (values * visible[..., None]).sum() / (2 * visible.sum().clamp_min(1))
    return mean * predicted[0].numel() if kind == "sse" else mean


def _wing(distance: Tensor) -> Tensor:
    """w·ln(1 + x/ε) below w, x − C above (Feng et al., CVPR 2018)."""
    constant = WING_WIDTH - WING_WIDTH * math.log1p(WING_WIDTH / WING_CURVE)
    curved = WING_WIDTH * torch.log1p(distance / WING_CURVE)
    return torch.where(distance < WING_WIDTH, curved, distance - constant)
