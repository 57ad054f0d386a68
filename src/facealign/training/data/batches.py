"""Faces → batches: every batch is a pure function of the seed and the step's number.

The rows of a batch are dealt out like cards: row by row to the micro-batches, and those of a
micro-batch row by row to the processes. So a micro-batch holds the same rows of the batch for any
number of processes, and has its share of every data set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from facealign.errors import SettingsError
from facealign.markup import load_markup
from facealign.training.augment.crop import RandomCrops, random_crops
from facealign.training.augment.occlusion import covered_points, face_anchors
from facealign.training.augment.photometric import MEAN, STD, random_photometric
from facealign.training.data.prefetch import Prefetcher
from facealign.training.data.regions import ZOOM, Regions
from facealign.training.data.sampler import Feed, Sampler, mix_seed
from facealign.training.settings import AugmentSettings

ROWS_AT_ONCE = 4
"""Rows that a CPU crops together, more if it has more threads: few enough to stay in its cache."""


@dataclass(frozen=True)
class Part:
    """The rows of a batch from one data set, and their ground truth.

    Attributes:
        head: index of the network's head that they train.
        rows: their place in the batch.
        landmarks: (b, K, 2) fractions of the crop, 0 at its centre.
        labelled: (b, K) bool, the place is known.
        visible: (b, K) bool, the point is neither hidden nor covered; None where the data
            set does not label it.
        faces: faces of the data set in the whole step, including other processes and
            micro-batches.
        background: whether the crops hold no face: then no point is labelled or visible.
    """

    head: int
    rows: slice
    landmarks: Tensor
    labelled: Tensor
    visible: Tensor | None
    faces: int
    background: bool = False


@dataclass(frozen=True)
class Batch:
    """One step's faces: image (B, 3, S, S), normalized, and a part for each data set.

    Each of several processes has some rows of the step's batch, and a micro-batch some of those.
    """

    image: Tensor
    parts: list[Part]

    @property
    def faces(self) -> int:
        """Faces of the whole step."""
        return sum(part.faces for part in self.parts)


class BatchLoader:
    """Makes the batch of any step, or some of its rows, from the seed and the step's number alone.

    Args:
        feeds: the data sets.
        input_size: S, side of the crops in pixels.
        batch: B, rows of the whole batch.
        augment: how far the crops stray, and how the images change.
        seed: of the run.
        device: where the batch is made.
        margin: of the plain crop, as a fraction of the box size.
        rows: indices of this process's rows, ascending; each row is as in the whole batch.
        prefetch: read the next step's regions in the background.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        input_size: int,
        batch: int,
        augment: AugmentSettings,
        seed: int,
        device: torch.device | str = "cpu",
        margin: float = 0.0,
        rows: NDArray[np.int64] | None = None,
        prefetch: bool = False,
    ) -> None:
        self.feeds = list(feeds)
        self.sampler = Sampler(feeds, batch, seed, rows)
        self.input_size = input_size
        self.augment = augment
        self.seed = seed
        self.device = torch.device(device)
        self.margin = margin
        self.markups = [load_markup(feed.faces.markup) for feed in feeds]
        self.mirrors = [
            torch.from_numpy(markup.mirror.astype(np.int64)).to(device) for markup in self.markups
        ]
        read = self.sampler.regions
        self._regions: Callable[[int], list[Regions]] = Prefetcher(read) if prefetch else read

    def at(self, step: int) -> Batch:
        """Make the batch of a step, counted from 0: this process's rows of it."""
        return self.make(self._regions(step), self._generator(step), self.sampler.rows)

    def whole_at(self, step: int) -> Batch:
        """Make all rows of the batch of a step."""
        rows = self.sampler.all_rows
        return self.make(self.sampler.regions(step, rows), self._generator(step), rows)

    def _generator(self, step: int) -> Generator:
        return Generator(self.device).manual_seed(mix_seed(self.seed, step, 1))

    @torch.no_grad()
    def make(
        self, chosen: Sequence[Regions], generator: Generator, rows: NDArray[np.int64]
    ) -> Batch:
        """Cut random crops out of the regions of each feed, and change how they look.

        Every random number is drawn for the whole batch, so a row is the same whichever other
        rows are made.
        """
        count, region = sum(self.sampler.counts), chosen[0].images.shape[1]
        own = torch.from_numpy(rows).to(self.device)
        crops = random_crops(count, region, ZOOM, self.augment, generator, self.margin)[own]
        photometric = random_photometric(count, self.input_size, self.augment, generator)[own]
        parts: list[Part] = []
        first = 0
        for number, regions in enumerate(chosen):
            place = slice(first, first + len(regions))
            parts.append(self._part(number, regions, crops[place], place))
            first = place.stop
        images = [self._warp(r, crops[p.rows]) for r, p in zip(chosen, parts, strict=True)]
        image = images[0] if len(images) == 1 else torch.cat(images)
        anchors = [
            face_anchors(markup, part.landmarks, part.labelled)
            for markup, part in zip(self.markups, parts, strict=True)
        ]
        covered = photometric.apply(image, torch.cat(anchors))
        for part in parts:
            if part.visible is not None:
                part.visible.logical_and_(~covered_points(covered[part.rows], part.landmarks))
        return Batch(image.sub_(MEAN).div_(STD), parts)

    def _warp(self, regions: Regions, crops: RandomCrops) -> Tensor:
        """(b, 3, S, S) in 0..1, on the device."""
        images = torch.empty(len(regions), 3, self.input_size, self.input_size, device=self.device)
        on_cpu = self.device.type == "cpu"
        at_once = max(ROWS_AT_ONCE, torch.get_num_threads()) if on_cpu else max(1, len(regions))
        for first in range(0, len(regions), at_once):
            rows = slice(first, first + at_once)
            pixels = torch.from_numpy(regions.images[rows]).to(self.device)
            # Only the strides change here: copying into (b, 3, R, R) takes twice the time.
            planes = pixels.to(torch.float32).permute(0, 3, 1, 2)
            torch.div(crops[rows].warp(planes, self.input_size), 255, out=images[rows])
        return images

    def _part(self, number: int, part: Regions, crops: RandomCrops, rows: slice) -> Part:
        feed, mirror = self.feeds[number], self.mirrors[number]
        flip = crops.flip[:, None]
        labelled, visible = (
            torch.where(flip, flags[:, mirror], flags) & (not feed.background)
            for flags in (
                torch.from_numpy(part.labelled).to(self.device),
                torch.from_numpy(part.visible).to(self.device),
            )
        )
        points = torch.from_numpy(part.landmarks).to(self.device)
        return Part(
            feed.head,
            rows,
            crops.to_fractions(points, mirror),
            labelled,
            visible if feed.faces.shows_hidden or feed.background else None,
            self.sampler.counts[number],
            feed.background,
        )


def own_rows(batch: int, accumulate: int, rank: int, world: int) -> NDArray[np.int64]:
    """The rows of a batch that process `rank` of `world` makes, ascending.

    >>> own_rows(8, 2, 0, 2), own_rows(8, 2, 1, 2)
    (array([0, 1, 4, 5]), array([2, 3, 6, 7]))

    Raises:
        SettingsError: the batch cannot be divided evenly.
    """
    if batch % (accumulate * world):
        raise SettingsError(
            f"train.batch {batch} cannot be divided evenly among {world} processes with "
            f"train.accumulate {accumulate}: make it a multiple of {accumulate * world}"
        )
    return np.arange(batch).reshape(-1, world, accumulate)[:, rank].flatten()


def micro_batch(batch: Batch, number: int, accumulate: int) -> Batch:
    """Every `accumulate`-th of a process's rows, starting at row `number`."""
    if accumulate == 1:
        return batch
    parts = [_rows_of_part(part, number, accumulate) for part in batch.parts]
    return Batch(batch.image[number::accumulate], parts)


def _rows_of_part(part: Part, number: int, accumulate: int) -> Part:
    """The rows of a part that are in a micro-batch; they are contiguous there too."""
    first, last = (-((number - row) // accumulate) for row in (part.rows.start, part.rows.stop))
    own = slice((number - part.rows.start) % accumulate, None, accumulate)
    return replace(
        part,
        rows=slice(first, last),
        landmarks=part.landmarks[own],
        labelled=part.labelled[own],
        visible=None if part.visible is None else part.visible[own],
    )
