"""Weights to start from: a checkpoint's, an exported file's, or ImageNet's."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facealign.errors import DataError, SettingsError
from facealign.models import bundled, model_path
from facealign.network import Network
from facealign.network.pretrained import ORIGIN, read_imagenet
from facealign.training.export.restore import read_weights
from facealign.training.rundir.checkpoint import load_checkpoint
from facealign.training.rundir.folder import best_checkpoint
from facealign.training.settings import Settings, TrainSettings
from facealign.training.settings_file import to_settings


@dataclass(frozen=True, eq=False)
class Start:
    """Weights to start from.

    Attributes:
        weights: as in `AAN`'s state; an exported file has none for the early heads.
        markups: the point schemes of its heads.
        input_size: side of its crops in pixels.
        trained_on: the data it was trained on.
        measured: whether its batch normalisations have statistics of data.
    """

    weights: dict[str, Tensor]
    markups: tuple[str, ...]
    input_size: int
    trained_on: str
    measured: bool


def read_start(settings: Settings) -> Start | None:
    """The weights of `train.start`: of a run or checkpoint, an exported file, a bundled model.

    Without one they are ImageNet's where `model.trunk` has such, and else none.

    Raises:
        DataError: it does not exist, or the checkpoint cannot be read.
        MissingExtraError: the package with ImageNet's weights is not installed.
        ModelError: the exported file cannot be read.
        SettingsError: its `map_relu` differs.
    """
    train, map_relu, trunk = settings.train, settings.model.map_relu, settings.model.trunk
    if not train.start:
        if trunk == "stages":
            return None
        weights = {f"trunk.{key}": value for key, value in read_imagenet(trunk).items()}
        return Start(weights, (), 0, ORIGIN.format(trunk), measured=True)
    if train.start in bundled() or train.start.endswith(".onnx"):
        weights, facts = read_weights(model_path(train.start), map_relu)
        return Start(weights, facts.markups, facts.input_size, facts.trained_on, measured=False)
    if not Path(train.start).exists():
        raise DataError(
            f'train.start = "{train.start}": no such bundled model ({", ".join(bundled())}), '
            "exported file, checkpoint or run folder"
        )
    state = load_checkpoint(best_checkpoint(Path(train.start)))
    model = to_settings(state["settings"], train.start).model
    if model.map_relu != map_relu:
        raise SettingsError(
            f"train.start = {train.start}: its maps are {'with' if model.map_relu else 'without'} "
            f"a ReLU: set model.map_relu={str(model.map_relu).lower()}"
        )
    markups = tuple(state["markups"])
    return Start(state["weights"], markups, model.input_size, state["trained_on"], measured=True)


@torch.no_grad()
def load_start(model: Network, markups: Sequence[str], start: Start | None) -> None:
    """Copy the trunk of `start`, and its heads of these point schemes, into a network.

    A network with more channels then predicts the same as the smaller one (`grow`). A head is not
    copied if its crops have another size, if its NE is larger, if only one of the two has NE, or
    if only one of them has heatmaps. Nor are attention maps that only one of them has.

    Raises:
        SettingsError: its trunk has other stages or more channels.
    """
    if start is None:
        return
    given, wanted = start.weights, model.state_dict()
    pairs = {key: key for key in (*wanted, *given) if not key.startswith("heads.")}
    for key in list(pairs):
        if key.startswith("attention.") and (key in wanted) != (key in given):
            del pairs[key]  # between an AAN and a teacher on the same pretrained trunk
        elif key not in wanted or key not in given or not _fits(given[key], wanted[key]):
            raise SettingsError(
                f"train.start: its network does not fit into this one (at {key}): use the same "
                "model settings; only model.widths and model.embedding_size may be larger and "
                "model.ratio smaller, and equal neighbours in its widths must stay equal"
            )
    for index, name in enumerate(markups):
        if name in start.markups and model.settings.input_size == start.input_size:
            old, new = f"heads.{start.markups.index(name)}.", f"heads.{index}."
            head = {key: key.replace(new, old, 1) for key in wanted if key.startswith(new)}
            known = {key: source for key, source in head.items() if source in given}
            alike = (f"{old}embedding.weight" in given) == (f"{new}embedding.weight" in wanted)
            if alike and all(_fits(given[source], wanted[key]) for key, source in known.items()):
                pairs |= known
    for key, source in pairs.items():
        grow(wanted[key], given[source])


def _fits(given: Tensor, wanted: Tensor) -> bool:
    """Whether every side of `given` is at most as long as that of `wanted`."""
    return given.ndim == wanted.ndim and all(map(operator.le, given.shape, wanted.shape))


def grow(wanted: Tensor, given: Tensor) -> None:
    """Copy the weights of a layer into a layer with more channels, so that it computes the same.

    The old channels come first. Their outputs ignore the new inputs at the start: those weights,
    in (out, in, …), are set to 0. The weights of new outputs stay as they are.
    """
    if given.ndim > 1:
        wanted[: len(given)] = 0
    wanted[tuple(slice(size) for size in given.shape)].copy_(given)


def inherited(train: TrainSettings, start: Start | None, own: str) -> str:
    """The data behind `train.start` and `train.teacher`, to append to `own`, the run's data.

    No data is named twice.

    Raises:
        DataError: the teacher cannot be read.
    """
    known, parts = own.split("; "), ""
    taught = load_checkpoint(Path(train.teacher))["trained_on"] if train.teacher else ""
    for how, data in ((BEGUN, start.trained_on if start else ""), (TAUGHT, taught)):
        seen = data.split("; ") if data else []
        plain = dict.fromkeys(part.removeprefix(BEGUN).removeprefix(TAUGHT) for part in seen)
        new = [part for part in plain if part not in known]
        if new:
            parts += f"; {how}" + "; ".join(new)
    return parts


BEGUN, TAUGHT = "begun with weights trained on ", "taught by a network trained on "
