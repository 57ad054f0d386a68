"""The gradient of a step's loss, added up over micro-batches and processes."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from facealign.network import Prediction
from facealign.training.batchnorm import average_statistics
from facealign.training.data.batches import Batch
from facealign.training.data.micro_batch import micro_batch
from facealign.training.distributed import sum_up, without_exchange, world
from facealign.training.losses import labelled_points, total_loss
from facealign.training.run import Run


def add_gradients(run: Run, batch: Batch) -> float:
    """Put the gradient of the whole step's loss into the weights' `grad`; the loss.

    Args:
        run: its model is training.
        batch: this process's rows of the step's batch.

    """
    train = run.settings.train
    points = sum_up(labelled_points(batch))
    losses: list[Tensor] = []
    for number in range(train.accumulate):
        last = number + 1 == train.accumulate
        with contextlib.nullcontext() if last else without_exchange(run.network):
            loss = _loss(run, micro_batch(batch, number, train.accumulate), points)
            loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
    average_statistics(run.model, train.batch_norm)
    return sum_up(torch.stack(losses).sum()).item() / world()


def _loss(run: Run, batch: Batch, points: Tensor) -> Tensor:
    """Of a micro-batch, times the number of processes: their gradients are averaged, not summed."""
    image = batch.image.contiguous(memory_format=torch.channels_last)
    with run.precision:
        prediction = run.network(image)
        taught = run.teacher.teach(image) if run.teacher else None
    loss = total_loss(prediction, batch, run.settings.train, taught, points)
    if world() > 1:
        loss = world() * loss + 0 * _sum_of_all(prediction)
    return loss


def _sum_of_all(prediction: Prediction) -> Tensor:
    """Of every output: all processes exchange the same gradients, also of heads unused in one."""
    outputs = [
        output
        for head in prediction.heads
        for output in (head.landmarks, *head.early, head.log_spread, head.visibility)
        if output is not None
    ]
    return torch.stack([output.sum() for output in outputs]).sum()
