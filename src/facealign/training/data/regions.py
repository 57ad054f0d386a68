"""Labelled faces for training: cut out once with a margin, and cropped again in each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facealign.datasets import stream_pixels
from facealign.geometry import CropTransform, box_size
from facealign.types import Progress, Sample, silent

ZOOM = 1.6
"""Side of a region over the side of the plain crop: room to rotate and shift."""
DETAIL = 1.25
"""Pixels of a region per pixel of the plain crop, so that a closer crop is still sharp."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Faces cut out with room around them.

    Attributes:
        images: (N, R, R, 3) uint8.
        landmarks: (N, K, 2) float32, in the region's pixels.
        labelled: (N, K) bool, the point's place is known.
        visible: (N, K) bool, the place is known and not covered.
    """

    images: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    labelled: NDArray[np.bool_]
    visible: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: NDArray[np.int64]) -> Regions:
        """The regions at these indices."""
        parts = (self.images, self.landmarks, self.labelled, self.visible)
        return Regions(*(part[indices] for part in parts))  # type: ignore[arg-type]


class Faces(Protocol):
    """The source of a data set's regions: memory, or shards on disk."""

    @property
    def ids(self) -> list[str]:
        """Names of the faces, in order."""

    @property
    def markup(self) -> str:
        """Name of their point scheme."""

    @property
    def shows_hidden(self) -> bool:
        """Whether some point is labelled as hidden or covered; only then visibility is learned."""

    @property
    def blocks(self) -> tuple[int, ...]:
        """Numbers of faces that are stored together, in order; empty for faces in memory."""

    def __len__(self) -> int: ...

    def read(self, indices: NDArray[np.int64]) -> Regions:
        """The regions of the faces at these indices."""


@dataclass(frozen=True, eq=False)
class FacesInMemory:
    """All regions decoded in memory: about 200 kB for each face at 128 px."""

    ids: list[str]
    markup: str
    regions: Regions

    @property
    def shows_hidden(self) -> bool:
        """Whether some point is labelled as hidden or covered."""
        return not bool(self.regions.visible.all())

    @property
    def blocks(self) -> tuple[int, ...]:
        """Empty: memory has no blocks."""
        return ()

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, indices: NDArray[np.int64]) -> Regions:
        """The regions of the faces at these indices."""
        return self.regions[indices]


def load_faces(
    samples: list[Sample], input_size: int, margin: float, progress: Progress = silent
) -> FacesInMemory:
    """Cut every face out; images that cannot be read are reported and left out."""
    kept: list[Sample] = []
    parts: list[tuple[NDArray[np.uint8], NDArray[np.float32]]] = []
    size = region_size(input_size)
    for sample, image in stream_pixels(samples, progress):
        if image is None:
            continue
        transform = region_transform(sample, size, margin)
        kept.append(sample)
        parts.append((transform.warp(image), transform.to_crop(sample.landmarks)))
    points = len(samples[0].landmarks) if samples else 0
    regions = Regions(
        np.stack([p[0] for p in parts]) if parts else np.zeros((0, size, size, 3), np.uint8),
        np.stack([p[1] for p in parts]) if parts else np.zeros((0, points, 2), np.float32),
        np.stack([s.labelled for s in kept]) if kept else np.zeros((0, points), np.bool_),
        np.stack([visible_points(s) for s in kept]) if kept else np.zeros((0, points), np.bool_),
    )
    markup = samples[0].markup if samples else ""
    return FacesInMemory([s.id for s in kept], markup, regions)


def region_size(input_size: int) -> int:
    """R, the side of a region in pixels, for a network's input size."""
    return round(input_size * DETAIL * ZOOM)


def region_transform(sample: Sample, size: int, margin: float) -> CropTransform:
    """Image → region: the plain crop's square, `ZOOM` times as wide."""
    box = sample.box
    centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    return CropTransform.from_square(centre, box_size(box) * (1 + 2 * margin) * ZOOM, size)


def visible_points(sample: Sample) -> NDArray[np.bool_]:
    """(K,) the points whose place is known and that nothing covers."""
    if sample.occluded is None:
        return sample.labelled
    return np.asarray(sample.labelled & ~sample.occluded)
