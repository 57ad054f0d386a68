"""The settings of a sweep, from a TOML file: base settings, and the range of each searched one."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from facealign.errors import SettingsError
from facealign.files import read_toml
from facealign.training.settings import Settings
from facealign.training.settings_file import convert, load_settings

KINDS = ("uniform", "log", "int", "choice")


Space = tuple[str, list[Any]]
"""Range of a searched setting: "uniform" or "log" between two numbers, "int" between two whole
numbers, both included, or a "choice", and the two limits or the choices."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a sweep."""

    base: str
    """Settings file that every trial starts from, relative to this one."""
    search: dict[str, dict[str, list[Any]]]
    """Setting → { uniform = [a, b] }, { log = [a, b] }, { int = [a, b] } or { choice = [...] }."""
    name: str = "sweep"
    """Name of its folder under sweeps/."""
    fixed: tuple[str, ...] = ()
    """Changes to the base in every trial, such as "train.steps=500"."""
    trials: int = 20
    """Number of trials of all workers together."""
    startup: int = 5
    """Random trials before the search learns from results, and before any trial is pruned."""
    pruning: bool = True
    """Whether to end a trial whose validation is worse than the median at the same step."""
    seed: int = 0
    """Seed of the search; the seed of the training is a setting of the base."""

    @property
    def spaces(self) -> dict[str, Space]:
        """Setting → its range."""
        return {key: _to_space(key, entry) for key, entry in self.search.items()}

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """The settings of a trial with these values.

        Raises:
            SettingsError: the values contradict each other, or the base cannot be read.
        """
        searched = [f"{key}={json.dumps(value)}" for key, value in values.items()]
        return load_settings(Path(self.base), [*self.fixed, *searched])


def load_sweep(path: Path, fixed: Sequence[str] = (), trials: int | None = None) -> Sweep:
    """The sweep of a TOML file, with more changes to the base and another number of trials.

    Raises:
        SettingsError: the file cannot be read, a key is unknown, or a range is not valid.
    """
    sweep = convert(read_toml(path, SettingsError), Sweep, str(path))
    found = msgspec.structs.replace(
        sweep,
        base=str(path.parent / sweep.base),
        fixed=(*sweep.fixed, *fixed),
        trials=sweep.trials if trials is None else trials,
    )
    _check(found, path)
    return found


def _check(sweep: Sweep, path: Path) -> None:
    """Build the settings at every end of the search now, not hours into it."""
    if not sweep.search or sweep.trials < 1 or sweep.startup < 1:
        raise SettingsError(f"{path}: needs at least one [search] setting, 1 trial and 1 startup")
    data = sweep.settings({}).data
    if not (data.validation or data.folds):
        raise SettingsError(f"{path}: held-out faces rank the trials: set data.validation")
    for key, (_, values) in sweep.spaces.items():
        for value in values:
            sweep.settings({key: value})


def _to_space(key: str, entry: dict[str, list[Any]]) -> Space:
    kind, values = next(iter(entry.items()), ("", []))
    number = int if kind == "int" else (int, float)
    limits = kind == "choice" or (
        len(values) == 2
        and all(isinstance(v, number) and -math.inf < v < math.inf for v in values)
        and values[0] < values[1]
        and (kind != "log" or values[0] > 0)
    )
    if len(entry) != 1 or kind not in KINDS or not values or not limits:
        raise SettingsError(
            f"search of {key}: write {{ uniform = [low, high] }}, {{ log = [low, high] }} above 0, "
            "{ int = [low, high] } or { choice = [one, other] }"
        )
    return kind, values
