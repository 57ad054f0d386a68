"""Typed settings of a run: everything that decides its outcome, with a line under each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_type_hints

from msgspec import Meta

from facealign.errors import SettingsError
from facealign.network.settings import AANSettings


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which labelled faces, and how they are cropped."""

    dataset: str = "300w"
    """Name of the data set's reader."""
    root: str = ""
    """Folder of the data set."""
    subset: str = "train"
    """Subset to train on."""
    options: dict[str, str | int] = field(default_factory=dict)
    """What the data set's reader takes besides, such as `training_faces` of a part of AFLW."""
    title: str = ""
    """What the model's card calls it; empty is the names of data set and subset."""
    validation: Annotated[float, Meta(ge=0, le=0.9)] = 0.1
    """Share of the photos held out to choose the best checkpoint; no photo is in both parts."""
    folds: Annotated[int, Meta(ge=0, le=1000)] = 0
    """Parts of a cross-validation, which take the place of `validation`; 0 is none."""
    fold: int = 0
    """Which of the folds is held out, from 0; `facealign train --folds` does them all."""
    margin: Annotated[float, Meta(ge=0, le=2)] = 0.15
    """What the crop adds on each side of the box, as a fraction of the box size."""
    window: Annotated[int, Meta(ge=0, le=10**6)] = 0
    """Shards whose faces are shuffled together, of packed data: a slow disk reads those alone.
    0 shuffles all faces, as for data that is not packed."""
    readers: Annotated[int, Meta(ge=0, le=64)] = 2
    """Threads that read packed faces, for the next step while this one runs; 0 reads when needed.
    The batches are the same."""


@dataclass(frozen=True, kw_only=True)
class FurtherData:
    """Faces of another data set in every batch, cropped like those of `data`.

    With the point scheme of `data` they train its head; each other scheme gets a head of its own.
    """

    dataset: str
    """Name of the data set's reader."""
    root: str = ""
    """Folder of the data set."""
    subset: str = "train"
    """Subset to train on."""
    options: dict[str, str | int] = field(default_factory=dict)
    """What the data set's reader takes besides."""
    title: str = ""
    """What the model's card calls it; empty is the names of data set and subset."""
    share: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    """Its faces in a batch for each face of `data`."""


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Random changes of a training image; every strength 0 is the paper's "no augmentation"."""

    turn: Annotated[float, Meta(ge=0, le=60)] = 0.0
    """Standard deviation of the turn, in degrees; cut at three times this."""
    large_turn: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a turn anywhere within `large_turn_angle` instead."""
    large_turn_angle: Annotated[float, Meta(ge=0, le=180)] = 60.0
    """Degrees to either side."""
    scale: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    """Standard deviation of the logarithm of the crop's size."""
    shift: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    """Standard deviation of the crop's centre, as a fraction of its side."""
    detector: bool = False
    """Also shift and scale the crop as the bundled detector's boxes stray."""
    aspect: Annotated[float, Meta(ge=0, le=0.3)] = 0.0
    """Standard deviation of the logarithm of width over height of what the crop shows."""
    mirror: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of the mirror image, its points in the markup's mirror order."""
    occlude: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a rectangle, an ellipse or fingers over part of the face."""
    sunglasses: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of dark glasses, over the eyes by their points."""
    face_mask: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a mask from the nose to below the chin, by the eyes' and mouth's points."""
    shadow: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of light from one side or a cast shadow."""
    colour: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Strength of the change of brightness, contrast, tint and gamma; 0.2 is moderate."""
    gray: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a gray image."""
    blur: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of an image out of focus: Gaussian, up to 1.6 % of its side."""
    motion: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of motion blur: a streak of up to 8 % of the side, in any direction."""
    low_resolution: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of an image reduced by a factor of 1.5 to 4 and enlarged again."""
    noise: Annotated[float, Meta(ge=0, le=255)] = 0.0
    """Largest standard deviation of pixel noise, in gray levels; half of the images get some."""
    jpeg: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of JPEG's blocks, at a quality of 10 to 60."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The loop. The defaults are the paper's recipe but for the number of steps."""

    steps: Annotated[int, Meta(ge=1, le=10**9)] = 2000
    """Optimiser steps in all."""
    batch: Annotated[int, Meta(ge=2, le=65536)] = 64
    """Faces a step, of all processes and micro-batches together."""
    accumulate: Annotated[int, Meta(ge=1, le=65536)] = 1
    """Micro-batches a step: less memory, the same gradient; batch normalisation sees each alone."""
    batch_norm: Literal["sync", "local", "frozen"] = "sync"
    """Whose statistics normalise: "sync" those of all processes' rows, "local" each process's own,
    "frozen" those of `start`, which stay as they are."""
    optimiser: Literal["adam", "adamw"] = "adam"
    """"adam" adds the weight decay to the gradient (the paper's), "adamw" decouples it."""
    learning_rate: Annotated[float, Meta(ge=0, le=10)] = 1e-3
    """At the start, after the warm-up."""
    head_rate: Annotated[float, Meta(ge=0, le=100)] = 1.0
    """Learning rate of the heads (NE, output layer, early heads) as a fraction of it: they have
    thousands of inputs, and where every weight moves alike the more inputs the larger the step.
    Of `model.heatmaps`, which has not, leave it at 1."""
    schedule: Literal["step", "cosine", "constant"] = "step"
    """"step" divides by 10 at each milestone, "cosine" falls to 1 % at the end."""
    milestones: tuple[float, ...] = (0.5, 0.8)
    """Where "step" steps, as fractions of all steps."""
    warmup: Annotated[int, Meta(ge=0, le=10**9)] = 0
    """Steps over which the learning rate rises from 0."""
    weight_decay: Annotated[float, Meta(ge=0, le=10)] = 1e-3
    """Not applied to biases and batch normalisation by "adamw"."""
    loss: Literal["mse", "sse", "l1", "smooth_l1", "wing"] = "sse"
    """Over coordinates as fractions of the crop; "sse" sums a face's squares, which "mse" averages;
    "wing" is Feng et al. 2018."""
    early_weight: Annotated[float, Meta(ge=0, le=1e6)] = 1.0
    """Weight of each early head's loss."""
    heatmap_weight: Annotated[float, Meta(ge=0, le=1e6)] = 0.05
    """Weight of the cross-entropy of `model.heatmaps`, beside the loss of their mean places."""
    spread_weight: Annotated[float, Meta(ge=0, le=1e6)] = 0.1
    """Weight of the likelihood by which `model.spread` learns."""
    spread_joint: bool = False
    """Whether that likelihood also moves the landmarks, or only learns how far off they are."""
    visibility_weight: Annotated[float, Meta(ge=0, le=1e6)] = 0.1
    """Weight of the loss by which `model.visibility` learns, where hidden points are labelled."""
    clip: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    """Largest norm of the gradient; 0 leaves it alone."""
    ema: Annotated[float, Meta(ge=0, le=0.999999)] = 0.0
    """Decay of the running average of the weights that is validated and exported; 0 is off."""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    """Of every random number of the run."""
    start: str = ""
    """Checkpoint, exported file or bundled model whose weights the network begins with, head by
    head of the same point scheme. One of larger `model.widths` begins by saying the same."""
    learns: tuple[str, ...] = ()
    """Words in the names of the weights that learn, such as "heads" or "spread"; the others stay
    as `start` has them. Empty is all."""
    teacher: str = ""
    """Checkpoint of a network with the same markup whose landmarks are a second truth."""
    teacher_weight: Annotated[float, Meta(ge=0, le=1e6)] = 1.0
    """Weight of the loss against the teacher's landmarks, beside 1 for the labels."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """"auto" is a GPU where there is one."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the convolutions; "auto" is bfloat16 where the processor has instructions for it."""
    compile: bool = False
    """Compile the network before the first step, which takes a minute."""
    threads: Annotated[int, Meta(ge=0, le=4096)] = 0
    """Of PyTorch; 0 leaves its own choice."""
    timeout: Annotated[float, Meta(ge=1, le=1e6)] = 600.0
    """Seconds after which a process gives up waiting for the others, and may take to stop."""
    validate_every: Annotated[int, Meta(ge=1, le=10**9)] = 200
    """Steps between validations; a checkpoint is written at each."""
    log_every: Annotated[int, Meta(ge=1, le=10**9)] = 50
    """Steps between lines of the log: the loss, the learning rate, the speed."""
    tensorboard: bool = True
    """Whether the log is also written for TensorBoard, which takes its package half a second."""
    divergence: Annotated[float, Meta(ge=0, le=1e9)] = 20.0
    """A step diverges when its loss is over this many times the median of the last 100, and a run
    when that median is over this many times the first loss; 0 is off. A loss or a gradient that is
    not finite always diverges."""
    on_divergence: Literal["stop", "skip"] = "stop"
    """What to do about it: end the run, or skip the step, up to ten in a row."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides the outcome of a run."""

    name: str = "aan"
    """Name of the run and of the model that comes of it."""
    licence: str = "not stated; the terms of the training data may bind the weights"
    """Terms of the weights; they travel inside the exported file."""
    data: DataSettings = field(default_factory=DataSettings)
    further: tuple[FurtherData, ...] = ()
    """More data sets, as [[further]] tables; `data` alone is validated on."""
    model: AANSettings = field(default_factory=AANSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    train: TrainSettings = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        for place, section in self._sections():
            check_ranges(section, place)
        folds, fold = self.data.folds, self.data.fold
        if folds == 1 or not 0 <= fold < max(folds, 1):
            raise SettingsError(
                f"data.fold = {fold}, data.folds = {folds}: two folds or more, counted from 0"
            )
        if self.train.batch_norm == "frozen" and not self.train.start:
            raise SettingsError("train.batch_norm = frozen needs the statistics of train.start")
        if self.train.learns and self.train.batch_norm != "frozen":
            raise SettingsError(
                "train.learns keeps weights of train.start: set train.batch_norm=frozen, which "
                "keeps the statistics that belong to them"
            )

    def _sections(self) -> Iterator[tuple[str, object]]:
        yield from (("data", self.data), ("augment", self.augment), ("train", self.train))
        yield from ((f"further.{number}", extra) for number, extra in enumerate(self.further))


def check_ranges(section: object, place: str) -> None:
    """Refuse values outside the ranges that stand beside the fields (`msgspec.Meta`).

    Raises:
        SettingsError: a value is out of range.

    """
    for name, hint in get_type_hints(type(section), include_extras=True).items():
        value = getattr(section, name)
        for meta in getattr(hint, "__metadata__", ()):
            above = meta.gt < value if meta.gt is not None else meta.ge <= value
            if not (above and value <= meta.le):  # also true of NaN
                low = meta.gt if meta.gt is not None else meta.ge
                raise SettingsError(f"{place}.{name} = {value}: must be in {low} … {meta.le}")
