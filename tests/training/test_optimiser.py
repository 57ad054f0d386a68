"""The optimiser's groups and what each group's learning rate is."""

from __future__ import annotations

import pytest
import torch

from facealign.network import AAN, AANSettings
from facealign.training.optimiser import make_optimiser, set_learning_rate
from facealign.training.settings import TrainSettings


@pytest.fixture(scope="module")
def model() -> AAN:
    return AAN(AANSettings(input_size=32, widths=(4, 8), ratio=1))


def rates(optimiser: torch.optim.Optimizer, model: AAN) -> dict[str, tuple[float, float]]:
    """Learning rate and weight decay of every weight by its name."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {
        names[id(weight)]: (group["lr"], group["weight_decay"])
        for group in optimiser.param_groups
        for weight in group["params"]
    }


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_the_heads_have_their_share_of_the_learning_rate(kind: str, model: AAN) -> None:
    train = TrainSettings(
        optimiser=kind, learning_rate=0.5, head_rate=0.1, schedule="constant", warmup=4
    )
    optimiser = make_optimiser(model, train)
    set_learning_rate(optimiser, 1, train)  # the second of four steps: half way up
    found = rates(optimiser, model)
    assert set(found) == {name for name, _ in model.named_parameters()}
    assert found["stem.conv.0.weight"][0] == found["stem.conv.1.bias"][0] == 0.25
    for name in ("embedding.weight", "embedding.bias", "linear.weight", "early.0.linear.weight"):
        assert found[f"heads.0.{name}"][0] == pytest.approx(0.025)


def test_adam_lets_all_decay_and_adamw_only_what_is_no_bias(model: AAN) -> None:
    for kind, biases in (("adam", 0.3), ("adamw", 0.0)):
        train = TrainSettings(optimiser=kind, weight_decay=0.3)
        decays = {n: decay for n, (_, decay) in rates(make_optimiser(model, train), model).items()}
        assert decays["heads.0.linear.weight"] == decays["stem.conv.0.weight"] == 0.3
        assert decays["heads.0.linear.bias"] == decays["stem.conv.1.weight"] == biases
