"""Divergence: which steps must not reach the weights, and the details that are kept of them."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from facealign.errors import DivergenceError
from facealign.files import write_json
from facealign.image import write_image
from facealign.network import Prediction
from facealign.training.augment.photometric import MEAN, STD
from facealign.training.data.batches import Batch
from facealign.training.distributed.processes import leads
from facealign.types import Pixels

if TYPE_CHECKING:
    from facealign.training.run import Run

RECENT = 100
"""Number of recent losses whose median is the usual loss."""
FEWEST = 20
"""Number of losses before any is judged: the first steps of a run vary widely."""
MOST_SKIPPED = 10
"""Steps in a row that may be skipped before the run ends."""
LEAST = 0.05
"""Lower bound of the first loss: a mean square may start near 0."""
MOST_KEPT = 20
"""Number of skipped steps whose details are kept: a run may skip a few in every thousand."""


@dataclass
class LossGuard:
    """Recognizes a diverging step by its loss and gradient norm.

    A step diverges if its loss exceeds `factor` times the median of the recent losses. A run whose
    loss climbs slowly diverges once that median exceeds `factor` times the loss of its first step;
    an untrained network has that loss because it predicts the mean face.

    Attributes:
        factor: `train.divergence`; 0 accepts every finite loss.
        first: size of the first step's loss, at least `LEAST`; 0 before it.
        recent: the latest losses of steps that were not skipped, newest last.
        skipped: number of steps skipped in a row up to now.
        skipped_in_all: number of steps skipped since the start of the run.
    """

    factor: float
    first: float = 0.0
    recent: list[float] = field(default_factory=list)
    skipped: int = 0
    skipped_in_all: int = 0

    def usual(self) -> float:
        """Median size of the recent losses; with `model.spread` a loss may be negative."""
        return statistics.median(abs(loss) for loss in self.recent) if self.recent else 0.0

    def fault(self, loss: float, norm: float) -> str:
        """What is wrong with a step of this loss and gradient norm; empty if nothing."""
        if not np.isfinite(loss):
            return f"the loss is {loss}"
        if not np.isfinite(norm):
            return f"the norm of the gradient is {norm}"
        usual = self.usual()
        if self.factor and len(self.recent) >= FEWEST and loss > self.factor * usual:
            return f"the loss is {loss:.4g}, over {self.factor:g} times the usual {usual:.4g}"
        if self.factor and len(self.recent) >= FEWEST and usual > self.factor * self.first:
            return f"the loss has climbed to {usual:.4g}, over {self.factor:g} times the first"
        return ""

    def record(self, loss: float) -> None:
        """Count a step that was not skipped."""
        self.first = self.first or max(abs(loss), LEAST)
        self.recent = [*self.recent[1 - RECENT :], loss]
        self.skipped = 0

    def skip(self) -> None:
        """Count a skipped step."""
        self.skipped += 1
        self.skipped_in_all += 1

    def mean(self, steps: int) -> float | None:
        """Mean of the last `steps` losses, or of those there are; None before the first."""
        return statistics.fmean(self.recent[-steps:]) if self.recent else None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {name: value for name, value in asdict(self).items() if name != "factor"}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what a checkpoint holds."""
        self.recent = list(state["recent"])
        self.first = state.get("first", max(self.usual(), LEAST))  # version 0.1 keeps no first loss
        self.skipped, self.skipped_in_all = state["skipped"], state["skipped_in_all"]


def skip_step(run: "Run", batch: Batch, fault: str, loss: float, norm: float) -> None:
    """Write the details of a diverging step, and end the run unless it may be skipped.

    All processes get here together, because they have the same loss and gradient norm; the leading
    one writes, about its own part of the batch. The model holds the step's gradients.

    Raises:
        DivergenceError: `train.on_divergence` is "stop", or too many steps in a row diverged.
        OutputError: the details cannot be written.
    """
    train, guard, step = run.settings.train, run.guard, run.step + 1
    guard.skip()
    many = guard.skipped > MOST_SKIPPED
    stops = train.on_divergence == "stop" or many
    details = f"divergence-{step:07d}.json" if stops or guard.skipped_in_all <= MOST_KEPT else None
    if details and leads():
        facts = {"step": step, "fault": fault, "loss": loss, "usual_loss": guard.usual()}
        facts |= {"learning_rate": run.optimiser.param_groups[0]["lr"], "gradient_norm": norm}
        write_details(run, batch, facts, run.folder.path / details)
    if stops:
        advice = "" if many else ", or skip such steps with train.on_divergence=skip"
        after = f", after {MOST_SKIPPED} skipped steps" if many else ""
        raise DivergenceError(
            f"step {step}: {fault}{after}; {run.folder.path / str(details)} has its faces and "
            f"gradients; lower train.learning_rate or set train.clip{advice}"
        )
    if leads():
        run.folder.log({"step": step, "skipped": fault, "details": details})


def write_details(run: "Run", batch: Batch, facts: dict[str, Any], path: Path) -> None:
    """Write a diverging step's numbers as JSON and its faces with their points as a picture."""
    with torch.no_grad(), run.precision:
        prediction = run.model.eval()(batch.image)
    ids = run.batches.sampler.ids(facts["step"] - 1)
    errors = _errors(batch, prediction)
    faces = [{"id": i, "error": _plain(e)} for i, e in zip(ids, errors, strict=True)]
    gradient = {part: _plain(norm) for part, norm in gradient_norms(run.model).items()}
    plain = {key: _plain(v) if isinstance(v, float) else v for key, v in facts.items()}
    picture = path.with_suffix(".png")
    content = {**plain, "gradient_norm_of": gradient, "picture": picture.name, "faces": faces}
    write_image(contact_sheet(batch), picture)
    write_json(path, content, allow_nan=False)


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """Norm of the gradient of each part of the network: the stem, each stage, each head."""
    parts: dict[str, list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        words = name.split(".")
        part = ".".join(words[:2]) if len(words) > 1 and words[1].isdecimal() else words[0]
        parts.setdefault(part, [])
        if parameter.grad is not None:
            parts[part].append(parameter.grad)
    return {part: float(nn.utils.get_total_norm(grads)) for part, grads in parts.items()}


def contact_sheet(batch: Batch) -> Pixels:
    """The faces of a batch as the network saw them, their true points in green, row by row."""
    tiles = (batch.image.float() * STD + MEAN).mul(255).round().clamp(0, 255).nan_to_num()
    pixels = tiles.permute(0, 2, 3, 1).to("cpu", torch.uint8).contiguous().numpy()
    size = pixels.shape[1]
    for part in batch.parts:
        places = (part.landmarks.float() * size + (size - 1) / 2).round().cpu().numpy()
        for face, points, labelled in zip(
            pixels[part.rows], places, part.labelled.cpu().numpy(), strict=True
        ):
            known = points[labelled & np.isfinite(points).all(axis=1)]
            x, y = known[(known >= 0).all(axis=1) & (known < size).all(axis=1)].astype(int).T
            face[y, x] = (0, 255, 0)
    columns = int(np.ceil(np.sqrt(len(pixels))))
    missing = -len(pixels) % columns
    filled = np.concatenate([pixels, np.zeros((missing, size, size, 3), np.uint8)])
    rows = filled.reshape(-1, columns, size, size, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(rows.reshape(-1, columns * size, 3))


@torch.no_grad()
def _errors(batch: Batch, prediction: Prediction) -> Sequence[float]:
    """(B,) each face's mean distance from its true points, as a fraction of the crop."""
    errors: list[float] = []
    for part in batch.parts:
        landmarks = prediction.heads[part.head].landmarks[part.rows].float()
        distance = torch.linalg.vector_norm(landmarks - part.landmarks, dim=-1)
        labelled = part.labelled
        mean = torch.where(labelled, distance, 0).sum(dim=1) / labelled.sum(dim=1).clamp_min(1)
        errors += mean.tolist()
    return errors


def _plain(value: float) -> float | str:
    """A number that JSON allows, or the words "nan", "inf" and "-inf"."""
    return value if np.isfinite(value) else str(value)
