"""The training loop: `fit` a prepared `Run`; it validates and checkpoints as it goes.

    facealign train configs/300w.toml data.root=/faces/300w          # starts, or goes on
    facealign train configs/300w.toml data.root=… train.steps=500    # with a setting changed
    facealign train configs/300w.toml data.root=… --nproc 4          # on four GPUs of this machine

Step s draws every random number from (seed, s) alone: a run that was stopped and resumed therefore
ends in the same weights as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from facealign.errors import DataError
from facealign.evaluation import Report
from facealign.training.checkpoint import save_checkpoint
from facealign.training.distributed import any_process, leads
from facealign.training.gradients import add_gradients
from facealign.training.optimise import set_learning_rate, update_average
from facealign.training.run import Run


@dataclass(frozen=True)
class Progress:
    """What a watcher hears after every step."""

    step: int
    steps: int
    loss: float
    images_per_second: float
    report: Report | None
    """Of the validation that followed this step, if any."""


def fit(
    run: Run,
    watch: Callable[[Progress], None] = lambda progress: None,
    stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Train to the last step; True when it got there, False when `stopped` said so.

    Either way the last step done is in the checkpoint. Of several processes all stop after the
    same step, and the leading one alone writes.
    """
    train = run.settings.train
    while run.step < train.steps:
        started = time.perf_counter()
        loss = take_step(run)
        run.step += 1
        rate = train.batch / (time.perf_counter() - started)
        report = None
        if run.step % train.validate_every == 0 or run.step == train.steps:
            report = _validate(run, loss)
        watch(Progress(run.step, train.steps, loss, rate, report))
        if any_process(stopped()) and run.step < train.steps:
            _save(run)
            return False
    return True


def take_step(run: Run) -> float:
    """One step of the optimiser on the batch of `run.step`; its loss."""
    train = run.settings.train
    set_learning_rate(run.optimiser, run.step, train)
    run.model.train()
    run.optimiser.zero_grad(set_to_none=True)
    loss = add_gradients(run, run.batches.at(run.step))
    if not math.isfinite(loss):
        raise DataError(
            f"step {run.step}: the loss is {loss}; lower train.learning_rate or set train.clip"
        )
    if train.clip:
        nn.utils.clip_grad_norm_(run.model.parameters(), train.clip)
    run.optimiser.step()
    update_average(run.average, run.model, run.step, train.ema)
    return loss


def _validate(run: Run, loss: float) -> Report | None:
    report = run.validator.report(run.average)
    if report is not None and report.nme < run.best:
        run.best = report.nme
        if leads():
            save_checkpoint(run.weights(), run.folder.best)
    _save(run)
    if leads():
        entry = {"step": run.step, "loss": loss, "report": report.to_dict() if report else None}
        run.folder.log(entry)
    return report


def _save(run: Run) -> None:
    if leads():
        save_checkpoint(run.state(), run.folder.last, keep=run.folder.previous)
