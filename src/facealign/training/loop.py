"""The training loop: `prepare` → `fit`, which validates and checkpoints as it goes.

    facealign train configs/300w.toml data.root=/faces/300w          # starts, or goes on
    facealign train configs/300w.toml data.root=… train.steps=500    # with a setting changed

Step s draws every random number from (seed, s) alone: a run that was stopped and resumed therefore
ends in the same weights as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from facealign.datasets import Reading
from facealign.datasets.reading import split_by_group
from facealign.errors import DataError
from facealign.evaluation import Report
from facealign.markup import load_markup
from facealign.network import AAN
from facealign.training.batches import BatchMaker, load_regions
from facealign.training.checkpoint import load_newest, save_checkpoint
from facealign.training.loss import total_loss
from facealign.training.runfolder import RunFolder
from facealign.training.settings import Settings, TrainSettings
from facealign.training.validation import Validator

CALIBRATION_FACES = 256


@dataclass(frozen=True)
class Progress:
    """What a watcher hears after every step."""

    step: int
    steps: int
    loss: float
    images_per_second: float
    report: Report | None
    """Of the validation that followed this step, if any."""


@dataclass
class Run:
    """Everything that a step changes, and what it needs."""

    settings: Settings
    folder: RunFolder
    model: AAN
    average: AAN
    """The running average of the weights (EMA); the model itself where `train.ema` is 0."""
    optimiser: torch.optim.Optimizer
    batches: BatchMaker
    validator: Validator
    trained_on: str
    step: int = 0
    best: float = math.inf


def prepare(
    settings: Settings,
    folder: RunFolder,
    reading: Reading,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Run, list[str]]:
    """Build a run, or take it up at its last checkpoint; also one line for each unreadable image.

    Args:
        settings: of the run.
        folder: where it lives.
        reading: the labelled faces.
        advance: called after each face that is read.

    Raises:
        DataError: no face is left to train on, or the checkpoint is damaged.

    """
    if settings.train.threads:
        torch.set_num_threads(settings.train.threads)
    torch.manual_seed(settings.train.seed)
    training, held_out = split_by_group(
        reading.samples, settings.data.validation, settings.train.seed
    )
    size, margin = settings.model.input_size, settings.data.margin
    regions, problems = load_regions(training, size, margin, advance)
    validator, unread = Validator.load(held_out, size, margin, reading.dataset, advance)
    if not len(regions):
        raise DataError(f"{reading.dataset} {reading.subset}: no face is left to train on")
    markup = load_markup(regions.samples[0].markup)
    if markup.count != settings.model.points:
        raise DataError(
            f"{reading.dataset} has {markup.count} points, but model.points is "
            f"{settings.model.points}: set model.points={markup.count}"
        )
    batches = BatchMaker(
        regions, markup, size, settings.train.batch, settings.augment, settings.train.seed
    )
    run = _build(settings, folder, batches, validator, f"{reading.dataset} {reading.subset}")
    return run, problems + unread + _resume(run)


def _build(
    settings: Settings, folder: RunFolder, batches: BatchMaker, validator: Validator, data: str
) -> Run:
    model = AAN(settings.model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained_on = f"{data}, {len(batches.regions)} faces"
    return Run(
        settings,
        folder,
        model,
        AAN(settings.model) if settings.train.ema else model,
        _optimiser(model, settings.train),
        batches,
        validator,
        trained_on,
    )


def fit(
    run: Run,
    watch: Callable[[Progress], None] = lambda progress: None,
    stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Train to the last step; True when it got there, False when `stopped` said so.

    Either way the last step done is in the checkpoint.
    """
    train = run.settings.train
    precision = _autocast(train.precision)
    while run.step < train.steps:
        started = time.perf_counter()
        loss = _step(run, precision)
        run.step += 1
        rate = train.batch / (time.perf_counter() - started)
        report = None
        if run.step % train.validate_every == 0 or run.step == train.steps:
            report = _validate(run, loss)
        watch(Progress(run.step, train.steps, loss, rate, report))
        if stopped() and run.step < train.steps:
            _save(run)
            return False
    return True


def _step(run: Run, precision: torch.autocast) -> float:
    train = run.settings.train
    for group in run.optimiser.param_groups:
        group["lr"] = train.learning_rate * learning_rate_factor(run.step, train)
    batch = run.batches.at(run.step)
    image = batch.image.contiguous(memory_format=torch.channels_last)
    run.model.train()
    with precision:
        prediction = run.model(image)
    loss = total_loss(prediction, batch, train.loss, train.early_weight)
    if not torch.isfinite(loss):
        raise DataError(
            f"step {run.step}: the loss is {loss.item()}; lower train.learning_rate or set "
            "train.clip"
        )
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if train.clip:
        nn.utils.clip_grad_norm_(run.model.parameters(), train.clip)
    run.optimiser.step()
    _update_average(run)
    return loss.item()


def learning_rate_factor(step: int, train: TrainSettings) -> float:
    """The learning rate of a step as a fraction of `train.learning_rate`."""
    warm = min(1.0, (step + 1) / train.warmup) if train.warmup else 1.0
    done = step / train.steps
    if train.schedule == "cosine":
        return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
    if train.schedule == "step":
        return warm * float(0.1 ** sum(done >= milestone for milestone in train.milestones))
    return warm


def _optimiser(model: AAN, train: TrainSettings) -> torch.optim.Optimizer:
    if train.optimiser == "adam":
        return torch.optim.Adam(
            model.parameters(), train.learning_rate, weight_decay=train.weight_decay, fused=True
        )
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": train.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, train.learning_rate, fused=True)


def _autocast(precision: str) -> torch.autocast:
    """The convolutions' precision; bfloat16 only where the processor has instructions for it."""
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    enabled = precision == "bfloat16" or (precision == "auto" and fast)
    return torch.autocast("cpu", torch.bfloat16, enabled=enabled)


@torch.no_grad()
def _calibrate(run: Run) -> None:
    """Fit the untrained network to the data: NE's spread, and the mean face as the heads' bias."""
    batches = run.batches
    wanted = max(1, math.ceil(min(CALIBRATION_FACES, len(batches.regions)) / batches.batch))
    first = [batches.at(step) for step in range(wanted)]
    truth = torch.cat([batch.landmarks for batch in first])
    visible = torch.cat([batch.visible for batch in first])[..., None]
    mean = (truth * visible).sum(dim=0) / visible.sum(dim=0).clamp_min(1)
    run.model.train()
    run.model.calibrate(first[0].image, mean)


@torch.no_grad()
def _update_average(run: Run) -> None:
    if run.average is run.model:
        return
    decay = min(run.settings.train.ema, (1 + run.step) / (10 + run.step))
    source, target = run.model.state_dict(), run.average.state_dict()
    names = [name for name, value in target.items() if value.is_floating_point()]
    torch._foreach_lerp_([target[n] for n in names], [source[n] for n in names], 1 - decay)


def _validate(run: Run, loss: float) -> Report | None:
    report = run.validator.report(run.average)
    if report is not None and report.nme < run.best:
        run.best = report.nme
        save_checkpoint(_weights(run), run.folder.best)
    _save(run)
    entry = {"step": run.step, "loss": loss, "report": report.to_dict() if report else None}
    run.folder.log(entry)
    return report


def _weights(run: Run) -> dict[str, Any]:
    """What export needs of a run."""
    return {
        "step": run.step,
        "settings": asdict(run.settings),
        "weights": run.average.state_dict(),
        "markup": run.batches.regions.samples[0].markup,
        "trained_on": run.trained_on,
    }


def _save(run: Run) -> None:
    state = _weights(run) | {
        "model": run.model.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "best": run.best,
    }
    save_checkpoint(state, run.folder.last, keep=run.folder.previous)


def _resume(run: Run) -> list[str]:
    """Go on from the newest whole checkpoint, or begin; one line for each damaged checkpoint."""
    state, problems = load_newest([run.folder.last, run.folder.previous])
    if state is None:
        _calibrate(run)
        run.average.load_state_dict(run.model.state_dict())
        return []
    run.folder.check_resumable(run.settings, state["settings"])
    run.model.load_state_dict(state["model"])
    run.average.load_state_dict(state["weights"])
    run.optimiser.load_state_dict(state["optimiser"])
    run.step, run.best = state["step"], state["best"]
    return problems
