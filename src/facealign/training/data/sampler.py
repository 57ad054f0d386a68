"""How many faces of each data set a batch holds, and in which order those are seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facealign.errors import SettingsError


def order_by_blocks(
    blocks: Sequence[int], window: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """A random order of faces that stays within `window` blocks at a time.

    Args:
        blocks: how many neighbouring faces each holds.
        window: blocks whose faces are shuffled together; which ones is random.
        rng: where the order comes from.

    """
    ends = np.cumsum(blocks)
    shuffled = rng.permutation(len(blocks))
    parts = [
        np.concatenate([np.arange(ends[b] - blocks[b], ends[b]) for b in shuffled[i : i + window]])
        for i in range(0, len(blocks), window)
    ]
    return np.concatenate([rng.permutation(part) for part in parts])


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
