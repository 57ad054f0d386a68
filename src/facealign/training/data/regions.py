"""Labelled faces for training: cut out once with a margin, and cropped again in each step.

Their regions are decoded into memory, or read from shards when a batch needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from facealign.datasets import Reading, stream_pixels
from facealign.datasets.shards import Facts, Packed
from facealign.errors import SettingsError
from facealign.geometry import CropTransform, box_size
from facealign.markup import load_markup
from facealign.types import Pixels, Progress, Sample, silent

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
        return Regions(*(part[indices] for part in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Faces:
    """The faces of a data set, in memory or in shards.

    Attributes:
        ids: their names, in order.
        markup: name of their point scheme.
        shows_hidden: whether some point is labelled as hidden or covered; only then visibility is
            learned.
        read: the regions of the faces at these indices (n,).
        blocks: numbers of faces that are stored together, in order; empty for faces in memory.
    """

    ids: list[str]
    markup: str
    shows_hidden: bool
    read: Callable[[NDArray[np.int64]], Regions]
    blocks: tuple[int, ...] = ()

    @classmethod
    def of(cls, ids: list[str], markup: str, regions: Regions) -> Faces:
        """Faces in memory: about 200 kB for each at 128 px."""
        return cls(ids, markup, not regions.visible.all(), regions.__getitem__)

    def __len__(self) -> int:
        return len(self.ids)


def open_faces(
    reading: Reading,
    samples: list[Sample],
    input_size: int,
    margin: float,
    readers: int,
    progress: Progress = silent,
) -> Faces:
    """Faces of a data set to train on; images that cannot be read are reported and left out.

    Raises:
        SettingsError: it was packed for another input size or margin.
    """
    if reading.packed is None:
        return load_faces(samples, input_size, margin, progress)
    check_fit(reading.packed.index.facts, input_size, margin)
    return packed_faces(samples, reading.packed, readers)


def load_faces(
    samples: list[Sample], input_size: int, margin: float, progress: Progress = silent
) -> Faces:
    """Cut every face out; images that cannot be read are reported and left out."""
    kept: list[Sample] = []
    images: list[Pixels] = []
    size = region_size(input_size)
    for sample, image in stream_pixels(samples, progress):
        if image is not None:
            transform = region_transform(sample, size, margin)
            images.append(transform.warp(image))
            kept.append(replace(sample, landmarks=transform.to_crop(sample.landmarks)))
    markup, points = (samples[0].markup, len(samples[0].landmarks)) if samples else ("", 0)
    return Faces.of([sample.id for sample in kept], markup, _to_regions(images, kept, size, points))


def packed_faces(samples: list[Sample], packed: Packed, readers: int = 1) -> Faces:
    """Faces of a packed data set, all or some, in its order; only labels are kept in memory.

    `readers` are threads that read and decode a batch; Pillow releases the GIL. Reading raises
    DataError where a shard is missing or damaged.
    """
    pool = ThreadPoolExecutor(readers, "decode") if readers > 1 else None
    facts = packed.index.facts
    points = load_markup(facts.markup).count

    def read(indices: NDArray[np.int64]) -> Regions:
        chosen = [samples[i] for i in indices]
        images = (pool.map if pool else map)(packed.picture, chosen)
        return _to_regions(list(images), chosen, facts.size, points)

    blocks = tuple(len(list(run)) for _, run in groupby(sample.image for sample in samples))
    hidden = any(not visible_points(sample).all() for sample in samples)
    return Faces([sample.id for sample in samples], facts.markup, hidden, read, blocks)


def _to_regions(
    images: Sequence[Pixels], samples: Sequence[Sample], size: int, points: int
) -> Regions:
    """Regions of this size, of samples whose K = `points` landmarks are in their pixels."""
    count = len(samples)
    visible = [visible_points(sample) for sample in samples]
    return Regions(
        np.array(images, np.uint8).reshape(count, size, size, 3),
        np.array([s.landmarks for s in samples], np.float32).reshape(count, points, 2),
        np.array([s.labelled for s in samples], np.bool_).reshape(count, points),
        np.array(visible, np.bool_).reshape(count, points),
    )


def check_fit(facts: Facts, input_size: int, margin: float) -> None:
    """Refuse regions that were packed for crops of another size or margin than a run's.

    Raises:
        SettingsError: they do not fit.
    """
    wanted = (input_size, margin, ZOOM, region_size(input_size))
    if (facts.input_size, facts.margin, facts.zoom, facts.size) != wanted:
        raise SettingsError(
            f"{facts.dataset} {facts.subset} was packed for model.input_size={facts.input_size} "
            f"data.margin={facts.margin}, the run has {input_size} and {margin}: set those, or "
            f"pack it with --input-size {input_size} --margin {margin}"
        )


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
