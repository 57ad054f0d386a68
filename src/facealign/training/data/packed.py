"""Packed faces for training: read from their shards when a batch needs them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facealign.datasets.shards import Facts, Packed
from facealign.errors import SettingsError
from facealign.geometry import CropTransform
from facealign.training.data.regions import ZOOM, Regions, region_size, visible_points
from facealign.types import Pixels, Sample


class PackedFaces:
    """`Faces` of a packed data set, all or some, in its order; only labels are kept in memory.

    `readers` are threads that read and decode a batch; Pillow releases the GIL.
    """

    def __init__(self, samples: list[Sample], packed: Packed, readers: int = 1) -> None:
        self.samples = samples
        self.packed = packed
        self.blocks = _run_lengths([sample.image.name for sample in samples])
        self.shows_hidden = any(not visible_points(sample).all() for sample in samples)
        self._pool = ThreadPoolExecutor(readers, "decode") if readers > 1 else None

    @property
    def ids(self) -> list[str]:
        """Names of the faces, in order."""
        return [sample.id for sample in self.samples]

    @property
    def markup(self) -> str:
        """Name of their point scheme."""
        return self.packed.index.facts.markup

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, indices: NDArray[np.int64]) -> Regions:
        """The regions of the faces at these places.

        Raises:
            DataError: a shard is missing or damaged.
        """
        chosen = [self.samples[i] for i in indices]
        size = self.packed.index.facts.size
        images = np.empty((len(chosen), size, size, 3), np.uint8)

        def read(place: int) -> None:
            images[place] = self.packed.picture(chosen[place])

        mapped = self._pool.map if self._pool else map
        list(mapped(read, range(len(chosen))))
        return Regions(
            images,
            np.stack([sample.landmarks for sample in chosen]),
            np.stack([sample.labelled for sample in chosen]),
            np.stack([visible_points(sample) for sample in chosen]),
        )


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
        crops: list[Pixels] = [t.warp(self.packed.picture(sample)) for sample, t in faces]
        return np.stack(crops)


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


def _run_lengths(names: list[str]) -> tuple[int, ...]:
    """Lengths of the runs of equal neighbors."""
    starts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    return tuple(np.diff([*starts, len(names)]).tolist())
