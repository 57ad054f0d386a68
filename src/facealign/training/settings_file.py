"""Settings in TOML files: read them, apply overrides such as `train.steps=500`, check, write."""

import dataclasses
import difflib
import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
import tomli_w

from facealign.errors import SettingsError
from facealign.files import read_toml
from facealign.training.settings import Settings

T = TypeVar("T")
DEEPEST_BASE = 8
"""Largest number of files in a chain of `base`."""


def load_settings(path: Path, overrides: Sequence[str] = ()) -> Settings:
    """The settings of a TOML file; its key `base` may name another one, whose settings it changes.

    Overrides are such as `train.steps=500` or `data.root=/faces`; the value is TOML or else text.

    Raises:
        SettingsError: the file is missing or not TOML, a key is unknown, or a value has the wrong
            type or is out of range.
    """
    tree = _read_tree(path)
    for override in overrides:
        _override(tree, override)
    return to_settings(tree, str(path))


def _read_tree(path: Path, depth: int = 0) -> dict[str, Any]:
    """The file's tables, merged over those of its `base`, a path relative to the file."""
    tree = read_toml(path, SettingsError)
    base = tree.pop("base", None)
    if base is None:
        return tree
    if not isinstance(base, str) or depth == DEEPEST_BASE:
        raise SettingsError(
            f"{path}: base must name another TOML file, at most {DEEPEST_BASE} in a row"
        )
    return _merged(_read_tree(path.parent / base, depth + 1), tree)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = below.get(key)
        both = isinstance(value, dict) and isinstance(under, dict)
        merged[key] = _merged(under, value) if both else value  # type: ignore[arg-type]
    return merged


def to_settings(tree: dict[str, Any], source: str) -> Settings:
    """Nested dictionaries as settings, checked; errors start with `source`."""
    if isinstance(train := tree.get("train"), dict):
        tree = tree | {"train": {RENAMED.get(key, key): value for key, value in train.items()}}
    _check_keys(tree, Settings, source, "")
    return convert(tree, Settings, source)


RENAMED = {"explosion": "divergence", "on_explosion": "on_divergence"}
"""Old names of [train] settings, in files and checkpoints of version 0.1 → the new ones."""


def convert(tree: dict[str, Any], kind: type[T], source: str) -> T:
    """Nested dictionaries as a `kind`, checked against its types and ranges.

    Raises:
        SettingsError: a value is missing, has the wrong type or is out of range; the message
            starts with `source`.
    """
    if odd := next(_not_finite(tree), None):
        raise SettingsError(f"{source}: {odd}: must be a finite number")
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {_readable(str(error), tree)}") from None


def _not_finite(value: Any, place: str = "") -> Iterator[str]:
    """The numbers that are not finite, with their places."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{place} = {value}"
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_finite(inner, f"{place}.{key}" if place else str(key))


def to_toml(settings: Settings) -> str:
    """All settings as TOML, to keep in the run's folder."""
    return tomli_w.dumps(_without_none(dataclasses.asdict(settings)))


def _without_none(value: Any) -> Any:
    """Leave out None, which TOML lacks: such a setting gets its default when it is read again."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list | tuple) else value


def _readable(message: str, tree: object) -> str:
    """Msgspec's "Expected `int` >= 1 - at `$.train.steps`" → "train.steps = 0: expected int…"."""
    what, _, place = message.partition(" - at ")
    plain = what.replace("`", "")
    key = place.strip("`").removeprefix("$.")
    value = tree
    for part in re.findall(r"\w+", key):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list | tuple) and part.isdecimal():
            value = value[int(part)]
    given = f" = {value}" if isinstance(value, int | float) else ""
    return f"{key}{given}: {plain[:1].lower()}{plain[1:]}" if key else plain


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise SettingsError(f'"{override}" is not an override: write section.key=value')
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = text
    if _is_text(key) and not isinstance(value, str):  # such as a folder called 2024
        value = text
    *sections, last = key.split(".")
    place: Any = tree
    for section in sections:
        if isinstance(place, list):  # of tables
            if not section.isdecimal() or int(section) >= len(place):
                raise SettingsError(f'"{override}": {section} is not in 0 … {len(place) - 1}')
            place = place[int(section)]
        elif isinstance(place, dict):
            place = place.setdefault(section, {})
        else:
            raise SettingsError(f'"{override}": what holds {section} is a value, not a section')
    if not isinstance(place, dict):
        raise SettingsError(f'"{override}": {".".join(sections)} is a value, not a section')
    place[last] = value


def _is_text(key: str) -> bool:
    """Whether the setting with this dotted name is plain text."""
    kind: Any = Settings
    for part in key.split("."):
        if part.isdecimal() and (table := _table_type(kind)) is not None:
            kind = table
        else:
            kind = get_type_hints(kind).get(part) if dataclasses.is_dataclass(kind) else None
    return kind is str


def _check_keys(tree: dict[str, Any], kind: Any, source: str, prefix: str) -> None:
    hints = get_type_hints(kind)
    for key, value in tree.items():
        if key not in hints:
            known = [prefix + hint for hint in hints]
            near = difflib.get_close_matches(prefix + key, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            raise SettingsError(f"{source}: unknown setting {prefix}{key}; {hint}")
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, dict):
            _check_keys(value, hints[key], source, f"{prefix}{key}.")
        elif (table := _table_type(hints[key])) is not None and isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    _check_keys(item, table, source, f"{prefix}{key}.{number}.")


def _table_type(hint: Any) -> Any:
    """The dataclass of a setting's [[tables]]; None if it is not a list of tables."""
    element = next(iter(get_args(hint)), None)
    return element if dataclasses.is_dataclass(element) else None
