"""Distillation: the landmarks of a trained network as a second target."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facealign.errors import DataError
from facealign.network import Network
from facealign.training.rundir.checkpoint import load_checkpoint, network_of
from facealign.training.settings import TrainSettings


@dataclass(frozen=True, eq=False)
class Teacher:
    """A trained network whose landmarks are a second target."""

    model: Network
    heads: list[int | None]
    """For each head of the student, the teacher's head of the same point scheme."""

    @classmethod
    def load(
        cls, train: TrainSettings, markups: Sequence[str], device: torch.device
    ) -> "Teacher | None":
        """The teacher of the settings, if any.

        Raises:
            DataError: the checkpoint cannot be read, or has no head for any of the point schemes.
        """
        if not train.teacher:
            return None
        path = Path(train.teacher)
        state = load_checkpoint(path)
        model, names = network_of(state, path), state["markups"]
        heads = [names.index(name) if name in names else None for name in markups]
        if heads == [None] * len(heads):
            raise DataError(
                f"train.teacher = {train.teacher} has heads for {', '.join(names)}, but the data "
                f"has {', '.join(markups)}"
            )
        plain = model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(plain.eval().requires_grad_(False), heads)

    @torch.no_grad()
    def teach(self, image: Tensor) -> list[Tensor | None]:
        """Its landmarks (B, K, 2) for each head of the student."""
        outputs = self.model(image).heads
        return [None if head is None else outputs[head].landmarks for head in self.heads]
