"""The losses: of landmarks, heatmaps, spread and visibility, and against a teacher."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from facealign.errors import SettingsError
from facealign.network import HeadOutput, Prediction
from facealign.network.heatmap_teacher import cell_centres
from facealign.training.data.batches import Batch, Part
from facealign.training.settings import TrainSettings

AWAY = 0.3
"""How far off a point is taken to be where there is no face, as a fraction of the crop."""
WING_WIDTH, WING_CURVE = 0.08, 0.016
"""w and ε of the wing loss, as fractions of the crop: 10 and 2 pixels of 128."""


def total_loss(
    prediction: Prediction,
    batch: Batch,
    train: TrainSettings,
    taught: list[Tensor | None] | None = None,
    points: Tensor | None = None,
) -> Tensor:
    """The share of `batch` in the mean over the step's faces of all their losses.

    The losses of the micro-batches of all processes add up to the loss of the step's batch as a
    whole, whose `labelled_points` (P,) are `points`; None if the batch is the whole step. `taught`
    are a teacher's landmarks (B, K, 2) for each head; None for a head that it lacks.
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
        rest = visibility_loss(output, part, train)
        if part.background:
            rest = rest + background_loss(output, part, train)
        else:
            rest = rest + taught_loss(output, part, train, second)
        total = total + (located + rest * (len(part.labelled) / part.faces)) * (
            part.faces / batch.faces
        )
    return total


def sum_of_outputs(prediction: Prediction) -> Tensor:
    """The sum of all outputs: times 0, it gives every head a gradient, even without faces."""
    outputs = [
        output
        for head in prediction.heads
        for output in (head.landmarks, *head.early, head.log_scale, head.visibility)
        if output is not None
    ]
    return torch.stack([output.sum() for output in outputs]).sum()


def labelled_points(batch: Batch) -> Tensor:
    """(P,) float32, the number of labelled points in each part."""
    return torch.stack([part.labelled.sum() for part in batch.parts]).float()


def landmark_loss(output: HeadOutput, part: Part, train: TrainSettings) -> Tensor:
    """Mean over labelled points: loss of the output, early heads (section 3.2) and spread."""
    landmarks = output.landmarks[part.rows]
    loss = point_loss(landmarks, part.landmarks, part.labelled, train.loss)
    if output.heatmaps is not None:
        loss = loss + train.heatmap_weight * heatmap_loss(output.heatmaps[part.rows], part)
    for early in output.early:
        loss = loss + train.early_weight * point_loss(
            early[part.rows], part.landmarks, part.labelled, train.loss
        )
    if output.log_scale is not None:
        moved = landmarks if train.spread_joint else landmarks.detach()
        loss = loss + train.spread_weight * spread_loss(
            output.log_scale[part.rows], moved, part.landmarks, part.labelled
        )
    return loss


def visibility_loss(output: HeadOutput, part: Part, train: TrainSettings) -> Tensor:
    """Mean over all points of the cross-entropy of visibility; 0 where it is not labelled."""
    if output.visibility is None or part.visible is None:
        return output.landmarks.new_zeros(())
    loss = F.binary_cross_entropy_with_logits(output.visibility[part.rows], part.visible.float())
    return train.visibility_weight * loss


def background_loss(output: HeadOutput, part: Part, train: TrainSettings) -> Tensor:
    """Mean over all points of the spread loss, as if each were `AWAY` from its landmark.

    There is none; without this a network never sees a crop that it should be unsure of.
    """
    if output.log_scale is None:
        return output.landmarks.new_zeros(())
    away = torch.full_like(output.log_scale[part.rows], AWAY)
    return train.spread_weight * _laplace(output.log_scale[part.rows], away).mean()


def taught_loss(
    output: HeadOutput, part: Part, train: TrainSettings, taught: Tensor | None
) -> Tensor:
    """Mean over all points of the loss against a teacher's (B, K, 2); 0 without a teacher."""
    if taught is None:
        return output.landmarks.new_zeros(())
    predicted, all_points = output.landmarks[part.rows], torch.ones_like(part.labelled)
    return train.teacher_weight * point_loss(predicted, taught[part.rows], all_points, train.loss)


def point_loss(predicted: Tensor, truth: Tensor, labelled: Tensor, kind: str) -> Tensor:
    """Mean over the coordinates of labelled points; "sse" is their sum, averaged over faces.

    With 68 points the gradient of "mse" is a hundredth of that of "sse", and weight decay that is
    added to the gradient, as in the paper, then outweighs it (docs/paper.md).

    `predicted` and `truth` are (B, K, 2), fractions of the crop, `labelled` (B, K) bool; `kind` is
    "mse", "sse", "l1", "smooth_l1" or "wing".
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
    """Mean over labelled points of the cross-entropy between heatmap and target.

    Heatmaps (b, K, h, w) are unnormalized log-probabilities. The target is a Gaussian at the
    landmark with a standard deviation of one cell; a landmark outside the crop counts 0. Without
    it the loss of the soft-argmax would let maps scatter.
    """
    x, y = (_target(part.landmarks[..., a], heatmaps.shape[3 - a], heatmaps) for a in (0, 1))
    expected = torch.einsum("bky,bkyx,bkx->bk", y, heatmaps, x)
    entropy = torch.logsumexp(heatmaps.flatten(2), dim=-1) - expected
    inside = part.labelled & (part.landmarks.abs() < 0.5).all(dim=-1)
    mean: Tensor = (entropy * inside).sum() / part.labelled.sum().clamp_min(1)
    return mean


def _target(place: Tensor, cells: int, like: Tensor) -> Tensor:
    """(b, K) fractions of a side → (b, K, cells), a Gaussian of one cell, its sum 1."""
    off = cells * (place[..., None] - cell_centres(cells, like))
    return torch.softmax(-off.square() / 2, dim=-1)


def spread_loss(log_scale: Tensor, predicted: Tensor, truth: Tensor, labelled: Tensor) -> Tensor:
    """Mean negative log-likelihood of the labelled points, up to a constant.

    The density of a point at distance r from its landmark is exp(-r / b) / (2π b²), a Laplace
    distribution in the plane, where ln b is `log_scale`, (B, K), and b a fraction of the crop. The
    others are those of `point_loss`.
    """
    distance = torch.linalg.vector_norm(predicted - truth, dim=-1)
    values = _laplace(log_scale, distance)
    mean: Tensor = (values * labelled).sum() / labelled.sum().clamp_min(1)
    return mean


def _laplace(log_scale: Tensor, distance: Tensor) -> Tensor:
    return distance * torch.exp(-log_scale) + 2 * log_scale


def _wing(distance: Tensor) -> Tensor:
    """w·ln(1 + x/ε) below w, x − C above (Feng et al., CVPR 2018)."""
    constant = WING_WIDTH - WING_WIDTH * math.log1p(WING_WIDTH / WING_CURVE)
    curved = WING_WIDTH * torch.log1p(distance / WING_CURVE)
    return torch.where(distance < WING_WIDTH, curved, distance - constant)
