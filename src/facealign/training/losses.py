"""What training makes small: distances between predicted and true coordinates, and their doubts."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from facealign.errors import SettingsError
from facealign.network import HeadOutput, Prediction
from facealign.network.heatmap_teacher import cell_centres
from facealign.training.data.batches import Batch, Part
from facealign.training.settings import TrainSettings

WING_WIDTH, WING_CURVE = 0.08, 0.016
"""w and ε of the wing loss, as fractions of the crop: 10 and 2 pixels of 128."""


def total_loss(
    prediction: Prediction,
    batch: Batch,
    train: TrainSettings,
    taught: list[Tensor | None] | None = None,
    points: Tensor | None = None,
) -> Tensor:
    """The mean over the step's faces of all losses of each, as far as the faces are in `batch`.

    The losses of the batches that make up a step, of micro-batches and processes, add up to what
    the loss of one batch of them all would be.

    Args:
        prediction: of the batch.
        batch: the truth.
        train: which losses, with which weights.
        taught: a teacher's landmarks (B, K, 2) for each head; None for a head that it lacks.
        points: (P,) `labelled_points` of the whole step; None where the batch is all of it.

    """
    own = labelled_points(batch)
    shares = torch.ones_like(own) if points is None else own / points.clamp_min(1)
    total = prediction.landmarks.new_zeros(())
    for part, share in zip(batch.parts, shares, strict=True):
        if not len(part.labelled):
            continue
        output = prediction.heads[part.head]
        second = taught[part.head] if taught else None
        located = share * landmark_loss(output, part, train)
        rest = visibility_loss(output, part, train) + taught_loss(output, part, train, second)
        total = total + (located + rest * (len(part.labelled) / part.faces)) * (
            part.faces / batch.faces
        )
    return total


def sum_of_outputs(prediction: Prediction) -> Tensor:
    """Of every output: times 0, it gives each head a gradient, also one without faces."""
    outputs = [
        output
        for head in prediction.heads
        for output in (head.landmarks, *head.early, head.log_spread, head.visibility)
        if output is not None
    ]
    return torch.stack([output.sum() for output in outputs]).sum()


def labelled_points(batch: Batch) -> Tensor:
    """(P,) float32, how many points of each part have a known place."""
    return torch.stack([part.labelled.sum() for part in batch.parts]).float()


def landmark_loss(output: HeadOutput, part: Part, train: TrainSettings) -> Tensor:
    """Mean over labelled points: loss of the output, the early heads (section 3.2), the spread."""
    landmarks = output.landmarks[part.rows]
    loss = point_loss(landmarks, part.landmarks, part.labelled, train.loss)
    if output.heatmaps is not None:
        loss = loss + train.heatmap_weight * heatmap_loss(output.heatmaps[part.rows], part)
    for early in output.early:
        loss = loss + train.early_weight * point_loss(
            early[part.rows], part.landmarks, part.labelled, train.loss
        )
    if output.log_spread is not None:
        moved = landmarks if train.spread_joint else landmarks.detach()
        loss = loss + train.spread_weight * spread_loss(
            output.log_spread[part.rows], moved, part.landmarks, part.labelled
        )
    return loss


def visibility_loss(output: HeadOutput, part: Part, train: TrainSettings) -> Tensor:
    """Mean over all points: how badly it is said which are to be seen, where that is labelled."""
    if output.visibility is None or part.visible is None:
        return output.landmarks.new_zeros(())
    loss = F.binary_cross_entropy_with_logits(output.visibility[part.rows], part.visible.float())
    return train.visibility_weight * loss


def taught_loss(
    output: HeadOutput, part: Part, train: TrainSettings, taught: Tensor | None
) -> Tensor:
    """Mean over all points: how far they are from a teacher's (B, K, 2), if there is one."""
    if taught is None:
        return output.landmarks.new_zeros(())
    predicted, all_points = output.landmarks[part.rows], torch.ones_like(part.labelled)
    return train.teacher_weight * point_loss(predicted, taught[part.rows], all_points, train.loss)


def point_loss(predicted: Tensor, truth: Tensor, labelled: Tensor, kind: str) -> Tensor:
    """Mean over the labelled points' coordinates; of "sse" the sum over them, mean over the faces.

    Of "mse" the gradient is a hundredth of that of "sse" at 68 points, and a weight decay that is
    added to the gradient, as the paper's is, then outweighs it (docs/paper.md).

    Args:
        predicted: (B, K, 2), fractions of the crop.
        truth: (B, K, 2).
        labelled: (B, K) bool.
        kind: "mse", "sse", "l1", "smooth_l1" or "wing".

    """
    distance = (predicted - truth).abs()
    if kind in ("mse", "sse"):
        values = distance.square()
    elif kind == "l1":
        values = distance
    elif kind == "smooth_l1":
        values = F.smooth_l1_loss(predicted, truth, reduction="none", beta=WING_CURVE)
    elif kind == "wing":
        values = _wing(distance)
    else:
        raise SettingsError(f'unknown loss "{kind}": choose mse, sse, l1, smooth_l1 or wing')
    mean = (values * labelled[..., None]).sum() / (2 * labelled.sum().clamp_min(1))
    return mean * predicted[0].numel() if kind == "sse" else mean


def heatmap_loss(heatmaps: Tensor, part: Part) -> Tensor:
    """Mean over labelled points: how unlike its heatmap is a round spot there.

    It is the cross-entropy against a bell of one cell's deviation at the landmark, and 0 of one
    beyond the crop; the loss of the mean place alone leaves a map free to scatter.

    Args:
        heatmaps: (b, K, h, w), logarithms of weights.
        part: the truth.

    """
    spots = [_spot(part.landmarks[..., a], heatmaps.shape[3 - a], heatmaps) for a in (0, 1)]
    meant = torch.einsum("bky,bkyx,bkx->bk", spots[1], heatmaps, spots[0])
    entropy = torch.logsumexp(heatmaps.flatten(2), dim=-1) - meant
    inside = part.labelled & (part.landmarks.abs() < 0.5).all(dim=-1)
    mean: Tensor = (entropy * inside).sum() / part.labelled.sum().clamp_min(1)
    return mean


def _spot(place: Tensor, cells: int, like: Tensor) -> Tensor:
    """(b, K) fractions of a side → (b, K, cells), a bell of one cell's deviation, its sum 1."""
    off = cells * (place[..., None] - cell_centres(cells, like))
    return torch.softmax(-off.square() / 2, dim=-1)


def spread_loss(log_spread: Tensor, predicted: Tensor, truth: Tensor, labelled: Tensor) -> Tensor:
    """Mean negative log-likelihood of the labelled points, but for a constant.

    The density of a point at distance r from its landmark is exp(-r / b) / (2π b²), the planar
    form of Laplace's; b is the exponential of `log_spread`, in fractions of the crop.

    Args:
        log_spread: (B, K).
        predicted: (B, K, 2), fractions of the crop.
        truth: (B, K, 2).
        labelled: (B, K) bool.

    """
    distance = torch.linalg.vector_norm(predicted - truth, dim=-1)
    values = distance * torch.exp(-log_spread) + 2 * log_spread
    mean: Tensor = (values * labelled).sum() / labelled.sum().clamp_min(1)
    return mean


def _wing(distance: Tensor) -> Tensor:
    """w·ln(1 + x/ε) below w, x − C above (Feng et al., CVPR 2018)."""
    constant = WING_WIDTH - WING_WIDTH * math.log1p(WING_WIDTH / WING_CURVE)
    curved = WING_WIDTH * torch.log1p(distance / WING_CURVE)
    return torch.where(distance < WING_WIDTH, curved, distance - constant)
