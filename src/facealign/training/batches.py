"""Samples → batches: each face is cut out once with a wide margin, then cropped anew each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from facealign.datasets import stream_pixels
from facealign.geometry import CropTransform, box_size
from facealign.markup import Markup
from facealign.training.augment import MEAN, STD, random_look, random_views
from facealign.training.settings import AugmentSettings
from facealign.types import Sample

ZOOM = 1.6
"""Side of a cached region over the side of the plain crop: room for turns and shifts."""
DETAIL = 1.25
"""Cached pixels per pixel of the plain crop, so that a closer crop is still sharp."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Faces cut out with room around them.

    Attributes:
        samples: the N faces.
        images: (N, R, R, 3) uint8.
        landmarks: (N, K, 2) float32, in the region's pixels.
        visible: (N, K) bool.

    """

    samples: list[Sample]
    images: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    visible: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.samples)


def load_regions(
    samples: list[Sample],
    input_size: int,
    margin: float,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Regions, list[str]]:
    """Cut every face out, and one line for each image that could not be read."""
    size = round(input_size * DETAIL * ZOOM)
    kept: list[Sample] = []
    images: list[NDArray[np.uint8]] = []
    landmarks: list[NDArray[np.float32]] = []
    problems: list[str] = []
    for sample, image in stream_pixels(samples, problems):
        advance()
        if image is None:
            continue
        transform = region_transform(sample, size, margin)
        kept.append(sample)
        images.append(transform.warp(image))
        landmarks.append(transform.to_crop(sample.landmarks))
    regions = Regions(
        kept,
        np.stack(images) if images else np.zeros((0, size, size, 3), np.uint8),
        np.stack(landmarks) if landmarks else np.zeros((0, 0, 2), np.float32),
        np.stack([s.visible for s in kept]) if kept else np.zeros((0, 0), np.bool_),
    )
    return regions, problems


def region_transform(sample: Sample, size: int, margin: float) -> CropTransform:
    """Image → cached region: the plain crop's square, `ZOOM` times as wide."""
    box = sample.box
    centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    return CropTransform.from_square(centre, box_size(box) * (1 + 2 * margin) * ZOOM, size)


@dataclass(frozen=True)
class Batch:
    """One step's faces: image (B, 3, S, S) normalised, landmarks (B, K, 2) fractions, visible."""

    image: Tensor
    landmarks: Tensor
    visible: Tensor


class BatchMaker:
    """Makes the batch of any step, from the seed and the step's number alone."""

    def __init__(
        self,
        regions: Regions,
        markup: Markup,
        input_size: int,
        batch: int,
        augment: AugmentSettings,
        seed: int,
    ) -> None:
        self.regions = regions
        self.mirror = torch.from_numpy(markup.mirror.astype(np.int64))
        self.input_size = input_size
        self.batch = batch
        self.augment = augment
        self.seed = seed

    def at(self, step: int) -> Batch:
        """The batch of step 0, 1, 2 …; the same whenever it is asked for."""
        chosen = self.indices(step)
        generator = Generator().manual_seed(_mix(self.seed, step, 1))
        regions = torch.from_numpy(self.regions.images[chosen]).float().permute(0, 3, 1, 2)
        points = torch.from_numpy(self.regions.landmarks[chosen])
        visible = torch.from_numpy(self.regions.visible[chosen])
        views = random_views(len(chosen), regions.shape[-1], ZOOM, self.augment, generator)
        plain = views.warp(regions, self.input_size) / 255
        image = random_look(plain, self.augment, generator)
        seen = torch.where(views.flip[:, None], visible[:, self.mirror], visible)
        return Batch((image - MEAN) / STD, views.to_fractions(points, self.mirror), seen)

    def indices(self, step: int) -> NDArray[np.int64]:
        """(B,) which faces step `step` sees: every face once an epoch, in a new order each."""
        count = len(self.regions)
        first = step * self.batch
        places = range(first, first + self.batch)
        orders = {
            e: self._order(e, count) for e in range(places[0] // count, places[-1] // count + 1)
        }
        return np.array([orders[p // count][p % count] for p in places], dtype=np.int64)

    def _order(self, epoch: int, count: int) -> NDArray[np.int64]:
        return np.random.default_rng(_mix(self.seed, epoch, 2)).permutation(count)


def _mix(seed: int, number: int, purpose: int) -> int:
    """One seed out of three numbers, so that no two uses share a stream."""
    words = np.random.SeedSequence([seed, number, purpose]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))
