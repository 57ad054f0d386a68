"""Faces → batches: every batch is a pure function of the seed and the step's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from facealign.errors import SettingsError
from facealign.markup import load_markup
from facealign.training.augment import MEAN, STD, Views, random_look, random_views
from facealign.training.faces import ZOOM, Faces, Regions
from facealign.training.settings import AugmentSettings


@dataclass(frozen=True)
class Part:
    """The rows of a batch that come from one data set, and their truth.

    Attributes:
        head: number of the network's head that they train.
        rows: which rows of the batch.
        landmarks: (b, K, 2) fractions of the crop, 0 at its centre.
        visible: (b, K) bool, the place is known.
        seen: (b, K) bool, the point is neither hidden nor covered; None where the data set does
            not label it.
        faces: of the data set in the whole step, b and those of other processes and micro-batches.

    """

    head: int
    rows: slice
    landmarks: Tensor
    visible: Tensor
    seen: Tensor | None
    faces: int


@dataclass(frozen=True)
class Batch:
    """One step's faces: image (B, 3, S, S) normalised, and the truth, a part each data set.

    Of several processes each has some rows of the step's batch, a micro-batch some of those.
    """

    image: Tensor
    parts: list[Part]

    @property
    def landmarks(self) -> Tensor:
        """(b, K, 2) of the first part: of the whole batch, where there is one data set."""
        return self.parts[0].landmarks

    @property
    def visible(self) -> Tensor:
        """(b, K) of the first part."""
        return self.parts[0].visible

    @property
    def faces(self) -> int:
        """Of the whole step."""
        return sum(part.faces for part in self.parts)


@dataclass(frozen=True, eq=False)
class Feed:
    """One data set of a run.

    Attributes:
        faces: its faces.
        share: its faces in a batch, as a fraction of all.
        head: number of the network's head that they train.

    """

    faces: Faces
    share: float = 1.0
    head: int = 0


class BatchMaker:
    """Makes the batch of any step, or some of its rows, from the seed and the step's number alone.

    Attributes:
        counts: rows of each data set in the whole batch.
        rows: numbers of the rows that are made, ascending; each is as in the whole batch.

    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        input_size: int,
        batch: int,
        augment: AugmentSettings,
        seed: int,
        device: torch.device | str = "cpu",
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        self.feeds = list(feeds)
        self.counts = share_out(batch, [feed.share for feed in feeds])
        self.rows = np.arange(batch) if rows is None else rows
        self.mirrors = [
            torch.from_numpy(load_markup(feed.faces.markup).mirror.astype(np.int64)).to(device)
            for feed in feeds
        ]
        self.input_size = input_size
        self.augment = augment
        self.seed = seed
        self.device = torch.device(device)

    def at(self, step: int) -> Batch:
        """The batch of step 0, 1, 2 …; the same whenever it is asked for."""
        return self.make(self.take(step, self.rows), self._generator(step))

    def whole_at(self, step: int) -> Batch:
        """All rows of the batch of a step."""
        rows = np.arange(sum(self.counts))
        return self.make(self.take(step, rows), self._generator(step), rows)

    def _generator(self, step: int) -> Generator:
        return Generator(self.device).manual_seed(_mix(self.seed, step, 1))

    def take(self, step: int, rows: NDArray[np.int64]) -> list[Regions]:
        """The regions that these rows of a step's batch are cut out of, feed by feed."""
        firsts = np.cumsum([0, *self.counts])
        return [
            feed.faces.take(
                self.indices(step, number)[rows[(rows >= first) & (rows < end)] - first]
            )
            for number, (feed, first, end) in enumerate(
                zip(self.feeds, firsts, firsts[1:], strict=False)
            )
        ]

    def make(
        self,
        chosen: Sequence[Regions],
        generator: Generator,
        rows: NDArray[np.int64] | None = None,
    ) -> Batch:
        """Cut random views of the regions of each feed, and change their look.

        Every random number is drawn for the whole batch, so that a row is the same whichever
        others are made.
        """
        count, own = sum(self.counts), torch.from_numpy(self.rows if rows is None else rows)
        with torch.no_grad():
            regions = torch.cat([self._pixels(part) for part in chosen])
            views = random_views(
                count, regions.shape[-1], ZOOM, self.augment, generator, self.device
            ).rows(own)
            image = views.warp(regions, self.input_size).div_(255)
            image = self._look(image, own, generator).sub_(MEAN).div_(STD)
        parts: list[Part] = []
        first = 0
        for number, part in enumerate(chosen):
            place = slice(first, first + len(part))
            parts.append(self._part(number, part, views.rows(place), place))
            first = place.stop
        return Batch(image, parts)

    def _look(self, image: Tensor, own: Tensor, generator: Generator) -> Tensor:
        """Change the look of these rows; the others are blank meanwhile."""
        if len(own) == sum(self.counts):
            return random_look(image, self.augment, generator)
        whole = image.new_zeros(sum(self.counts), *image.shape[1:])
        whole[own] = image
        return random_look(whole, self.augment, generator)[own]

    def _pixels(self, regions: Regions) -> Tensor:
        """(B, 3, R, R) float32, on the device."""
        pixels = torch.from_numpy(regions.images).to(self.device)
        return pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)

    def _part(self, number: int, part: Regions, views: Views, rows: slice) -> Part:
        feed, mirror = self.feeds[number], self.mirrors[number]
        flip = views.flip[:, None]
        visible, seen = (
            torch.where(flip, flags[:, mirror], flags)
            for flags in (
                torch.from_numpy(part.visible).to(self.device),
                torch.from_numpy(part.seen).to(self.device),
            )
        )
        points = torch.from_numpy(part.landmarks).to(self.device)
        return Part(
            feed.head,
            rows,
            views.to_fractions(points, mirror),
            visible,
            seen if feed.faces.shows_hidden else None,
            self.counts[number],
        )

    def indices(self, step: int, number: int = 0) -> NDArray[np.int64]:
        """Which faces of feed `number` step `step` sees: each once an epoch, in a new order."""
        count, batch = len(self.feeds[number].faces), self.counts[number]
        first = step * batch
        epochs = range(first // count, (first + batch - 1) // count + 1)
        orders = {epoch: self._order(epoch, count, number) for epoch in epochs}
        places = range(first, first + batch)
        return np.array([orders[p // count][p % count] for p in places], dtype=np.int64)

    def _order(self, epoch: int, count: int, number: int) -> NDArray[np.int64]:
        return np.random.default_rng(_mix(self.seed, epoch, 2 + number)).permutation(count)


def share_out(batch: int, shares: Sequence[float]) -> list[int]:
    """How many of a batch come from each data set: by largest remainder, at least one each.

    >>> share_out(64, [1.0, 0.5, 0.1])
    [40, 20, 4]

    Raises:
        SettingsError: the batch is smaller than the number of data sets.

    """
    if batch < len(shares):
        raise SettingsError(f"train.batch {batch} is less than one face of each data set")
    exact = [batch * share / sum(shares) for share in shares]
    counts = [max(1, int(value)) for value in exact]
    while sum(counts) < batch:
        missing = [value - count for value, count in zip(exact, counts, strict=True)]
        counts[missing.index(max(missing))] += 1
    while sum(counts) > batch:
        counts[counts.index(max(counts))] -= 1
    return counts


def _mix(seed: int, number: int, purpose: int) -> int:
    """One seed out of three numbers, so that no two uses share a stream."""
    words = np.random.SeedSequence([seed, number, purpose]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))
