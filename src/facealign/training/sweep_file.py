"""What a sweep tries, from a TOML file: a base of settings, and where some of them may lie."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from facealign.errors import SettingsError
from facealign.training.settings import Settings
from facealign.training.settings_file import convert, load_settings, read_toml

KINDS = ("uniform", "log", "int", "choice")


@dataclass(frozen=True)
class Space:
    """Where one setting may lie.

    Attributes:
        kind: "uniform" or "log" between two numbers, "int" between two whole numbers, both of
            them included, or a "choice" of values.
        values: the two limits, or the choices.

    """

    kind: str
    values: tuple[Any, ...]


class Sweep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sweep's settings."""

    base: str
    """Settings file that every trial starts from, relative to this one."""
    search: dict[str, dict[str, list[Any]]]
    """Setting → { uniform = [a, b] }, { log = [a, b] }, { int = [a, b] } or { choice = [...] }."""
    name: str = "sweep"
    """Of its folder, under sweeps/."""
    fixed: tuple[str, ...] = ()
    """Changes of the base in every trial, such as "train.steps=500"."""
    trials: int = 20
    """Trials in all, of every worker together."""
    startup: int = 5
    """Trials at random before those that learn from the ones before, and before any is pruned."""
    pruning: bool = True
    """Whether a trial ends early whose validation is worse than the median at the same step."""
    seed: int = 0
    """Of the search; the seed of the training is a setting of the base."""

    @property
    def spaces(self) -> dict[str, Space]:
        """Setting → where it may lie."""
        return {key: _to_space(key, entry) for key, entry in self.search.items()}

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """The settings of a trial with these values.

        Raises:
            SettingsError: they do not go together, or the base cannot be read.

        """
        searched = [f"{key}={json.dumps(value)}" for key, value in values.items()]
        return load_settings(Path(self.base), [*self.fixed, *searched])


def load_sweep(path: Path, fixed: Sequence[str] = (), trials: int | None = None) -> Sweep:
    """The sweep of a TOML file.

    Args:
        path: the file.
        fixed: more changes of the base.
        trials: another number of trials than the file's.

    Raises:
        SettingsError: the file cannot be read, a key is unknown, or a setting may lie where it
            must not.

    """
    sweep = convert(read_toml(path), Sweep, str(path))
    found = msgspec.structs.replace(
        sweep,
        base=str(path.parent / sweep.base),
        fixed=(*sweep.fixed, *fixed),
        trials=sweep.trials if trials is None else trials,
    )
    _check(found, path)
    return found


def _check(sweep: Sweep, path: Path) -> None:
    """See that every end of the search makes settings, before hours are spent on the way there."""
    if not sweep.search or sweep.trials < 1 or sweep.startup < 1:
        raise SettingsError(f"{path}: a search of one setting, one trial and one startup at least")
    data = sweep.settings({}).data
    if not (data.validation or data.folds):
        raise SettingsError(f"{path}: trials are told apart by held-out faces: set data.validation")
    for key, space in sweep.spaces.items():
        for value in space.values:
            sweep.settings({key: value})


def _to_space(key: str, entry: dict[str, list[Any]]) -> Space:
    kind, values = next(iter(entry.items()), ("", []))
    number = int if kind == "int" else (int, float)
    limits = kind == "choice" or (
        len(values) == 2
        and all(isinstance(v, number) and math.isfinite(v) for v in values)
        and values[0] < values[1]
        and (kind != "log" or values[0] > 0)
    )
    if len(entry) != 1 or kind not in KINDS or not values or not limits:
        raise SettingsError(
            f"search of {key}: write {{ uniform = [low, high] }}, {{ log = [low, high] }} above 0, "
            "{ int = [low, high] } or { choice = [one, other] }"
        )
    return Space(kind, tuple(values))
