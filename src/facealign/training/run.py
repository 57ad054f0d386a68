"""A run: its data, network and optimiser, new from its settings or resumed from its checkpoint."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import torch
from torch import nn

from facealign.datasets import Reading
from facealign.datasets.reading import fold_by_group, split_by_group
from facealign.errors import DataError, SettingsError
from facealign.markup import own_scheme
from facealign.network import Network, build_network
from facealign.training.data.batches import Batch, BatchLoader, own_rows
from facealign.training.data.regions import Faces, open_faces
from facealign.training.data.sampler import Feed
from facealign.training.device import autocast, choose_device, keep_freed_memory
from facealign.training.distill import Teacher
from facealign.training.distributed.batchnorm import fit_batch_norm
from facealign.training.distributed.processes import (
    check_alike,
    from_leader,
    leads,
    rank,
    share_weights,
    spread_out,
    world,
)
from facealign.training.divergence import LossGuard
from facealign.training.export.restore import take_statistics
from facealign.training.optimiser import freeze_all_but, make_optimiser
from facealign.training.pretrained import Start, inherited, load_start, read_start
from facealign.training.rundir.checkpoint import fitting, load_newest
from facealign.training.rundir.fingerprint import fingerprint
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import DataSettings, Settings, fit_heads
from facealign.training.validation import Validator, open_validator
from facealign.types import Progress, Sample, silent

CALIBRATION_FACES = 256


@dataclass
class Run:
    """Everything that a step needs and changes."""

    settings: Settings
    folder: RunFolder
    model: Network
    average: Network
    """The running average of the weights (EMA); the model itself if `train.ema` is 0."""
    optimiser: torch.optim.Optimizer
    batches: BatchLoader
    validator: Validator
    markups: tuple[str, ...]
    """Names of the point schemes of the heads."""
    trained_on: str
    precision: torch.autocast
    parallel: nn.Module
    """The model inside what averages its gradients over the processes, if there are several."""
    network: Callable[[torch.Tensor], Any]
    """`parallel` as a step calls it: compiled if `train.compile`."""
    guard: LossGuard
    teacher: Teacher | None = None
    step: int = 0
    best: float = math.inf
    best_step: int = 0
    spread_scale: float = 1.0
    """Factor on the spreads at export, fitted on the held-out faces at the best step."""

    def weights(self) -> dict[str, Any]:
        """What export needs of a run."""
        return {
            "step": self.step,
            "settings": asdict(self.settings),
            "weights": self.average.state_dict(),
            "markups": list(self.markups),
            "schemes": [scheme for name in self.markups if (scheme := own_scheme(name))],
            "trained_on": self.trained_on,
            "spread_scale": self.spread_scale,
        }

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return self.weights() | {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "best_step": self.best_step,
            "guard": self.guard.state(),
        }


def prepare(
    settings: Settings, folder: RunFolder, readings: Sequence[Reading], progress: Progress = silent
) -> Run:
    """Build a run or resume it from its last checkpoint; unreadable images are reported.

    `readings` are the labelled faces of `settings.data`, then those of `settings.further`.

    Raises:
        DataError: a data set has no face to train on, or the checkpoint is damaged.
        ModelError: the exported file of `train.start` cannot be read.
        SettingsError: the settings do not fit the data, this machine or `train.start`.
    """
    train, data = settings.train, settings.data
    device = choose_device(train)
    if device.type == "cpu":
        keep_freed_memory()
    if train.threads:
        torch.set_num_threads(train.threads)
    torch.manual_seed(train.seed)
    first, *further = readings
    training, held_out = hold_out(first, data, train.seed)
    validator = open_validator(first, held_out, settings, progress)
    faces: list[Faces] = []
    crops = settings.model.input_size, data.margin, data.readers
    for reading, samples in [(first, training), *((r, r.samples) for r in further)]:
        found = open_faces(reading, samples, *crops, progress)
        if not len(found):
            raise DataError(_none_left(reading, samples))
        faces.append(found)
    check_alike("numbers of readable faces", [*map(len, faces), len(validator.crops)])
    run = build(settings, folder, readings, faces, validator, device)
    resume(run, fingerprint(readings, faces, [sample.id for sample in validator.samples]))
    return run


def _none_left(reading: Reading, samples: Sequence[Sample]) -> str:
    """Why there is no face to train on, and what to do."""
    name = f"{reading.dataset} {reading.subset}"
    if samples:
        return f"{name}: none of its {len(samples)} pictures could be read: see the lines above"
    if reading.samples:
        return (
            f"{name}: its {len(reading.samples)} faces are all held out for validation: lower "
            "data.validation, or label more photos"
        )
    return f"{name}: no face could be read from it: see the lines above, and facealign data check"


def hold_out(reading: Reading, data: DataSettings, seed: int) -> tuple[list[Sample], list[Sample]]:
    """The faces to train on and those held out to validate on; no group is in both."""
    lost = [face.group for face in reading.packed.index.left_out] if reading.packed else []
    if data.folds:
        parts = fold_by_group(reading.samples, data.folds, data.fold, seed, lost)
    else:
        parts = split_by_group(reading.samples, data.validation, seed, lost)
    train, held_out = (
        [s for s in part if PurePosixPath(s.id).with_suffix("").as_posix() not in data.leave_out]
        for part in parts
    )
    return train, held_out


def build(
    settings: Settings,
    folder: RunFolder,
    readings: Sequence[Reading],
    faces: Sequence[Faces],
    validator: Validator,
    device: torch.device,
) -> Run:
    """The run at step 0, its weights not yet calibrated on the data."""
    markups = tuple(dict.fromkeys(f.markup for f in faces))
    settings = fit_heads(settings, markups)
    window, further = settings.data.window, settings.further
    shares = [(1.0, False), *((extra.share, extra.background) for extra in further)]
    feeds = [
        Feed(found, share, markups.index(found.markup), window, background)
        for found, (share, background) in zip(faces, shares, strict=True)
    ]
    train = settings.train
    batches = BatchLoader(
        feeds,
        settings.model.input_size,
        train.batch,
        settings.augment,
        train.seed,
        device,
        settings.data.margin,
        own_rows(train.batch, train.accumulate, rank(), world()),
        prefetch=bool(settings.data.readers) and any(found.blocks for found in faces),
    )
    model = _network(settings, device)
    freeze_all_but(model, train.learns)
    fit_batch_norm(model, train.batch_norm)
    parallel = spread_out(model)
    titles = [settings.data.title, *(extra.title for extra in further)]
    return Run(
        settings,
        folder,
        model,
        _network(settings, device) if train.ema else model,
        make_optimiser(model, train),
        batches,
        validator,
        markups,
        "; ".join(_counted(*each) for each in zip(titles, readings, feeds, strict=True)),
        autocast(device, train.precision),
        parallel,
        torch.compile(parallel) if train.compile else parallel,
        LossGuard(train.divergence),
        Teacher.load(train, markups, device),
    )


def _counted(title: str, reading: Reading, feed: Feed) -> str:
    """A data set and its size, as a model's card says it."""
    what = "crops" if feed.background else "faces"
    return f"{title or f'{reading.dataset} {reading.subset}'}, {len(feed.faces)} {what}"


def _network(settings: Settings, device: torch.device) -> Network:
    model = build_network(settings.model).to(device)
    return model.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def resume(run: Run, data: dict[str, Any]) -> None:
    """Load the last checkpoint of a run at step 0 if there is one, else initialize the weights.

    `data` is the fingerprint of its data.
    """
    state = from_leader(lambda: load_newest([run.folder.last, run.folder.previous]))
    if state is None:
        if leads():
            run.folder.write_data(data)
        start = read_start(run.settings)
        run.trained_on += inherited(run.settings.train, start, run.trained_on)
        _check_frozen(run.settings, start)
        _initialize(run, start)
        return
    run.folder.check_resumable(run.settings, state["settings"])
    from_leader(lambda: run.folder.check_data(data))
    with fitting(run.folder.path):
        run.model.load_state_dict(state["model"])
        run.average.load_state_dict(state["weights"])
        run.optimiser.load_state_dict(state["optimiser"])
        run.step, run.best = state["step"], state["best"]
        run.trained_on = state["trained_on"]
        run.best_step, run.spread_scale = state["best_step"], state["spread_scale"]
        run.guard.load(state["guard"])


def _check_frozen(settings: Settings, start: Start | None) -> None:
    """Refuse to freeze a heatmap decoder's batch normalisation before it has any statistics."""
    known = start is not None and "heads.0.maps.weight" in start.weights
    if settings.model.draws_heatmaps and settings.train.batch_norm == "frozen" and not known:
        raise SettingsError(
            "train.batch_norm = frozen: train.start has no statistics for model.heatmaps; start "
            "from a network with heatmaps, or set train.batch_norm=sync to learn them"
        )


def _initialize(run: Run, start: Start | None) -> None:
    """Set the weights of step 0, in all processes to those of the leading one."""
    batches = run.batches
    faces = max(1, min(CALIBRATION_FACES, len(batches.feeds[0].faces)))
    wanted = math.ceil(faces / run.settings.train.batch)
    first = [batches.whole_at(step) for step in range(wanted)]
    load_start(run.model, (), start)  # the trunk, for the features that calibrate the heads
    _calibrate(run, first)
    load_start(run.model, run.markups, start)  # the heads, and the statistics as they were
    if start and not start.measured and run.settings.train.batch_norm != "frozen":
        take_statistics(run.model, [batch.image for batch in first])
    share_weights(run.model)
    run.average.load_state_dict(run.model.state_dict())


@torch.no_grad()
def _calibrate(run: Run, first: Sequence[Batch]) -> None:
    """Fit the untrained heads to the data: NE's bandwidth, and the mean face as output bias."""
    means: list[torch.Tensor] = []
    for head in range(len(run.markups)):
        parts = [part for batch in first for part in batch.parts if part.head == head]
        truth = torch.cat([part.landmarks for part in parts])
        labelled = torch.cat([part.labelled for part in parts])[..., None]
        means.append((truth * labelled).sum(dim=0) / labelled.sum(dim=0).clamp_min(1))
    run.model.train()
    run.model.calibrate(first[0].image, means)
