"""Validation during training, scored as by `facealign eval`, and cross-validation."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facealign.aligner.crops import face_crop
from facealign.datasets import Reading, stream_pixels
from facealign.datasets.shards import Packed
from facealign.errors import DataError
from facealign.evaluation import Predictions, Report, score
from facealign.files import read_json_file, write_json
from facealign.geometry import CropTransform
from facealign.metrics import NORMALISERS
from facealign.network import Network, Prediction
from facealign.training.augment.photometric import MEAN, STD
from facealign.training.data.regions import check_fit
from facealign.training.distributed.processes import rank, sum_up, world
from facealign.training.settings import Settings
from facealign.types import Floats, Progress, Sample, silent

BATCH = 64


@dataclass(frozen=True, eq=False)
class PackedCrops:
    """The plain crops of packed faces, cut out of their regions on demand."""

    samples: list[Sample]
    transforms: list[CropTransform]
    packed: Packed

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        """(n, S, S, 3) of these rows."""
        faces = zip(self.samples[rows], self.transforms[rows], strict=True)
        return np.stack([t.warp(self.packed.picture(sample)) for sample, t in faces])


Crops = NDArray[np.uint8] | PackedCrops
"""(N, S, S, 3) uint8."""


@dataclass(frozen=True, eq=False)
class Validator:
    """The held-out faces, cropped once as the aligner would crop them."""

    samples: list[Sample]
    crops: Crops
    transforms: list[CropTransform]
    dataset: str

    @classmethod
    def load(
        cls,
        samples: list[Sample],
        input_size: int,
        margin: float,
        dataset: str,
        progress: Progress = silent,
    ) -> "Validator":
        """Cut the crops; unreadable images are reported and left out."""
        kept: list[Sample] = []
        crops: list[NDArray[np.uint8]] = []
        transforms: list[CropTransform] = []
        for sample, image in stream_pixels(samples, progress):
            if image is None:
                continue
            transform = face_crop(sample.box, input_size, margin)
            kept.append(sample)
            crops.append(transform.warp(image))
            transforms.append(transform)
        pixels = np.stack(crops) if crops else np.zeros((0, input_size, input_size, 3), np.uint8)
        return cls(kept, pixels, transforms, dataset)

    def predict(self, model: Network, name: str) -> Predictions | None:
        """Landmarks of the held-out faces from a model with this name; None if there are none."""
        if not self.samples:
            return None
        points = predict_crops(model, self.crops)
        landmarks = np.stack([t.to_image(p) for t, p in zip(self.transforms, points, strict=True)])
        ids = [sample.id for sample in self.samples]
        first = self.samples[0]
        words = (first.box_source, name, first.markup, self.dataset, "validation")
        return Predictions(ids, landmarks, *words)

    def spread_scale(self, model: Network) -> float:
        """The factor on the spreads that makes the held-out faces most likely.

        Spreads learned from occluded and shifted faces are too large for plain ones. With the
        density exp(-r / b) / (2π b²) the factor is the mean of r / 2b. It is 1 without held-out
        faces or spreads.
        """
        if not self.samples or not model.settings.spread:
            return 1.0
        shape = (model.settings.points,)
        spread = np.exp(_predict(model, self.crops, shape, lambda p: p.heads[0].log_scale))
        points = predict_crops(model, self.crops)
        pairs = zip(self.transforms, self.samples, strict=True)
        truth = np.stack([t.to_crop(sample.landmarks) for t, sample in pairs])
        off = np.linalg.norm(points - truth, axis=-1) / model.settings.input_size
        labelled = np.stack([sample.labelled for sample in self.samples])
        return float((off / spread)[labelled].mean() / 2)

    def score(self, predictions: Predictions) -> Report:
        """The errors of predictions on the held-out faces."""
        return score(self.samples, predictions, self.dataset, "validation")


def open_validator(
    reading: Reading, samples: list[Sample], settings: Settings, progress: Progress = silent
) -> Validator:
    """The validator for these faces; images that cannot be read are reported and left out.

    Raises:
        SettingsError: they were packed for another input size or margin.
    """
    size, margin = settings.model.input_size, settings.data.margin
    if reading.packed is None:
        return Validator.load(samples, size, margin, reading.dataset, progress)
    check_fit(reading.packed.index.facts, size, margin)
    transforms = [face_crop(sample.box, size, margin) for sample in samples]
    crops = PackedCrops(samples, transforms, reading.packed)
    return Validator(samples, crops, transforms, reading.dataset)


def predict_crops(model: Network, crops: Crops) -> Floats:
    """Crops (N, S, S, 3) uint8 → landmarks (N, K, 2) in crop pixels."""
    size, shape = model.settings.input_size, (model.settings.points, 2)
    return _predict(model, crops, shape, lambda p: p.landmarks * size + (size - 1) / 2)


@torch.no_grad()
def _predict(
    model: Network, crops: Crops, shape: tuple[int, ...], pick: Callable[[Prediction], Any]
) -> Floats:
    """What `pick` returns of the predictions for all crops, (N, *shape).

    Several processes share the crops in blocks; all get the whole result.
    """
    model.eval()
    device = next(model.parameters()).device
    values = torch.zeros(len(crops), *shape)
    for first in range(0, len(crops), BATCH)[rank() :: world()]:
        pixels = torch.from_numpy(crops[first : first + BATCH]).to(device)
        image = pixels.permute(0, 3, 1, 2).float().div_(255)
        values[first : first + BATCH] = pick(model(image.sub_(MEAN).div_(STD))).cpu()
    return np.asarray(sum_up(values).numpy(), dtype=np.float32)


def fold_settings(settings: Settings, folds: int) -> list[Settings]:
    """The settings of each run of a cross-validation.

    Raises:
        SettingsError: there are fewer than two folds.
    """
    parts = [replace(settings.data, folds=folds, fold=fold) for fold in range(folds)]
    return [replace(settings, name=f"{settings.name}-fold-{d.fold}", data=d) for d in parts]


def summarise(folder: Path, folds: int) -> dict[str, dict[str, float]]:
    """Mean and sample standard deviation of the NMEs of a cross-validation; kept as `folds.json`.

    By the reports of its runs, for each normaliser that all of them have. The errors are a little
    low: each report is of the best step, chosen on the same faces.

    Raises:
        DataError: a run has no report.
        OutputError: the file cannot be written.
    """
    reports = []
    for fold in range(folds):
        path = folder / f"fold-{fold}" / "report.json"
        reports.append(read_json_file(path))
        if not isinstance(reports[-1], dict):
            raise DataError(f"{path}: not the report of a finished run")
    summary: dict[str, dict[str, float]] = {}
    for name in (f"nme_{normaliser}" for normaliser in NORMALISERS):
        values = [float(report[name]) for report in reports if report.get(name) is not None]
        if len(values) == folds:
            mean, deviation = statistics.fmean(values), statistics.stdev(values)
            summary[name] = {"mean": mean, "deviation": deviation}
    write_json(folder / "folds.json", summary)
    return summary
