from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from facealign.tracking.matching import match

affinities = st.tuples(st.integers(0, 4), st.integers(0, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.0, 0.3, 0.5, 0.9]))
)


@given(affinities)
def test_no_other_assignment_has_a_larger_sum(affinity: np.ndarray) -> None:
    pairs = match(affinity)
    assert len(set(pairs.values())) == len(pairs)
    assert all(affinity[pair] > 0 for pair in pairs.items())
    rows, columns = affinity.shape
    wide = np.zeros((rows, columns + rows))  # a column of its own for each row that has none
    wide[:, :columns] = affinity
    best = max(
        sum(wide[row, column] for row, column in enumerate(chosen))
        for chosen in permutations(range(columns + rows), rows)
    )
    assert np.isclose(sum(affinity[pair] for pair in pairs.items()), best)


def test_a_crowd_is_matched_quickly() -> None:
    affinity = np.zeros((60, 60))
    for i in range(60):
        affinity[i, i] = 0.8
        affinity[i, (i + 1) % 60] = 0.7
    assert match(affinity) == {i: i for i in range(60)}
