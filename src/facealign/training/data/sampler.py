"""Which faces a batch holds: the share of each data set, and a new order each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from facealign.errors import SettingsError
from facealign.training.data.regions import Faces, Regions


@dataclass(frozen=True, eq=False)
class Feed:
    """One data set of a run.

    Attributes:
        faces: its faces.
        share: weight of the data set in a batch, relative to those of the others.
        head: index of the network's head that it trains.
        window: number of blocks of faces to shuffle together; 0 shuffles all faces.
        background: whether its boxes hold no face.
    """

    faces: Faces
    share: float = 1.0
    head: int = 0
    window: int = 0
    background: bool = False


class Sampler:
    """Chooses the faces of any step's batch, from the seed and the step's number alone.

    The feeds are in the order of their rows in a batch, `counts` of each. `rows` are the indices of
    this process's rows in the batch, ascending; all by default.
    """

    def __init__(
        self, feeds: Sequence[Feed], batch: int, seed: int, rows: NDArray[np.int64] | None = None
    ) -> None:
        self.feeds = list(feeds)
        self.counts = share_out(batch, [feed.share for feed in feeds])
        self.seed = seed
        self.all_rows = np.arange(batch)
        self.rows = self.all_rows if rows is None else rows

    def regions(self, step: int, rows: NDArray[np.int64] | None = None) -> list[Regions]:
        """The regions of a step's batch, feed by feed; this process's rows by default."""
        chosen = zip(self.feeds, self.places(step, rows), strict=True)
        return [feed.faces.read(places) for feed, places in chosen]

    def ids(self, step: int) -> list[str]:
        """The ids of this process's faces in a step's batch, in its order."""
        chosen = zip(self.feeds, self.places(step), strict=True)
        return [feed.faces.ids[place] for feed, places in chosen for place in places]

    def places(self, step: int, rows: NDArray[np.int64] | None = None) -> list[NDArray[np.int64]]:
        """For each feed, which of its faces these rows of a step's batch are."""
        wanted = self.rows if rows is None else rows
        return [
            self.indices(step, number)[wanted[(wanted >= first) & (wanted < end)] - first]
            for number, (first, end) in enumerate(pairwise(np.cumsum([0, *self.counts])))
        ]

    def indices(self, step: int, number: int = 0) -> NDArray[np.int64]:
        """Which faces of feed `number` a step's whole batch holds; each face once an epoch."""
        faces, batch = len(self.feeds[number].faces), self.counts[number]
        places = np.arange(step * batch, (step + 1) * batch)
        epochs = range(places[0] // faces, places[-1] // faces + 1)
        orders = np.concatenate([self._order(epoch, number) for epoch in epochs])
        return orders[places - epochs[0] * faces]

    def _order(self, epoch: int, number: int) -> NDArray[np.int64]:
        feed = self.feeds[number]
        rng = np.random.default_rng(mix_seed(self.seed, epoch, 2 + number))
        if feed.window and feed.faces.blocks:
            return shuffle_blocks(feed.faces.blocks, feed.window, rng)
        return rng.permutation(len(feed.faces))


def shuffle_blocks(
    blocks: Sequence[int], window: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """A random order of faces that stays within `window` blocks at a time; which ones is random.

    `blocks` are the numbers of neighboring faces that are stored together.
    """
    ends = np.cumsum(blocks)
    shuffled = rng.permutation(len(blocks))
    parts = [
        np.concatenate([np.arange(ends[b] - blocks[b], ends[b]) for b in shuffled[i : i + window]])
        for i in range(0, len(blocks), window)
    ]
    return np.concatenate([rng.permutation(part) for part in parts])


def share_out(batch: int, shares: Sequence[float]) -> list[int]:
    """Rows of a batch for each data set: by largest remainder, at least one each.

    >>> share_out(64, [1.0, 0.5, 0.1])
    [40, 20, 4]

    Raises:
        SettingsError: the batch is smaller than the number of data sets.
    """
    if batch < len(shares):
        raise SettingsError(
            f"train.batch {batch} is less than one face of each of {len(shares)} data sets: "
            "make it larger"
        )
    exact = [batch * share / sum(shares) for share in shares]
    counts = [max(1, int(value)) for value in exact]
    while sum(counts) < batch:
        missing = [value - count for value, count in zip(exact, counts, strict=True)]
        counts[missing.index(max(missing))] += 1
    while sum(counts) > batch:
        counts[counts.index(max(counts))] -= 1
    return counts


def mix_seed(seed: int, number: int, purpose: int) -> int:
    """One seed out of three numbers, so that no two uses share a stream."""
    words = np.random.SeedSequence([seed, number, purpose]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))
