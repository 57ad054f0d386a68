"""Weights from other runs: to begin with, and to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facealign.errors import DataError, SettingsError
from facealign.network import AAN
from facealign.training.checkpoint import load_checkpoint
from facealign.training.settings import TrainSettings
from facealign.training.settingsfile import to_settings


def load_network(path: Path) -> tuple[AAN, tuple[str, ...]]:
    """The network of a checkpoint, its average where there is one, and its heads' markups.

    Raises:
        DataError: the checkpoint is missing, damaged or of another version.

    """
    state = load_checkpoint(path)
    model = AAN(to_settings(state["settings"], str(path)).model)
    model.load_state_dict(state["weights"])
    return model, tuple(state["markups"])


@torch.no_grad()
def load_start(model: AAN, markups: Sequence[str], train: TrainSettings) -> None:
    """Begin with the trunk of `train.start`, and its heads of the same point schemes.

    Raises:
        DataError: the checkpoint cannot be read.
        SettingsError: its trunk has other sizes.

    """
    if not train.start:
        return
    source, names = load_network(Path(train.start))
    given, wanted = source.state_dict(), model.state_dict()
    pairs = {key: key for key in wanted if not key.startswith("heads.")}
    for index, name in enumerate(markups):
        if name in names:
            old, new = f"heads.{names.index(name)}.", f"heads.{index}."
            own = [key for key in wanted if key.startswith(new)]
            pairs |= {key: old + key.removeprefix(new) for key in own}
    for key, old in pairs.items():
        if old in given and given[old].shape == wanted[key].shape:
            wanted[key].copy_(given[old])
        elif not key.startswith("heads."):
            raise SettingsError(
                f"train.start = {train.start}: its network has other sizes (at {key}); give it the "
                "same model settings"
            )


def inherited(train: TrainSettings, own: str) -> str:
    """What the weights saw by way of `train.start` and `train.teacher`, to add to `trained_on`.

    Args:
        train: the run's settings.
        own: what the run itself trains on; it is not named twice.

    Raises:
        DataError: a checkpoint cannot be read.

    """
    known, parts = own.split("; "), ""
    for how, path in ((BEGUN, train.start), (TAUGHT, train.teacher)):
        seen = load_checkpoint(Path(path))["trained_on"].split("; ") if path else []
        plain = dict.fromkeys(part.removeprefix(BEGUN).removeprefix(TAUGHT) for part in seen)
        new = [part for part in plain if part not in known]
        if new:
            parts += f"; {how}" + "; ".join(new)
    return parts


BEGUN, TAUGHT = "begun with weights trained on ", "taught by a network trained on "


@dataclass(frozen=True, eq=False)
class Teacher:
    """A trained network whose landmarks are a second truth (distillation)."""

    model: AAN
    heads: list[int | None]
    """For each head of the pupil the teacher's of the same point scheme."""

    @classmethod
    def load(
        cls, train: TrainSettings, markups: Sequence[str], device: torch.device
    ) -> Teacher | None:
        """The teacher of the settings, if any.

        Raises:
            DataError: the checkpoint cannot be read, or teaches none of the point schemes.

        """
        if not train.teacher:
            return None
        model, names = load_network(Path(train.teacher))
        heads = [names.index(name) if name in names else None for name in markups]
        if heads == [None] * len(heads):
            raise DataError(
                f"train.teacher = {train.teacher} knows {', '.join(names)}, none of "
                f"{', '.join(markups)}"
            )
        plain = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(plain.eval().requires_grad_(False), heads)

    @torch.no_grad()
    def teach(self, image: Tensor) -> list[Tensor | None]:
        """Its landmarks (B, K, 2) for each head of the pupil."""
        outputs = self.model(image).heads
        return [None if head is None else outputs[head].landmarks for head in self.heads]
