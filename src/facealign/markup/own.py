"""Point schemes that are not built in: from a TOML file, a label file, a model, or Python.

A scheme is known by its name from the moment it is read until the process ends.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from facealign.errors import DataError
from facealign.files import reading
from facealign.markup.known import MARKUPS
from facealign.markup.scheme import Markup

_OWN: dict[str, Markup] = {}


def load_markup(markup: str | os.PathLike[str] | Markup) -> Markup:
    """The point scheme of a name, or of a `.toml` file, or one made in Python.

    A scheme from a file, or made in Python, is known by its name from then on.

    Raises:
        DataError: no scheme has this name, the file is no point scheme, or another scheme has its
            name.

    """
    if isinstance(markup, Markup):
        return _remember(markup)
    name = os.fspath(markup)
    found = MARKUPS.get(name) or _OWN.get(name)
    if found is not None:
        return found
    if name.lower().endswith(".toml"):
        return _remember(read_markup(Path(name).expanduser()))
    raise DataError(
        f'unknown markup "{name}": choose one of {", ".join((*MARKUPS, *_OWN))}, or give the .toml '
        "file of a point scheme"
    )


def known_markup(name: object) -> bool:
    """Whether a scheme has this name by now."""
    return isinstance(name, str) and (name in MARKUPS or name in _OWN)


def is_own(name: str) -> bool:
    """Whether a scheme is not built in."""
    return name not in MARKUPS


def own_scheme(name: str) -> dict[str, Any] | None:
    """What whoever writes the name of a scheme must write too: `Markup.to_dict`, or None."""
    return load_markup(name).to_dict() if is_own(name) else None


def read_markup(path: Path) -> Markup:
    """The point scheme of a TOML file: the arguments of `Markup` by name.

    Raises:
        DataError: the file cannot be read or is no point scheme.

    """
    with reading(path):
        content = path.read_bytes()
    try:
        tree = tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not TOML ({error})") from None
    return Markup.from_dict(tree, str(path))


def _remember(markup: Markup) -> Markup:
    before = MARKUPS.get(markup.name) or _OWN.setdefault(markup.name, markup)
    if before != markup:
        raise DataError(
            f'two different point schemes are called "{markup.name}", of {before.count} and '
            f"{markup.count} points: give one of them another name"
        )
    return before
