"""Validation while training: the same crops and the same scoring as `facealign eval`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facealign.datasets import stream_pixels
from facealign.evaluation import Predictions, Report, score
from facealign.geometry import CropTransform
from facealign.network import Network, Prediction
from facealign.training.augment.photometric import MEAN, STD
from facealign.training.distributed import rank, sum_up, world
from facealign.types import Progress, Sample, silent

BATCH = 64


class Crops(Protocol):
    """(N, S, S, 3) uint8: an array, or what reads its rows when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.uint8]: ...


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
    ) -> Validator:
        """Cut the crops; images that cannot be read are reported and left out."""
        kept: list[Sample] = []
        crops: list[NDArray[np.uint8]] = []
        transforms: list[CropTransform] = []
        for sample, image in stream_pixels(samples, progress):
            if image is None:
                continue
            transform = CropTransform.from_box(sample.box, input_size, margin)
            kept.append(sample)
            crops.append(transform.warp(image))
            transforms.append(transform)
        pixels = np.stack(crops) if crops else np.zeros((0, input_size, input_size, 3), np.uint8)
        return cls(kept, pixels, transforms, dataset)

    def predict(self, model: Network, name: str) -> Predictions | None:
        """Landmarks of the held-out faces by a model of this name; None where there are none."""
        if not self.samples:
            return None
        points = predict_crops(model, self.crops)
        landmarks = np.stack([t.to_image(p) for t, p in zip(self.transforms, points, strict=True)])
        ids = [sample.id for sample in self.samples]
        first = self.samples[0]
        words = (first.box_source, name, first.markup, self.dataset, "validation")
        return Predictions(ids, landmarks, *words)

    def spread_scale(self, model: Network) -> float:
        """What the spreads of the held-out faces, all multiplied by it, are the likeliest with.

        Training sees covered and shifted faces, whose points are further off than those of faces
        as they are; under the density exp(-r / b) / (2π b²) it is the mean of r / 2b. 1 where
        nothing is held out or the model has no spreads.
        """
        if not self.samples or not model.settings.spread:
            return 1.0
        spread = np.exp(predict_log_spreads(model, self.crops))
        points = predict_crops(model, self.crops)
        pairs = zip(self.transforms, self.samples, strict=True)
        truth = np.stack([t.to_crop(sample.landmarks) for t, sample in pairs])
        off = np.linalg.norm(points - truth, axis=-1) / model.settings.input_size
        seen = np.stack([sample.labelled for sample in self.samples])
        return float((off / spread)[seen].mean() / 2)

    def score(self, predictions: Predictions) -> Report:
        """The errors of predictions for the held-out faces."""
        return score(self.samples, predictions, self.dataset, "validation")


def predict_crops(model: Network, crops: Crops) -> NDArray[np.float32]:
    """Crops (N, S, S, 3) uint8 → landmarks (N, K, 2) in crop pixels."""
    size = model.settings.input_size
    shape = (model.settings.points, 2)
    return _gather(model, crops, shape, lambda p: p.landmarks * size + (size - 1) / 2)


def predict_log_spreads(model: Network, crops: Crops) -> NDArray[np.float32]:
    """Crops (N, S, S, 3) uint8 → `HeadOutput.log_spread` (N, K) of a model that has it."""

    def taken(prediction: Prediction) -> Tensor:
        found = prediction.heads[0].log_spread
        assert found is not None
        return found

    return _gather(model, crops, (model.settings.points,), taken)


@torch.no_grad()
def _gather(
    model: Network, crops: Crops, shape: tuple[int, ...], take: Callable[[Prediction], Tensor]
) -> NDArray[np.float32]:
    """What `take` finds in the predictions for all crops, (N, *shape).

    Of several processes each predicts some blocks of the crops, and all hear of all.
    """
    model.eval()
    device = next(model.parameters()).device
    values = torch.zeros(len(crops), *shape)
    for first in range(0, len(crops), BATCH)[rank() :: world()]:
        pixels = torch.from_numpy(crops[first : first + BATCH]).to(device)
        image = pixels.permute(0, 3, 1, 2).float().div_(255)
        values[first : first + BATCH] = take(model(image.sub_(MEAN).div_(STD))).cpu()
    return np.asarray(sum_up(values).numpy(), dtype=np.float32)
