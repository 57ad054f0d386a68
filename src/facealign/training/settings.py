"""Typed settings of a run: everything that affects its outcome, with a line below each."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, get_type_hints

from msgspec import Meta

from facealign.errors import DataError, SettingsError
from facealign.markup import load_markup
from facealign.network.settings import AANSettings


@dataclass(frozen=True, kw_only=True)
class LabelledFaces:
    """A subset of a data set."""

    dataset: str
    """Name of the data set's reader."""
    root: str = ""
    """Folder of the data set."""
    subset: str = "train"
    """Subset to train on."""
    markup: str = ""
    """Point scheme of labels in a general format: a known name, or a .toml file."""
    options: dict[str, str | int] = field(default_factory=dict)
    """More options of the data set's reader, such as `training_faces` of a part of AFLW."""
    title: str = ""
    """Its name on the model's card; empty means the names of data set and subset."""


@dataclass(frozen=True, kw_only=True)
class DataSettings(LabelledFaces):
    """The labelled faces, and how they are cropped."""

    dataset: str = "300w"
    validation: Annotated[float, Meta(ge=0, le=0.9)] = 0.1
    """Fraction of the photos held out to choose the best checkpoint; no photo is in both parts."""
    leave_out: tuple[str, ...] = ()
    """Ids of faces that are neither trained on nor validated on, without their suffix, such as
    photos that are also in a test set."""
    folds: Annotated[int, Meta(ge=0, le=1000)] = 0
    """Number of folds of a cross-validation, which replaces `validation`; 0 is off."""
    fold: int = 0
    """The fold held out, from 0; `facealign train --folds` runs them all."""
    margin: Annotated[float, Meta(ge=0, le=2)] = 0.15
    """Margin of the crop on each side of the box, as a fraction of the box size."""
    window: Annotated[int, Meta(ge=0, le=10**6)] = 0
    """Number of shards of packed data whose faces are shuffled together, to suit a slow disk; 0
    shuffles all faces, as for data that is not packed."""
    readers: Annotated[int, Meta(ge=0, le=64)] = 2
    """Threads that read packed faces ahead of the step that needs them; 0 reads in the step
    itself. The batches are the same."""


@dataclass(frozen=True, kw_only=True)
class FurtherData(LabelledFaces):
    """Faces of another data set in every batch, cropped like those of `data`.

    With the point scheme of `data` they train the same head; every other scheme gets its own.
    """

    share: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    """Number of its faces in a batch for each face of `data`."""
    background: bool = False
    """Whether its boxes hold no face, such as those that `facealign align` found in photos without
    any. Their points are ignored; scores and visibility learn to be low there."""


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Random changes to a training image; all at 0 is the paper's "no augmentation"."""

    turn: Annotated[float, Meta(ge=0, le=60)] = 0.0
    """Standard deviation of the rotation, in degrees; clipped at three times this."""
    large_turn: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a uniform rotation within `large_turn_angle` instead."""
    large_turn_angle: Annotated[float, Meta(ge=0, le=180)] = 60.0
    """In degrees, to either side."""
    scale: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    """Standard deviation of the logarithm of the crop's size."""
    shift: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    """Standard deviation of the crop's centre, as a fraction of its side."""
    detector: bool = False
    """Whether to also shift and scale the crop by the errors of the bundled detector's boxes."""
    aspect: Annotated[float, Meta(ge=0, le=0.3)] = 0.0
    """Standard deviation of the logarithm of the aspect ratio."""
    mirror: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a horizontal flip, with the points in the markup's mirror order."""
    occlude: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a rectangle, an ellipse or fingers over part of the face."""
    sunglasses: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of sunglasses, placed by the eyes' points."""
    face_mask: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a mask from nose to chin, placed by the points of eyes and mouth."""
    shadow: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of light from one side, or of a cast shadow."""
    colour: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Strength of the change of brightness, contrast, tint and gamma; 0.2 is moderate."""
    gray: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of a gray image."""
    blur: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of Gaussian blur, up to 1.6 % of the image's side."""
    motion: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of motion blur, up to 8 % of the image's side, in any direction."""
    low_resolution: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of downsampling by a factor of 1.5 to 4, and upsampling again."""
    noise: Annotated[float, Meta(ge=0, le=255)] = 0.0
    """Largest standard deviation of pixel noise, in gray levels; half of the images get noise."""
    jpeg: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Probability of JPEG compression, at a quality of 10 to 60."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The training loop. The defaults are the paper's recipe, except for the number of steps."""

    steps: Annotated[int, Meta(ge=1, le=10**9)] = 2000
    """Number of optimiser steps."""
    batch: Annotated[int, Meta(ge=2, le=65536)] = 64
    """Faces per step, over all processes and micro-batches."""
    accumulate: Annotated[int, Meta(ge=1, le=65536)] = 1
    """Micro-batches per step: less memory, the same gradient; batch normalisation sees one at a
    time."""
    batch_norm: Literal["sync", "local", "frozen"] = "sync"
    """Which statistics normalise: "sync" those of all processes, "local" each process's own,
    "frozen" those of `start`, unchanged."""
    optimiser: Literal["adam", "adamw"] = "adam"
    """"adam" adds the weight decay to the gradient (the paper's), "adamw" decouples it."""
    learning_rate: Annotated[float, Meta(ge=0, le=10)] = 1e-3
    """Its value after the warm-up."""
    head_rate: Annotated[float, Meta(ge=0, le=100)] = 1.0
    """Learning rate of the heads (NE, output layer, early heads) as a fraction of `learning_rate`:
    Adam moves every weight alike, and they have thousands of inputs, so their outputs jump. Leave
    it at 1 with `model.heatmaps`, whose layers have few inputs."""
    schedule: Literal["step", "cosine", "constant"] = "step"
    """"step" divides by 10 at each milestone, "cosine" falls to 1 % at the end."""
    milestones: tuple[float, ...] = (0.5, 0.8)
    """When "step" divides, as fractions of all steps."""
    warmup: Annotated[int, Meta(ge=0, le=10**9)] = 0
    """Number of steps over which the learning rate rises from 0."""
    weight_decay: Annotated[float, Meta(ge=0, le=10)] = 1e-3
    """Weight decay; "adamw" does not apply it to biases and batch normalisation."""
    loss: Literal["mse", "sse", "l1", "smooth_l1", "wing"] = "sse"
    """Loss of coordinates as fractions of the crop. "sse" sums the squared errors of a face, "mse"
    averages them; "wing" is from Feng et al. 2018."""
    early_weight: Annotated[float, Meta(ge=0, le=1e6)] = 1.0
    """Weight of each early head's loss."""
    heatmap_weight: Annotated[float, Meta(ge=0, le=1e6)] = 0.05
    """Weight of the cross-entropy of `model.heatmaps`, beside the loss of their soft-argmax."""
    spread_weight: Annotated[float, Meta(ge=0, le=1e6)] = 0.1
    """Weight of the likelihood that trains `model.spread`."""
    spread_joint: bool = False
    """Whether that likelihood also trains the landmarks, or only the spread."""
    visibility_weight: Annotated[float, Meta(ge=0, le=1e6)] = 0.1
    """Weight of the loss of `model.visibility`, for faces with labels of visibility."""
    clip: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    """Largest norm of the gradient; 0 does not clip."""
    ema: Annotated[float, Meta(ge=0, le=0.999999)] = 0.0
    """Decay of the running average of the weights that is validated and exported; 0 is off."""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    """Seed of all random numbers of the run."""
    start: str = ""
    """Checkpoint, exported file or bundled model whose weights the network starts from, with the
    heads of the same point schemes; with larger `model.widths` it first predicts the same."""
    learns: tuple[str, ...] = ()
    """Words in the names of the weights to train, such as "heads" or "spread"; the others keep the
    values of `start`. Empty means all weights."""
    teacher: str = ""
    """Checkpoint of a network with the same markup, whose landmarks are a second target."""
    teacher_weight: Annotated[float, Meta(ge=0, le=1e6)] = 1.0
    """Weight of the loss against the teacher's landmarks; that against the labels has weight 1."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """"auto" is a GPU if there is one."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the convolutions; "auto" is bfloat16 on processors with instructions for it."""
    compile: bool = False
    """Whether to compile the network before the first step, which takes a minute."""
    threads: Annotated[int, Meta(ge=0, le=4096)] = 0
    """Number of PyTorch's threads; 0 leaves the choice to PyTorch."""
    timeout: Annotated[float, Meta(ge=1, le=1e6)] = 600.0
    """Seconds that a process waits for the others, and that it may take to stop."""
    validate_every: Annotated[int, Meta(ge=1, le=10**9)] = 200
    """Steps between validations; a checkpoint is written at each."""
    log_every: Annotated[int, Meta(ge=1, le=10**9)] = 50
    """Steps between lines of the log: the loss, the learning rate, the speed."""
    tensorboard: bool = True
    """Whether to also write the log for TensorBoard; importing it takes half a second."""
    divergence: Annotated[float, Meta(ge=0, le=1e9)] = 20.0
    """A step diverges if its loss exceeds this many times the median of the last 100, and a run if
    that median exceeds this many times the first loss; 0 is off. A loss or gradient that is not
    finite always diverges."""
    on_divergence: Literal["stop", "skip"] = "stop"
    """Whether to end the run, or to skip the step, up to ten in a row."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that affects the outcome of a run."""

    name: str = "aan"
    """Name of the run and of the model that it trains."""
    licence: str = "not stated; the terms of the training data may bind the weights"
    """Licence of the weights, kept inside the exported file."""
    data: DataSettings = field(default_factory=DataSettings)
    further: tuple[FurtherData, ...] = ()
    """More data sets, as [[further]] tables; validation uses `data` only."""
    model: AANSettings = field(default_factory=AANSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    train: TrainSettings = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        sections: dict[str, object] = {"data": self.data, "augment": self.augment}
        sections |= {f"further.{number}": extra for number, extra in enumerate(self.further)}
        for place, section in (sections | {"train": self.train}).items():
            check_ranges(section, place)
        folds, fold = self.data.folds, self.data.fold
        if folds == 1 or not 0 <= fold < max(folds, 1):
            raise SettingsError(
                f"data.fold = {fold}, data.folds = {folds}: set two folds or more; the first is 0"
            )
        if self.train.batch_norm == "frozen" and not self.train.start:
            raise SettingsError(
                "train.batch_norm = frozen keeps the statistics of train.start: set it too"
            )
        if self.train.learns and self.train.batch_norm != "frozen":
            raise SettingsError(
                "train.learns freezes weights: also set train.batch_norm=frozen, so that the "
                "statistics that belong to them stay too"
            )


def check_ranges(section: object, place: str) -> None:
    """Check values against the ranges that their annotations state (`msgspec.Meta`).

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


def fit_heads(settings: Settings, markups: Sequence[str]) -> Settings:
    """The settings with a head for each point scheme of the data; `model.points` follows it.

    Raises:
        DataError: `model.points` or `model.further` says something else.
    """
    first, *others = (load_markup(name).count for name in markups)
    model = settings.model
    if model.points not in (first, AANSettings().points):
        raise DataError(
            f"{settings.data.dataset} has {first} points, but model.points is {model.points}: "
            "leave it out, or name the right data.markup"
        )
    if model.draws_heatmaps and others:
        raise DataError(
            f"a teacher with heatmaps has one head, for {markups[0]}: leave out the data sets of "
            f"{', '.join(markups[1:])}"
        )
    if model.further not in ((), tuple(others)):
        raise DataError(f"model.further is {list(model.further)}, but the data has {others}")
    fitted = replace(model, points=first, further=tuple(others))
    return replace(settings, model=fitted)
