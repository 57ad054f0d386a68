"""The optimiser, its learning rate at each step, and the running average of the weights (EMA)."""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from facealign.errors import SettingsError
from facealign.training.settings import TrainSettings


def freeze_all_but(model: nn.Module, learns: Sequence[str]) -> None:
    """Freeze every weight whose name has none of these words; an empty list freezes nothing.

    Raises:
        SettingsError: no weight has any of them.
    """
    if not learns:
        return
    names = [name for name, _ in model.named_parameters() if any(word in name for word in learns)]
    if not names:
        raise SettingsError(
            f"train.learns = {list(learns)}: no weight has such a name; use for example heads, "
            "heads.0.spread, heads.0.embedding, stages.3 or stem"
        )
    for name, weight in model.named_parameters():
        weight.requires_grad_(name in names)


def make_optimiser(model: nn.Module, train: TrainSettings) -> torch.optim.Optimizer:
    """The optimiser of the settings, fused into one pass over the weights.

    They are grouped by their share of the learning rate and whether they decay.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            decays = train.optimiser == "adam" or weight.ndim > 1
            groups.setdefault((name.startswith("heads."), decays), []).append(weight)
    parts = [
        {
            "params": weights,
            "weight_decay": train.weight_decay if decays else 0.0,
            "share": train.head_rate if of_head else 1.0,
        }
        for (of_head, decays), weights in groups.items()
    ]
    kind = torch.optim.Adam if train.optimiser == "adam" else torch.optim.AdamW
    return kind(parts, train.learning_rate, fused=True)


def set_learning_rate(optimiser: torch.optim.Optimizer, step: int, train: TrainSettings) -> None:
    """Set the learning rate of a step."""
    for group in optimiser.param_groups:
        group["lr"] = train.learning_rate * group["share"] * learning_rate_factor(step, train)


def learning_rate_factor(step: int, train: TrainSettings) -> float:
    """The learning rate of a step as a fraction of `train.learning_rate`."""
    warm = min(1.0, (step + 1) / train.warmup) if train.warmup else 1.0
    done = step / train.steps
    if train.schedule == "cosine":
        return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
    if train.schedule == "step":
        return warm * float(0.1 ** sum(done >= milestone for milestone in train.milestones))
    return warm


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, step: int, ema: float) -> None:
    """Move the running average towards the weights, all of them in one call."""
    if average is model:
        return
    move = get_ema_multi_avg_fn(min(ema, (1 + step) / (10 + step)))  # type: ignore[no-untyped-call]
    source, target = model.state_dict(), average.state_dict()
    names = [name for name, value in target.items() if value.is_floating_point()]
    move([target[name] for name in names], [source[name] for name in names], None)
