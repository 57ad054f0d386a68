"""What section 3 of the paper claims, as facts of this code; `docs/paper.md` tells them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from facealign.errors import SettingsError
from facealign.network import AAN, AANSettings
from facealign.network.blocks import pool_attended
from facealign.training.export.onnx import Deployed

EQUAL = {"points": 5, "input_size": 64, "widths": (32, 32, 32, 32), "embedding_size": 16}
"""Four stages whose shortcuts are all the identity: nothing rescales what passes through them."""


def network(**changes: object) -> AAN:
    torch.manual_seed(0)
    return AAN(AANSettings(**(EQUAL | changes)))


@torch.no_grad()
def scales(model: AAN) -> list[float]:
    """The root mean square of F(x) after each stage, over a batch of noise, while training."""
    model.train()
    x, found = model.stem(torch.randn(8, 3, *[model.settings.input_size] * 2)), []
    for stage in model.stages:
        x, _, _ = stage(x)
        found.append(float(x.square().mean().sqrt()))
        x = F.max_pool2d(x, 2)
    return found


@torch.no_grad()
def repeated(form: str) -> list[float]:
    """The same relative to the input where H(x) = x and nothing is pooled: M's product alone."""
    model = network(attention=form, map_relu=False).train()
    x = model.stem(torch.randn(8, 3, 64, 64))
    start, found = x.square().mean().sqrt(), []
    for stage in model.stages:
        stage.block.expand[1].weight.zero_()  # the residual branch is silent: H is its shortcut
        x, _, _ = stage(x)
        found.append(float(x.square().mean().sqrt() / start))
    return found


def test_eq_2_collapses_under_repeated_products_and_eq_1_does_not() -> None:
    assert repeated("product") == pytest.approx([0.55, 0.27, 0.16, 0.11], rel=0.1)
    assert repeated("residual") == pytest.approx([1.5, 2.3, 3.4, 5.3], rel=0.1)


def test_eq_2_loses_scale_at_every_stage_against_the_network_without_attention() -> None:
    plain = scales(network(attention="off"))
    product = [p / h for p, h in zip(scales(network(attention="product")), plain, strict=True)]
    residual = [r / h for r, h in zip(scales(network()), plain, strict=True)]
    assert product == pytest.approx([0.61, 0.45, 0.34, 0.28], rel=0.1)
    assert residual == pytest.approx([1.6, 2.4, 3.7, 5.7], rel=0.1)


def test_at_the_paper_s_widths_batch_normalisation_keeps_eq_2_from_compounding() -> None:
    # Where the width changes the shortcut is a convolution with BN, which resets the scale: what
    # is lost there is one stage's factor, not the product of four.
    wide = {"widths": (16, 32, 64, 128)}
    assert scales(network(attention="product", **wide)) == pytest.approx([0.6] * 4, rel=0.12)
    assert scales(network(**wide)) == pytest.approx([1.6] * 4, rel=0.12)


@pytest.mark.parametrize("form", ["residual", "product"])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("mode", [True, False])
def test_the_map_stays_in_0_to_1_however_large_the_features(
    form: str, relu: bool, mode: bool
) -> None:
    model = network(attention=form, map_relu=relu).train(mode)
    for attention in model(torch.randn(4, 3, 64, 64) * 1e4).attention:
        assert 0 <= attention.min() <= attention.max() <= 1


def test_the_early_loss_alone_moves_every_stage_and_the_last_output_gets_nothing() -> None:
    model = network().train()
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    before = {name: value.clone() for name, value in model.named_parameters()}
    for _ in range(2):  # a head is born with zeros, so its stage moves from the second step on
        optimiser.zero_grad()
        early = model(torch.randn(8, 3, 64, 64)).early
        torch.stack([(p - 1).square().mean() for p in early]).sum().backward()
        optimiser.step()
    moved = {n for n, value in model.named_parameters() if not torch.equal(value, before[n])}
    for stage in range(4):
        assert f"heads.0.early.{stage}.linear.weight" in moved
        assert f"stages.{stage}.attention.score.0.weight" in moved
        assert f"stages.{stage}.block.reduce.0.weight" in moved
    assert not any(name.startswith(("heads.0.linear.", "heads.0.embedding.")) for name in moved)


def test_the_branches_are_gone_in_use() -> None:
    # That they stay out of the exported file too is shown in tests/training/export/test_onnx.py.
    model, image = network(), torch.zeros(2, 3, 64, 64)
    assert len(model.train()(image).early) == 4
    assert model.eval()(image).early == []


@pytest.mark.parametrize("chosen", [(1,), (4,), (2, 3), (1, 2, 3, 4)])
def test_attention_of_chosen_stages_only(chosen: tuple[int, ...]) -> None:
    model = network(attention_stages=chosen)
    prediction = model.train()(torch.randn(2, 3, 64, 64))
    assert [m.shape[-1] for m in prediction.attention] == [64 // 2**stage for stage in chosen]
    assert len(prediction.early) == 4  # supervision is another switch
    names = {int(n.split(".")[1]) + 1 for n in model.state_dict() if ".attention." in n}
    assert names == set(chosen)
    deployed = Deployed(model).eval()
    assert deployed.names()[1:] == [f"attention.{stage}" for stage in chosen]
    maps: list[Tensor] = deployed(torch.zeros(1, 3, 64, 64))[1:]
    assert [m.shape for m in maps] == [(1, 1, s, s) for s in (64 // 2**stage for stage in chosen)]


def test_all_stages_named_is_the_default_network() -> None:
    assert list(network(attention_stages=(1, 2, 3, 4)).state_dict()) == list(network().state_dict())
    assert AANSettings().stages_with_maps == (1, 2, 3, 4)
    assert AANSettings(attention="off").stages_with_maps == ()


@pytest.mark.parametrize("chosen", [(0,), (5,), (2, 1), (1, 1), ()])
def test_stages_that_are_none_are_refused(chosen: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="attention_stages"):
        network(attention_stages=chosen)


def test_the_early_heads_see_the_attended_features_not_the_stage_s_output() -> None:
    torch.manual_seed(0)
    model = AAN(AANSettings(input_size=32, widths=(8, 16))).train()
    attended: list[torch.Tensor] = []
    for stage in model.stages:
        stage.register_forward_hook(lambda module, given, found: attended.append(found[1]))
    for head in model.heads[0].early:
        torch.nn.init.normal_(head.linear.weight)
    early = model(torch.randn(4, 3, 32, 32)).early
    for made, head, features in zip(early, model.heads[0].early, attended, strict=True):
        assert torch.equal(made, head(pool_attended(features)))
