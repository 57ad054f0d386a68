"""Rows of a batch, dealt out to processes and micro-batches: all, once, and as in the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from facealign.errors import SettingsError
from facealign.markup import MARKUPS
from facealign.network import AAN, AANSettings
from facealign.training.data.batches import Batch, BatchLoader, micro_batch, own_rows
from facealign.training.data.regions import Faces, Regions
from facealign.training.data.sampler import Feed
from facealign.training.losses import labelled_points, total_loss
from facealign.training.settings import AugmentSettings, TrainSettings

SIZE = 32
LOOKS = AugmentSettings(
    turn=9, scale=0.1, shift=0.05, mirror=0.5, colour=0.2, gray=0.3, blur=0.5, noise=9, occlude=0.5
)


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
def test_every_row_is_made_by_one_process(rows: int, accumulate: int, world: int) -> None:
    batch = rows * accumulate * world
    parts = [own_rows(batch, accumulate, rank, world) for rank in range(world)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(batch))
    assert {len(part) for part in parts} == {batch // world}
    for number in range(accumulate):
        together = np.concatenate([part[number::accumulate] for part in parts])
        assert sorted(together.tolist()) == list(range(number, batch, accumulate))


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"train\.batch 10 .* make it a multiple of 4"):
        own_rows(10, 2, 0, 2)


def maker(rows: np.ndarray | None = None) -> BatchLoader:
    """Of two data sets, 9 and 3 rows in a batch of 12, some points hidden, some covered."""
    feeds = []
    for head, markup in enumerate(("ibug68", "celeba5")):
        rng, points = np.random.default_rng(head), MARKUPS[markup].count
        labelled = rng.random((10, points)) < rng.random((10, 1))
        regions = Regions(
            rng.integers(0, 256, (10, 64, 64, 3)).astype(np.uint8),
            rng.uniform(10, 54, (10, points, 2)).astype(np.float32),
            labelled,
            labelled & (rng.random((10, points)) < 0.8),
        )
        faces = Faces.of([str(n) for n in range(10)], markup, regions)
        feeds.append(Feed(faces, 3.0 - 2 * head, head))
    return BatchLoader(feeds, SIZE, 12, LOOKS, 3, rows=rows)


def pieces(step: int, world: int, accumulate: int) -> list[tuple[np.ndarray, Batch]]:
    """Every micro-batch of every process, with the numbers of its rows in the whole."""
    found = []
    for rank in range(world):
        rows = own_rows(12, accumulate, rank, world)
        batch = maker(rows).at(step)
        for number in range(accumulate):
            own = micro_batch(batch, number, accumulate)
            found.append((rows[number::accumulate], own))
    return found


@pytest.mark.parametrize(("world", "accumulate"), [(2, 1), (3, 1), (1, 2), (2, 3), (6, 2)])
def test_a_piece_of_a_batch_is_as_in_the_whole(world: int, accumulate: int) -> None:
    whole = maker().at(1)
    for rows, piece in pieces(1, world, accumulate):
        assert torch.equal(piece.image, whole.image[torch.from_numpy(rows)])
        for part, all_of_it in zip(piece.parts, whole.parts, strict=True):
            inside = (rows >= all_of_it.rows.start) & (rows < all_of_it.rows.stop)
            assert np.arange(len(rows))[part.rows].tolist() == np.flatnonzero(inside).tolist()
            chosen = torch.from_numpy(rows[inside] - all_of_it.rows.start)
            assert torch.equal(part.landmarks, all_of_it.landmarks[chosen])
            assert torch.equal(part.labelled, all_of_it.labelled[chosen])
            assert torch.equal(part.visible, all_of_it.visible[chosen])
            assert part.faces == all_of_it.faces == len(all_of_it.labelled)


def test_the_whole_batch_can_be_had_from_any_process() -> None:
    assert torch.equal(maker(np.array([3, 7])).whole_at(2).image, maker().at(2).image)


@pytest.mark.parametrize("loss", ["sse", "mse", "l1", "wing"])
def test_the_losses_of_the_pieces_add_up_to_the_loss_of_the_whole(loss: str) -> None:
    torch.manual_seed(0)
    settings = AANSettings(
        input_size=SIZE, widths=(4, 8), further=(5,), spread=True, visibility=True
    )
    network, teacher = AAN(settings).eval(), AAN(settings).eval()
    train = TrainSettings(loss=loss)
    whole = maker().at(0)

    def value(batch: Batch, points: torch.Tensor | None) -> torch.Tensor:
        taught = [head.landmarks for head in teacher(batch.image).heads]
        return total_loss(network(batch.image), batch, train, taught, points)

    parts = [batch for _, batch in pieces(0, 2, 3)]
    points = torch.stack([labelled_points(batch) for batch in parts]).sum(dim=0)
    with torch.no_grad():
        total = sum(value(batch, points) for batch in parts)
        assert float(total) == pytest.approx(float(value(whole, None)), rel=1e-5)
