"""The training loop: step, validate, save.

    facealign train 300w data.root=/faces/300w          # starts or resumes
    facealign train 300w data.root=… train.steps=500    # changes a setting
    facealign train 300w data.root=… --nproc 4          # on four GPUs of this machine

All random numbers of step s come from (seed, s) alone, so a run that was stopped and resumed ends
with the same weights as one that was not.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facealign.evaluation import Report, write_predictions
from facealign.training.data.batches import Batch, micro_batch
from facealign.training.distributed.processes import (
    any_process,
    average,
    leads,
    sum_up,
    without_exchange,
    world,
)
from facealign.training.divergence import skip_step
from facealign.training.losses import labelled_points, sum_of_outputs, total_loss
from facealign.training.optimiser import set_learning_rate, update_average
from facealign.training.run import Run
from facealign.training.rundir.checkpoint import save_checkpoint
from facealign.training.rundir.logger import Record, write_report


@dataclass(frozen=True)
class Progress:
    """What `watch` receives after every step."""

    step: int
    steps: int
    loss: float
    images_per_second: float
    report: Report | None
    """Of the validation after this step, if any."""


def fit(
    run: Run,
    watch: Callable[[Progress], None] = lambda progress: None,
    stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Train to the last step; True if it got there, False if `stopped` returned True.

    Either way the checkpoint holds the last step done. Several processes all stop after the same
    step, and only the leading one writes.
    """
    train = run.settings.train
    with Record(run) as record:
        while run.step < train.steps:
            started = time.perf_counter()
            loss = take_step(run)
            run.step += 1
            rate = record.step(time.perf_counter() - started)
            report = None
            if run.step % train.validate_every == 0 or run.step == train.steps:
                report = _validate(run, record)
            watch(Progress(run.step, train.steps, loss, rate, report))
            if any_process(stopped()) and run.step < train.steps:
                _save(run)
                return False
    if leads():
        write_report(run)
    return True


def take_step(run: Run) -> float:
    """One step of the optimiser on the batch of `run.step`; its loss.

    Raises:
        DivergenceError: the loss or gradient is not finite, or the loss far larger than usual.
    """
    train = run.settings.train
    set_learning_rate(run.optimiser, run.step, train)
    batch = run.batches.at(run.step)
    statistics = [buffer.clone() for buffer in run.model.buffers()]  # a forward pass changes them
    run.model.train()
    run.optimiser.zero_grad(set_to_none=True)
    loss = add_gradients(run, batch)
    gradients = [p.grad for p in run.model.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if fault := run.guard.fault(loss, norm.item()):
        for buffer, kept in zip(run.model.buffers(), statistics, strict=True):
            buffer.copy_(kept)
        skip_step(run, batch, fault, loss, norm.item())
        return loss
    if train.clip:
        nn.utils.clip_grads_with_norm_(run.model.parameters(), train.clip, norm)
    run.optimiser.step()
    update_average(run.average, run.model, run.step, train.ema)
    run.guard.record(loss)
    return loss


def add_gradients(run: Run, batch: Batch) -> float:
    """Add the gradient of the whole step's loss to the weights' `grad`; the loss.

    The model is in training mode, and `batch` has this process's rows of the step's batch.
    """
    train = run.settings.train
    points = sum_up(labelled_points(batch))
    losses: list[Tensor] = []
    for number in range(train.accumulate):
        last = number + 1 == train.accumulate
        with nullcontext() if last else without_exchange(run.parallel):
            loss = _loss(run, micro_batch(batch, number, train.accumulate), points)
            loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
    if train.batch_norm == "local":  # each process has its own running statistics
        average([value for value in run.model.buffers() if value.is_floating_point()])
    return sum_up(torch.stack(losses).sum()).item() / world()


def _loss(run: Run, batch: Batch, points: Tensor) -> Tensor:
    """The loss of a micro-batch, times the number of processes, as these average gradients."""
    image = batch.image.contiguous(memory_format=torch.channels_last)
    with run.precision:
        prediction = run.network(image)
        taught = run.teacher.teach(image) if run.teacher else None
    loss = total_loss(prediction, batch, run.settings.train, taught, points)
    if world() > 1:  # all exchange the same gradients, also of heads that one has no faces for
        loss = world() * loss + 0 * sum_of_outputs(prediction)
    return loss


def _validate(run: Run, record: Record) -> Report | None:
    """Score, keep the weights if they are the best so far, log, and save last of all.

    In this order a run that is killed halfway repeats all of it.
    """
    predictions = run.validator.predict(run.average, run.settings.name)
    report = run.validator.score(predictions) if predictions else None
    if predictions is not None and report is not None and report.nme < run.best:
        run.best, run.best_step = report.nme, run.step
        run.spread_scale = run.validator.spread_scale(run.average)
        if leads():
            save_checkpoint(run.weights(), run.folder.best)
            write_predictions(predictions, run.folder.predictions)
    record.validation(report)
    _save(run)
    return report


def _save(run: Run) -> None:
    if leads():
        save_checkpoint(run.state(), run.folder.last, keep=run.folder.previous)
