"""The order of faces that lie in shards: windows of a few, each face still once an epoch."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, strategies as st

from facealign.training.data.batches import BatchLoader
from facealign.training.data.sampler import Feed
from facealign.training.settings import AugmentSettings


class Blocks:
    """Faces that lie in blocks on a disk."""

    def __init__(self, blocks: Sequence[int], count: int) -> None:
        self.blocks, self.count, self.markup = tuple(blocks), count, "ibug68"

    def __len__(self) -> int:
        return self.count


def orders(blocks: Sequence[int], window: int, count: int = 0) -> list[list[int]]:
    """The orders of two epochs."""
    faces = Blocks(blocks, count or sum(blocks))
    batches = BatchLoader([Feed(faces, window=window)], 32, len(faces), AugmentSettings(), 3)
    return [batches.sampler.indices(epoch).tolist() for epoch in range(2)]


@given(
    blocks=st.lists(st.integers(1, 9), min_size=1, max_size=8).filter(lambda b: sum(b) > 1),
    window=st.integers(1, 9),
)
def test_in_windows_every_face_is_still_seen_once_an_epoch(
    blocks: Sequence[int], window: int
) -> None:
    for order in orders(blocks, window):
        assert sorted(order) == list(range(sum(blocks)))
    assert orders(blocks, window) == orders(blocks, window)


def test_a_window_stays_within_its_blocks_and_mixes_them() -> None:
    order = orders([10] * 6, window=2)[0]
    for first in range(0, 60, 20):
        blocks = [face // 10 for face in order[first : first + 20]]
        assert len(set(blocks)) == 2
        assert blocks != sorted(blocks)
    assert order != orders([10] * 6, window=2)[1]


def test_without_window_or_blocks_all_faces_are_shuffled_alike() -> None:
    plain = orders([60], window=0)
    assert orders([10] * 6, window=0) == plain
    assert orders([], window=2, count=60) == plain
