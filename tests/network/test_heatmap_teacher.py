"""The decoder of heatmaps, and the place that a heatmap stands for."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from facealign.errors import SettingsError
from facealign.network import AANSettings, HeatmapTeacher
from facealign.network.heatmap_teacher import HeatmapHead, cell_centres, soft_argmax

SETTINGS = AANSettings(points=5, input_size=32, widths=(4, 8), heatmaps=(1,))


def test_the_place_of_a_map_by_hand() -> None:
    """Of 4 × 2 cells one has three times the weight of another, the rest none."""
    heatmap = torch.full((1, 1, 2, 4), -1e9)
    heatmap[0, 0, 0, 0], heatmap[0, 0, 1, 3] = math.log(3), 0.0
    x, y = soft_argmax(heatmap)[0, 0].tolist()
    assert x == pytest.approx(0.75 * -0.375 + 0.25 * 0.375)
    assert y == pytest.approx(0.75 * -0.25 + 0.25 * 0.25)


def test_cells_are_counted_from_the_crop_s_middle() -> None:
    assert cell_centres(4, torch.zeros(1)).tolist() == [-0.375, -0.125, 0.125, 0.375]


def test_a_mirrored_map_is_a_mirrored_place() -> None:
    heatmaps = torch.randn(2, 3, 8, 8)
    mirrored = soft_argmax(heatmaps.flip(-1))
    flipped = mirrored * torch.tensor([-1.0, 1.0])
    assert torch.allclose(flipped, soft_argmax(heatmaps), atol=1e-6)


@pytest.mark.parametrize("widths", [(4, 8), (4, 8, 8), (4, 8, 16, 8)])
def test_maps_are_a_quarter_of_the_crop(widths: tuple[int, ...]) -> None:
    features = [torch.zeros(2, w, 16 >> i, 16 >> i) for i, w in enumerate(widths)]
    head = HeatmapHead(widths[1:], (3, 1, 2)[: len(widths) - 1], 5)
    said = head(features[1:])
    assert said.heatmaps is not None
    assert said.heatmaps.shape == (2, 5, 8, 8)
    assert said.landmarks.shape == (2, 5, 2)
    assert len(head.deepest) == 3


def test_an_untrained_decoder_says_the_middle() -> None:
    prediction = HeatmapTeacher(SETTINGS).eval()(torch.randn(2, 3, 32, 32))
    assert prediction.landmarks.abs().max() < 0.05


def test_a_decoder_takes_the_place_of_every_other_head() -> None:
    prediction = HeatmapTeacher(SETTINGS).train()(torch.randn(2, 3, 32, 32))
    assert len(prediction.heads) == 1
    assert prediction.early == []
    assert len(prediction.attention) == 2


@pytest.mark.parametrize("blocks", [(1, 1), (0,)])
def test_a_number_of_blocks_for_each_size(blocks: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="need 1 numbers of blocks"):
        replace(SETTINGS, heatmaps=blocks)


def test_one_stage_has_no_quarter() -> None:
    with pytest.raises(SettingsError, match="end at stage 2"):
        AANSettings(widths=(8,), heatmaps=(1,))


@pytest.mark.parametrize("other", [{"further": (5,)}, {"spread": True}, {"visibility": True}])
def test_what_heatmaps_do_not_say_is_refused(other: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="cannot be combined with model"):
        replace(SETTINGS, **other)
