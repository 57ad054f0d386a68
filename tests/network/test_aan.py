"""The network against its own shape table, the paper's equations, and its switches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from facealign.errors import SettingsError
from facealign.network import AAN, AANSettings
from facealign.network.attention import Attention, Stage
from facealign.network.blocks import EarlyHead, pool_attended
from facealign.network.head import CosineEmbedding

SMALL = {"points": 5, "input_size": 64, "widths": (8, 16, 24), "embedding_size": 32}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def small(**changes: object) -> AAN:
    return AAN(AANSettings(**(SMALL | changes)))


def images(count: int = 4, size: int = 64) -> Tensor:
    return torch.randn(count, 3, size, size)


def test_the_shapes_of_the_table_at_128_pixels() -> None:
    model, seen = AAN(AANSettings()).eval(), {}
    for name, part in model.named_modules():
        part.register_forward_hook(
            lambda _, given, out, name=name: seen.__setitem__(name, (given[0], out))
        )
    with torch.no_grad():
        prediction = model(images(1, 128))
    assert seen["stem"][1].shape == (1, 64, 64, 64)
    outputs = [tuple(seen[f"stages.{i}"][1][0].shape) for i in range(4)]
    assert outputs == [(1, 64, 64, 64), (1, 128, 32, 32), (1, 256, 16, 16), (1, 512, 8, 8)]
    assert seen["heads.0.embedding"][0].shape == (1, 8192)
    assert seen["heads.0.embedding"][1].shape == (1, 256)
    assert prediction.landmarks.shape == (1, 68, 2)
    assert [m.shape[-1] for m in prediction.attention] == [64, 32, 16, 8]


def test_the_defaults_are_the_paper_s_network() -> None:
    settings = AANSettings()
    assert (settings.widths, settings.embedding_size) == ((64, 128, 256, 512), 256)
    assert (settings.attention, settings.embedding, settings.supervision) == (
        "residual",
        "cosine",
        True,
    )
    assert settings.map_relu
    assert settings.features == 8192


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_batch_of_any_size_predicts_each_face_on_its_own(count: int) -> None:
    model, batch = small().eval(), images(count)
    together = model(batch).landmarks
    alone = torch.cat([model(image[None]).landmarks for image in batch])
    assert together.shape == (count, 5, 2)
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("size", [16, 32, 80])
def test_any_input_size_that_halves_often_enough_works(size: int) -> None:
    model = small(input_size=size)
    assert model(images(2, size)).landmarks.shape == (2, 5, 2)
    assert model.settings.features == 24 * (size // 16) ** 2


def test_early_predictions_while_training_and_none_in_use() -> None:
    model = small()
    assert [tuple(p.shape) for p in model.train()(images()).early] == [(4, 5, 2)] * 3
    assert model.eval()(images()).early == []


def test_without_supervision_there_are_no_early_heads() -> None:
    model = small(supervision=False)
    assert model.train()(images()).early == []
    assert not any(".early." in name for name in model.state_dict())


def test_the_maps_lie_between_a_half_and_one_with_the_relu() -> None:
    maps = small().train()(images()).attention
    assert [tuple(m.shape) for m in maps] == [(4, 1, 32, 32), (4, 1, 16, 16), (4, 1, 8, 8)]
    for attention in maps:
        assert attention.min() == 0.5  # BN centres the scores, so the ReLU cuts about half
        assert 0.6 < attention.max() <= 1


def test_the_maps_reach_below_a_half_without_the_relu() -> None:
    for attention in small(map_relu=False).train()(images()).attention:
        assert 0 <= attention.min() < 0.4
        assert 0.6 < attention.max() <= 1


def test_the_attention_map_by_hand() -> None:
    attention = Attention(2, relu=True).eval()
    attention.score[0].weight.data.copy_(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))
    features = torch.tensor([[3.0, 1.0], [0.0, 5.0]]).view(1, 2, 1, 2)  # scores 3 and −4
    one, other = attention(features).flatten().tolist()
    assert one == pytest.approx(1 / (1 + math.exp(-3)), abs=1e-4)
    assert other == 0.5


@pytest.mark.parametrize("form", ["residual", "product", "off"])
def test_a_stage_follows_its_equation(form: str) -> None:
    stage, x = Stage(4, 6, 2, form, map_relu=True).eval(), torch.randn(2, 4, 8, 8)
    features = stage.block(x)
    output, attended, attention = stage(x)
    if form == "off":
        assert attention is None
        assert torch.equal(output, features)
        assert torch.equal(attended, features)
        return
    assert torch.allclose(attended, attention * features)
    factor = 1 + attention if form == "residual" else attention
    assert torch.allclose(output, factor * features)


def test_attention_off_has_neither_maps_nor_their_weights() -> None:
    model = small(attention="off")
    assert model(images()).attention == []
    assert not any("attention" in name for name in model.state_dict())


@pytest.mark.parametrize(("form", "length"), [("cosine", 32), ("linear", 32), ("off", 24 * 4 * 4)])
def test_every_embedding_feeds_the_head(form: str, length: int) -> None:
    model = small(embedding=form)
    assert model.heads[0].linear.in_features == length
    assert model(images()).landmarks.shape == (4, 5, 2)


def test_the_linear_embedding_is_the_cosine_one_without_the_cosine() -> None:
    cosine, linear = small().heads[0].embedding, small(embedding="linear").heads[0].embedding
    assert cosine.weight.shape == linear.weight.shape
    x = torch.randn(3, cosine.weight.shape[1])
    assert torch.allclose(cosine(x), torch.cos(x @ cosine.weight.T + cosine.bias), atol=1e-5)
    assert torch.allclose(linear(x), x @ linear.weight.T + linear.bias, atol=1e-5)


def test_the_embedding_by_hand() -> None:
    embedding = CosineEmbedding(2, 2)
    embedding.weight.data.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    embedding.bias.data.copy_(torch.tensor([0.0, math.pi / 2]))
    out = embedding(torch.tensor([[math.pi, math.pi / 4]]))
    assert torch.allclose(out, torch.tensor([[-1.0, -1.0]]), atol=1e-6)


def rbf_error(nodes: int, trials: int = 4) -> float:
    """Root mean square of √(2/d)·φ(x) · √(2/d)·φ(y) − exp(−‖x − y‖² / 2σ²), σ² = inputs."""
    total = 0.0
    for seed in range(trials):
        torch.manual_seed(seed)
        embedding, x = CosineEmbedding(8, nodes), torch.randn(40, 8)
        with torch.no_grad():
            z = embedding(x) * math.sqrt(2 / nodes)
        kernel = torch.exp(-torch.cdist(x, x).square() / (2 * 8))
        total += float((z @ z.T - kernel).square().mean())
    return math.sqrt(total / trials)


def test_frozen_random_features_approach_the_rbf_kernel_as_one_over_root_d() -> None:
    few, more, many = (rbf_error(nodes) for nodes in (64, 1024, 16384))
    quoted = [rbf_error(nodes) for nodes in (64, 256, 1024, 4096)]  # in docs/paper.md
    assert quoted == pytest.approx([0.130, 0.051, 0.030, 0.015], rel=0.05)
    assert few < 1.5 / math.sqrt(64)
    assert many < 1.5 / math.sqrt(16384)
    assert few / more == pytest.approx(4, rel=0.35)  # 16 times the nodes, a quarter of the error
    assert more / many == pytest.approx(4, rel=0.35)


def test_the_phases_cover_the_circle() -> None:
    bias = CosineEmbedding(4, 4000).bias.detach()
    assert 0 <= bias.min() < 0.05
    assert 2 * math.pi - 0.05 < bias.max() <= 2 * math.pi


def test_calibration_gives_unit_variance_whatever_the_scale_of_the_features() -> None:
    embedding, x = CosineEmbedding(50, 200), torch.randn(64, 50) * 37
    embedding.calibrate(x)
    assert F.linear(x, embedding.weight).std(correction=0).item() == pytest.approx(1, rel=1e-4)


def test_without_the_fourier_start_the_embedding_begins_as_a_linear_layer() -> None:
    model = small(fourier=False)
    embedding, inputs = model.heads[0].embedding, model.settings.features
    before = embedding.weight.detach().clone()
    model.calibrate(images(), [torch.zeros(5, 2)])
    assert torch.equal(embedding.weight, before)
    bound = 1 / math.sqrt(inputs)
    for values in (embedding.weight, embedding.bias):
        assert values.abs().max() <= bound
    plain = torch.nn.Linear(inputs, 32)
    assert before.std().item() == pytest.approx(plain.weight.std().item(), rel=0.05)


def test_calibrated_on_constant_features_the_weights_stay_finite() -> None:
    embedding = CosineEmbedding(5, 4)
    embedding.calibrate(torch.zeros(3, 5))
    assert embedding.weight.isfinite().all()


def test_a_calibrated_network_starts_near_the_mean_face() -> None:
    model, batch, mean = small().train(), images(16), torch.rand(5, 2) - 0.5
    model.calibrate(batch, [mean])
    features = model.features(batch).pooled.flatten(1)
    early = model(batch).early
    spread = F.linear(features, model.heads[0].embedding.weight).std(correction=0).item()
    assert spread == pytest.approx(1, rel=1e-3)
    assert all(torch.allclose(p, mean.expand_as(p), atol=1e-6) for p in early)
    assert (model(batch).landmarks - mean).abs().max() < 0.2


def test_every_early_head_receives_gradients_and_hands_them_to_its_stage() -> None:
    model = small().train()
    for head in model.heads[0].early:
        torch.nn.init.normal_(head.linear.weight, std=0.01)  # a head is born with zeros
    sum(p.square().sum() for p in model(images()).early).backward()
    for head, stage in zip(model.heads[0].early, model.stages, strict=True):
        assert head.linear.weight.grad.abs().sum() > 0
        assert stage.block.conv[0].weight.grad.abs().sum() > 0
        assert stage.attention.score[0].weight.grad.abs().sum() > 0
    assert model.heads[0].linear.weight.grad is None


def test_a_new_early_head_says_zero_and_still_learns() -> None:
    head = EarlyHead(6, 5)
    out = head(pool_attended(torch.randn(2, 6, 8, 8)))
    assert (out == 0).all()
    (out - 1).square().sum().backward()
    assert head.linear.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("attention", ["residual", "product", "off"])
@pytest.mark.parametrize("embedding", ["cosine", "linear", "off"])
def test_every_parameter_learns_whatever_the_switches(attention: str, embedding: str) -> None:
    model = small(attention=attention, embedding=embedding, map_relu=False).train()
    prediction = model(images())
    loss = sum((p - 1).square().sum() for p in (prediction.landmarks, *prediction.early))
    loss.backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_coordinates_stay_float32_under_autocast() -> None:
    model = small().train()
    with torch.autocast("cpu", torch.bfloat16):
        prediction = model(images())
    assert prediction.landmarks.dtype == torch.float32
    assert {p.dtype for p in prediction.early} == {torch.float32}
    # float32 has landmarks between the steps of bfloat16
    assert not torch.equal(prediction.landmarks, prediction.landmarks.bfloat16().float())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": ()}, "a width of 1 to 65536 for each"),
        ({"widths": (8, 0)}, "a width of 1 to 65536 for each"),
        ({"input_size": 72}, "multiple of 16"),
        ({"input_size": 0}, "multiple of 16"),
        ({"points": 0}, "points must be 1 to 65536"),
        ({"ratio": 0}, "ratio must be 1 to 65536"),
        ({"embedding_size": -1}, "embedding_size must be 1 to 65536"),
    ],
)
def test_sizes_that_make_no_network_are_refused(changes: object, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        AANSettings(**(SMALL | changes))
