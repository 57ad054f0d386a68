"""Typed settings of a run: a TOML file, changed by dotted overrides such as `train.steps=500`."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

import msgspec
import tomli_w

from facealign.errors import SettingsError
from facealign.network.aan import AANSettings


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which labelled faces, and how they are cropped."""

    dataset: str = "300w"
    """Name of the data set's reader."""
    root: str = ""
    """Folder of the data set."""
    subset: str = "train"
    """Subset to train on."""
    options: dict[str, str | int] = field(default_factory=dict)
    """What the data set's reader takes besides, such as `training_faces` of a part of AFLW."""
    validation: float = 0.1
    """Share of the photos held out to choose the best checkpoint; no photo is in both parts."""
    margin: float = 0.15
    """What the crop adds on each side of the box, as a fraction of the box size."""


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Random changes of a training image; every strength 0 is the paper's "no augmentation"."""

    turn: float = 0.0
    """Standard deviation of the turn, in degrees; cut at three times this."""
    scale: float = 0.0
    """Standard deviation of the logarithm of the crop's size."""
    shift: float = 0.0
    """Standard deviation of the crop's centre, as a fraction of its side."""
    mirror: float = 0.0
    """Probability of the mirror image, its points in the markup's mirror order."""
    colour: float = 0.0
    """Strength of the change of brightness, contrast, tint and gamma; 0.2 is moderate."""
    gray: float = 0.0
    """Probability of a gray image."""
    blur: float = 0.0
    """About the probability of a reduced resolution, by a half or to a third."""
    noise: float = 0.0
    """Largest standard deviation of pixel noise, in gray levels; half of the images get some."""
    occlude: float = 0.0
    """Probability of a flat or noisy rectangle over part of the face."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The loop. The defaults are the paper's recipe but for the number of steps."""

    steps: int = 2000
    """Optimiser steps in all."""
    batch: int = 64
    """Faces a step."""
    optimiser: Literal["adam", "adamw"] = "adam"
    """"adam" adds the weight decay to the gradient (the paper's), "adamw" decouples it."""
    learning_rate: float = 1e-3
    """At the start, after the warm-up."""
    schedule: Literal["step", "cosine", "constant"] = "step"
    """"step" divides by 10 at each milestone, "cosine" falls to 1 % at the end."""
    milestones: tuple[float, ...] = (0.5, 0.8)
    """Where "step" steps, as fractions of all steps."""
    warmup: int = 0
    """Steps over which the learning rate rises from 0."""
    weight_decay: float = 1e-3
    """Not applied to biases and batch normalisation by "adamw"."""
    loss: Literal["mse", "sse", "l1", "wing"] = "sse"
    """Over coordinates as fractions of the crop; "sse" sums a face's squares, which "mse" averages;
    "wing" is Feng et al. 2018."""
    early_weight: float = 1.0
    """Weight of each early head's loss."""
    clip: float = 0.0
    """Largest norm of the gradient; 0 leaves it alone."""
    ema: float = 0.0
    """Decay of the running average of the weights that is validated and exported; 0 is off."""
    seed: int = 0
    """Of every random number of the run."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the convolutions; "auto" is bfloat16 where the processor has instructions for it."""
    threads: int = 0
    """Of PyTorch; 0 leaves its own choice."""
    validate_every: int = 200
    """Steps between validations; a checkpoint is written at each."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides the outcome of a run."""

    name: str = "aan"
    """Name of the run and of the model that comes of it."""
    licence: str = "not stated; the terms of the training data may bind the weights"
    """Terms of the weights; they travel inside the exported file."""
    data: DataSettings = field(default_factory=DataSettings)
    model: AANSettings = field(default_factory=AANSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    train: TrainSettings = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        for section, name, low, high in _RANGES:
            value = getattr(getattr(self, section), name)
            if not low <= value <= high:
                raise SettingsError(f"{section}.{name} = {value}: must be in {low} … {high}")


DEEPEST_BASE = 8
"""Files that may stand on each other by `base`."""

_RANGES: tuple[tuple[str, str, float, float], ...] = (
    ("data", "validation", 0.0, 0.9),
    ("data", "margin", 0.0, 2.0),
    ("augment", "turn", 0.0, 60.0),
    ("augment", "scale", 0.0, 0.5),
    ("augment", "shift", 0.0, 0.5),
    ("augment", "mirror", 0.0, 1.0),
    ("augment", "colour", 0.0, 1.0),
    ("augment", "gray", 0.0, 1.0),
    ("augment", "blur", 0.0, 1.0),
    ("augment", "noise", 0.0, 255.0),
    ("augment", "occlude", 0.0, 1.0),
    ("train", "steps", 1, 10**9),
    ("train", "batch", 2, 65536),
    ("train", "learning_rate", 0.0, 10.0),
    ("train", "warmup", 0, 10**9),
    ("train", "weight_decay", 0.0, 10.0),
    ("train", "early_weight", 0.0, 1e6),
    ("train", "clip", 0.0, 1e6),
    ("train", "seed", 0, 2**63 - 1),
    ("train", "ema", 0.0, 0.999999),
    ("train", "threads", 0, 4096),
    ("train", "validate_every", 1, 10**9),
)


def load_settings(path: Path, overrides: Sequence[str] = ()) -> Settings:
    """The settings of a TOML file with dotted overrides over them.

    Args:
        path: the TOML file; its key `base` may name another that it changes.
        overrides: such as `train.steps=500` or `data.root=/faces`; the value is TOML, or plain
            text where that is no TOML.

    Raises:
        SettingsError: the file is missing or no TOML, a key is unknown, a value has the wrong type
            or is out of range.

    """
    tree = _read_tree(path)
    for override in overrides:
        _override(tree, override)
    return to_settings(tree, str(path))


def _read_tree(path: Path, depth: int = 0) -> dict[str, Any]:
    """The file's tables, over those of the file that its key `base` names, relative to it."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
    base = tree.pop("base", None)
    if base is None:
        return tree
    if not isinstance(base, str) or depth == DEEPEST_BASE:
        raise SettingsError(f"{path}: base must name another TOML file, without going in circles")
    return _merged(_read_tree(path.parent / base, depth + 1), tree)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = below.get(key)
        both = isinstance(value, dict) and isinstance(under, dict)
        merged[key] = _merged(under, value) if both else value  # type: ignore[arg-type]
    return merged


def to_settings(tree: dict[str, Any], source: str) -> Settings:
    """Plain nested dictionaries as settings, checked; `source` names them in errors."""
    _check_keys(tree, Settings, source, "")
    try:
        return msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {_readable(str(error))}") from None


def to_toml(settings: Settings) -> str:
    """The resolved settings as TOML, to be kept beside the run."""
    return tomli_w.dumps(_without_none(dataclasses.asdict(settings)))


def _without_none(tree: dict[str, Any]) -> dict[str, Any]:
    """TOML has no None: such a setting is left out, and so keeps its default when read again."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in tree.items()
        if value is not None
    }


def _readable(message: str) -> str:
    """Msgspec's "Expected `int`, got `str` - at `$.train.steps`" → "train.steps: expected int…"."""
    what, _, place = message.partition(" - at ")
    plain = what.replace("`", "")
    key = place.strip("`").removeprefix("$.")
    return f"{key}: {plain[:1].lower()}{plain[1:]}" if key else plain


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise SettingsError(f'"{override}" is not an override: write section.key=value')
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    if _is_text(key) and not isinstance(value, str):  # such as a folder called 2024
        value = text
    *sections, last = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise SettingsError(f'"{override}": {section} is a value, not a section')
    tree[last] = value


def _is_text(key: str) -> bool:
    """Whether the setting of this dotted name is plain text."""
    kind: Any = Settings
    for part in key.split("."):
        kind = get_type_hints(kind).get(part) if dataclasses.is_dataclass(kind) else None
    return kind is str


def _check_keys(tree: dict[str, Any], kind: type, source: str, prefix: str) -> None:
    hints = get_type_hints(kind)
    for key, value in tree.items():
        if key not in hints:
            raise SettingsError(_unknown(f"{prefix}{key}", [prefix + h for h in hints], source))
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, dict):
            section = hints[key]
            assert isinstance(section, type)
            _check_keys(value, section, source, f"{prefix}{key}.")


def _unknown(key: str, known: list[str], source: str) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return f"{source}: unknown setting {key}; {hint}"
