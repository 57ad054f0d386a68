"""Which of one list belongs to which of another: the assignment with the largest sum, exact."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray


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
