"""Gamma, contrast, shadows and gray do what they say."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor

from facealign.training.augment.light import add_shadow, color_jitter, to_grayscale

MIDDLE = [0.5] * 6
"""Numbers in the middle of every range: nothing changes."""


def images(count: int = 4, size: int = 16, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def recoloured(values: Tensor, numbers: list[float], strength: float = 0.3) -> Tensor:
    changed = values.clone()
    color_jitter(changed, torch.tensor([numbers]).expand(len(values), -1), strength)
    return changed


def test_middling_numbers_leave_the_colours_alone() -> None:
    assert torch.allclose(recoloured(images(), MIDDLE), images(), atol=1e-6)


@pytest.mark.parametrize("number", [0.0, 0.3, 1.0])
def test_the_gamma_curve_meets_the_power_at_zero_a_half_and_one(number: float) -> None:
    values = torch.tensor([0.0, 0.5, 1.0]).expand(1, 3, 1, 3)
    gamma = torch.exp(torch.tensor((2 * number - 1) * 1.5 * 0.3))
    changed = recoloured(values, [number, *MIDDLE[1:]])
    assert torch.allclose(changed, values**gamma, atol=1e-6)


@given(numbers=st.lists(st.floats(0, 1), min_size=6, max_size=6), strength=st.floats(0, 1))
def test_any_colours_stay_in_range_and_in_order(numbers: list[float], strength: float) -> None:
    ramp = torch.linspace(0, 1, 16).expand(1, 3, 16, 16).clone()
    changed = recoloured(ramp, numbers, strength)
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed.diff(dim=-1) >= 0).all()


def test_contrast_keeps_the_mean_and_light_moves_it() -> None:
    values = images() * 0.2 + 0.4
    spread = recoloured(values, [0.5, 1.0, *MIDDLE[2:]], 0.1)
    assert torch.allclose(spread.mean(), values.mean(), atol=1e-5)
    assert spread.std() > values.std() * 1.1
    lighter = recoloured(values, [*MIDDLE[:5], 1.0], 0.1)
    assert torch.allclose(lighter, values + 0.1, atol=1e-5)


def test_tint_moves_one_channel() -> None:
    values = images() * 0.2 + 0.4
    tinted = recoloured(values, [0.5, 0.5, 1.0, 0.5, 0.5, 0.5], 0.3)
    assert torch.allclose(tinted[:, 0], values[:, 0] + 0.1, atol=1e-5)
    assert torch.allclose(tinted[:, 1:], values[:, 1:], atol=1e-5)


def test_a_sharp_shadow_darkens_one_side_by_its_depth() -> None:
    numbers = torch.tensor([[0.0, 0.5, 0.0, 1.0]])  # from the left, through the middle, sharp, 0.7
    values = images(1)
    changed = add_shadow(values, numbers)
    assert torch.allclose(changed[..., :8], values[..., :8], atol=0.01)
    assert torch.allclose(changed[..., 8:], values[..., 8:] * 0.3, atol=0.01)


def test_a_soft_shadow_is_light_from_one_side() -> None:
    changed = add_shadow(torch.ones(1, 3, 16, 16), torch.tensor([[0.25, 0.5, 1.0, 1.0]]))
    steps = changed[0, 0].diff(dim=0)  # down the image
    assert (steps < 0).all()
    assert steps.abs().max() < 0.1
    assert torch.allclose(changed[..., 0], changed[..., 5])


def test_gray_makes_the_channels_equal() -> None:
    values = images()
    changed = to_grayscale(values, torch.zeros(4, 0))
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert torch.allclose(changed[:, 2], values.mean(dim=1), atol=1e-6)
