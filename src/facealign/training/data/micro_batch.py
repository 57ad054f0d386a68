"""Which rows of a batch each process makes, and which of those each micro-batch has.

The rows of a batch are dealt out like cards: row by row to the micro-batches, and those of a
micro-batch row by row to the processes. So a micro-batch holds the same rows of the batch for any
number of processes, and has its share of every data set.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facealign.errors import SettingsError
from facealign.training.data.batches import Batch, Part


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
