"""The losses by hand, and what each part of the total sees."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from facealign.errors import SettingsError
from facealign.network import HeadOutput, Prediction
from facealign.network.heatmap_teacher import cell_centres
from facealign.training.data.batches import Batch, Part
from facealign.training.losses import (
    AWAY,
    WING_CURVE,
    WING_WIDTH,
    background_loss,
    heatmap_loss,
    landmark_loss,
    point_loss,
    spread_loss,
    total_loss,
    visibility_loss,
)
from facealign.training.settings import TrainSettings

TRUTH = torch.zeros(1, 2, 2)
PREDICTED = torch.tensor([[[0.03, 0.04], [0.3, 0.4]]])
BOTH, FIRST = torch.tensor([[True, True]]), torch.tensor([[True, False]])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mse", (0.03**2 + 0.04**2 + 0.3**2 + 0.4**2) / 4),
        ("sse", 0.03**2 + 0.04**2 + 0.3**2 + 0.4**2),
        ("l1", (0.03 + 0.04 + 0.3 + 0.4) / 4),
        ("smooth_l1", (0.03 + 0.04 + 0.3 + 0.4 - 4 * WING_CURVE / 2) / 4),
    ],
)
def test_losses_by_hand(kind: str, expected: float) -> None:
    assert point_loss(PREDICTED, TRUTH, BOTH, kind).item() == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["mse", "l1", "smooth_l1", "wing"])
def test_hidden_points_do_not_count(kind: str) -> None:
    alone = point_loss(PREDICTED[:, :1], TRUTH[:, :1], BOTH[:, :1], kind)
    assert torch.allclose(point_loss(PREDICTED, TRUTH, FIRST, kind), alone)


def test_the_sum_of_squares_is_the_mean_times_the_coordinates_hidden_points_or_not() -> None:
    for labelled in (BOTH, FIRST):
        mean = point_loss(PREDICTED, TRUTH, labelled, "mse")
        assert torch.allclose(point_loss(PREDICTED, TRUTH, labelled, "sse"), 4 * mean)


def test_wing_is_continuous_and_linear_beyond_its_width() -> None:
    def wing(distance: float) -> float:
        predicted = torch.full((1, 1, 2), distance)
        return point_loss(predicted, torch.zeros(1, 1, 2), BOTH[:, :1], "wing").item()

    assert wing(WING_WIDTH * 0.9999) == pytest.approx(wing(WING_WIDTH * 1.0001), rel=1e-3)
    assert wing(0.5) - wing(0.4) == pytest.approx(0.1, rel=1e-4)
    assert wing(0.01) == pytest.approx(WING_WIDTH * math.log1p(0.01 / WING_CURVE), rel=1e-4)


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(SettingsError, match='unknown loss "cube": choose mse, sse'):
        point_loss(PREDICTED, TRUTH, BOTH, "cube")


def test_the_spread_s_loss_by_hand_and_least_at_half_the_mean_distance() -> None:
    """Of exp(-r / b) / (2π b²) the likeliest b is half the mean distance."""
    distance = torch.tensor([0.05, 0.5]).mean()
    log_scales = torch.linspace(-5, 1, 601)
    values = torch.stack([spread_loss(s.expand(1, 2), PREDICTED, TRUTH, BOTH) for s in log_scales])
    assert values[500].item() == pytest.approx((distance + 0).item() / math.exp(0) + 0, abs=1e-4)
    assert log_scales[values.argmin()].exp().item() == pytest.approx(distance.item() / 2, rel=0.01)


def test_the_density_of_the_spread_sums_to_one() -> None:
    radius = torch.linspace(0, 4, 40001, dtype=torch.float64)
    density = torch.exp(-radius / 0.1) / (2 * math.pi * 0.1**2)
    total = torch.trapezoid(density * 2 * math.pi * radius, radius)
    assert total.item() == pytest.approx(1, abs=1e-6)


def output(landmarks: Tensor, early: list[Tensor] | None = None) -> HeadOutput:
    flat = torch.zeros(landmarks.shape[:2], requires_grad=True)
    return HeadOutput(landmarks, early or [], flat, flat * 1)


def part(rows: int, head: int = 0, first: int = 0, seen: bool = True) -> Part:
    flags = torch.ones(rows, 2, dtype=torch.bool)
    truth = torch.zeros(rows, 2, 2)
    return Part(head, slice(first, first + rows), truth, flags, flags if seen else None, rows)


@pytest.mark.parametrize("joint", [False, True])
def test_the_spread_moves_the_landmarks_only_when_told_to(joint: bool) -> None:
    landmarks = PREDICTED.clone().requires_grad_()
    train = TrainSettings(spread_joint=joint, loss="mse", spread_weight=1.0)
    landmark_loss(output(landmarks), part(1), train).backward()
    plain = PREDICTED.clone().requires_grad_()
    point_loss(plain, TRUTH, BOTH, "mse").backward()
    assert landmarks.grad is not None
    assert plain.grad is not None
    assert torch.allclose(landmarks.grad, plain.grad) != joint


def test_every_part_of_a_head_s_loss_is_weighed() -> None:
    train = TrainSettings(loss="mse", early_weight=0.5, spread_weight=0.25, visibility_weight=2.0)
    mse = point_loss(PREDICTED, TRUTH, BOTH, "mse").item()
    doubt = 0.25 * 0.275  # both points' mean distance, at b = 1
    said = output(PREDICTED, [PREDICTED])
    located = landmark_loss(said, part(1), train).item()
    assert located == pytest.approx(mse * 1.5 + doubt, rel=1e-5)
    assert visibility_loss(said, part(1), train).item() == pytest.approx(2 * math.log(2))
    assert visibility_loss(said, part(1, seen=False), train).item() == 0


def test_without_a_face_the_likeliest_spread_is_half_of_far_away() -> None:
    """Of exp(-r / b) / (2π b²) at r = `AWAY`, and at b = 1 the loss is r times its weight."""
    train, none = TrainSettings(spread_weight=0.5), replace(part(1), background=True)
    assert background_loss(output(PREDICTED), none, train).item() == pytest.approx(0.5 * AWAY)
    log_scales = torch.linspace(-5, 1, 601)
    values = [
        background_loss(output(PREDICTED)._replace(log_scale=s.expand(1, 2)), none, train)
        for s in log_scales
    ]
    likeliest = log_scales[torch.stack(values).argmin()].exp().item()
    assert likeliest == pytest.approx(AWAY / 2, rel=0.01)


def test_without_a_face_no_landmark_is_learned_not_even_a_teacher_s() -> None:
    landmarks = PREDICTED.clone().requires_grad_()
    nothing = torch.zeros(1, 2, dtype=torch.bool)
    none = replace(part(1), labelled=nothing, visible=nothing, background=True)
    batch, said = Batch(torch.zeros(1, 3, 8, 8), [none]), output(landmarks)
    train = TrainSettings(loss="mse")
    total = total_loss(Prediction([said], []), batch, train, taught=[torch.ones(1, 2, 2)])
    total.backward()
    assert landmarks.grad is None or not landmarks.grad.any()
    hidden = visibility_loss(said, none, train)
    assert total.item() == pytest.approx((hidden + background_loss(said, none, train)).item())


def test_the_total_weighs_data_sets_by_their_rows_and_reads_their_own_rows_and_head() -> None:
    train = TrainSettings(loss="mse", spread_weight=0, visibility_weight=0)
    landmarks = torch.stack([torch.full((2, 2), float(i)) for i in range(4)])
    prediction = Prediction([output(landmarks), output(10 * landmarks)], [])
    batch = Batch(torch.zeros(4, 3, 8, 8), [part(3), part(1, head=1, first=3)])
    expected = 0.75 * (0 + 1 + 4) / 3 + 0.25 * 900
    assert total_loss(prediction, batch, train).item() == pytest.approx(expected)


def test_a_teacher_s_landmarks_are_a_second_truth_where_it_has_the_head() -> None:
    train = TrainSettings(loss="mse", spread_weight=0, visibility_weight=0, teacher_weight=3.0)
    prediction = Prediction([output(torch.ones(2, 2, 2)), output(torch.ones(2, 2, 2))], [])
    batch = Batch(torch.zeros(2, 3, 8, 8), [part(1), part(1, head=1, first=1)])
    taught = [torch.full((2, 2, 2), 3.0), None]
    assert total_loss(prediction, batch, train, taught).item() == pytest.approx(0.5 * 13 + 0.5)


def heatmaps(x: float, y: float) -> Tensor:
    """(1, 2, 4, 4), both maps a bell of one cell's deviation, its middle at (x, y)."""
    cells = cell_centres(4, torch.zeros(1))
    bell = -(16 * (cells - y) ** 2)[:, None] / 2 - (16 * (cells - x) ** 2)[None, :] / 2
    return bell.expand(1, 2, 4, 4)


def test_the_loss_of_heatmaps_by_a_slow_reference() -> None:
    maps = torch.randn(1, 2, 4, 4)
    spot = torch.softmax(heatmaps(0, 0)[0, 0].flatten(), 0)  # the truth of both is the middle
    expected = 0.0
    for heatmap in maps[0]:
        log_weights = torch.log_softmax(heatmap.flatten(), 0)
        expected -= (spot * log_weights).sum().item() / 2
    assert heatmap_loss(maps, part(1)).item() == pytest.approx(expected, rel=1e-5)


def test_a_bell_at_the_landmark_is_the_least_loss_of_heatmaps() -> None:
    losses = [heatmap_loss(heatmaps(x, 0.0), part(1)).item() for x in (0.0, 0.1, -0.1)]
    sharper = heatmap_loss(3 * heatmaps(0.0, 0.0), part(1)).item()
    assert losses[0] < min(*losses[1:], sharper)


def test_heatmaps_are_weighed_beside_the_loss_of_their_landmarks() -> None:
    maps = heatmaps(0.2, 0.0)
    said = HeadOutput(PREDICTED, [], None, None, maps)
    found = landmark_loss(said, part(1), TrainSettings(loss="mse", heatmap_weight=2.0)).item()
    mse = point_loss(PREDICTED, TRUTH, BOTH, "mse").item()
    assert found == pytest.approx(mse + 2 * heatmap_loss(maps, part(1)).item())


def test_a_landmark_beyond_the_crop_has_no_spot_and_micro_batches_add_up() -> None:
    train = TrainSettings(loss="mse", heatmap_weight=2.0)
    maps = torch.cat([heatmaps(0.2, 0.0), heatmaps(-0.2, 0.1)])
    both, first, second = part(2), part(1), part(1, first=1)
    both.landmarks[1] = second.landmarks[0] = 0.6
    assert heatmap_loss(maps[1:], second).item() == 0
    said = Prediction([HeadOutput(torch.zeros(2, 2, 2), [], None, None, maps)], [])
    image = torch.zeros(2, 3, 8, 8)
    whole = total_loss(said, Batch(image, [both]), train).item()
    points = torch.tensor([4.0])
    pieces = [replace(piece, faces=2) for piece in (first, second)]
    parts = [total_loss(said, Batch(image, [p]), train, None, points).item() for p in pieces]
    assert sum(parts) == pytest.approx(whole)
