"""Which detected box is which face that is followed."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from facealign.geometry import box_size, iou
from facealign.tracking.track import Track
from facealign.types import Box

SAME_BOX = 0.3
"""A detected face is the one followed here if the IoU of their boxes is at least this."""
LEAST_RATIO = 0.6
"""Of the sizes of a missing face and of a detected one that may be it."""


def affinity_of(track: Track, box: Box, time: float) -> float:
    """How well a detected box fits a track, 0..1; 0 where it is not this face's."""
    if not track.missing:
        shared = float(iou(track.box, box[None])[0])
        return shared if shared >= SAME_BOX else 0.0
    size, other = box_size(track.box), box_size(box)
    if not LEAST_RATIO < other / size < 1 / LEAST_RATIO:
        return 0.0
    gaps = [
        float(np.linalg.norm((box[:2] + box[2:] - there[:2] - there[2:]) / 2))
        for there in (track.box, track.heading(time))
    ]
    return max(0.0, SAME_BOX * (1 - min(gaps) / size))


def strayed(track: Track, time: float) -> float:
    """How far a face is from where it was heading, in sides of its box."""
    gap = (track.box - track.heading(time))[:2]
    return float(np.linalg.norm(gap)) / box_size(track.box)


def match(affinity: NDArray[np.float64]) -> dict[int, int]:
    """Row → column, each at most once, with the largest sum of affinities; 0 is not a match.

    Exact, and fast where few columns fit a row at all, as with boxes in a picture: it only keeps
    track of the columns that later rows also want.

    >>> match(np.array([[0.9, 0.8], [0.8, 0.0]]))
    {0: 1, 1: 0}
    """
    rows, columns = affinity.shape
    fits = [[c for c in range(columns) if affinity[r, c] > 0] for r in range(rows)]
    wanted = [0] * (rows + 1)
    for r in reversed(range(rows)):
        wanted[r] = wanted[r + 1] | sum(1 << c for c in fits[r])

    @cache
    def best(row: int, taken: int) -> tuple[float, tuple[tuple[int, int], ...]]:
        if row == rows:
            return 0.0, ()
        found = best(row + 1, taken & wanted[row + 1])
        for column in fits[row]:
            if not taken >> column & 1:
                total, pairs = best(row + 1, (taken | 1 << column) & wanted[row + 1])
                total += float(affinity[row, column])
                if total > found[0]:
                    found = total, ((row, column), *pairs)
        return found

    return dict(best(0, 0)[1])
