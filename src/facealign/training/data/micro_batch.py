"""Which rows of a batch a process makes, and which of those a micro-batch takes.

A batch of B rows is dealt out like cards: row by row to the micro-batches, and what a micro-batch
gets row by row to the processes. A micro-batch therefore holds the same rows of the batch however
many processes there are, and each of its parts has its share of every data set.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facealign.errors import SettingsError
from facealign.training.data.batches import Batch, Part


def own_rows(batch: int, accumulate: int, rank: int, world: int) -> NDArray[np.int64]:
    """The rows of a batch that process `rank` of `world` makes, in ascending order.

    >>> own_rows(8, 2, 0, 2), own_rows(8, 2, 1, 2)
    (array([0, 1, 4, 5]), array([2, 3, 6, 7]))

    Raises:
        SettingsError: the batch cannot be dealt out evenly.

    """
    if batch % (accumulate * world):
        raise SettingsError(
            f"train.batch {batch} cannot be dealt out evenly to {world} processes of "
            f"train.accumulate {accumulate}: make it a multiple of {accumulate * world}"
        )
    return np.arange(batch).reshape(-1, world, accumulate)[:, rank].flatten()


def micro_batch(batch: Batch, number: int, accumulate: int) -> Batch:
    """Every `accumulate`-th row of a process's rows, from the row `number`."""
    if accumulate == 1:
        return batch
    parts = [_part(part, number, accumulate) for part in batch.parts]
    return Batch(batch.image[number::accumulate], parts)


def _part(part: Part, number: int, accumulate: int) -> Part:
    """The rows of a part that are in a micro-batch, which are again neighbours there."""
    first, last = (-((number - row) // accumulate) for row in (part.rows.start, part.rows.stop))
    own = slice((number - part.rows.start) % accumulate, None, accumulate)
    return replace(
        part,
        rows=slice(first, last),
        landmarks=part.landmarks[own],
        labelled=part.labelled[own],
        visible=None if part.visible is None else part.visible[own],
    )
