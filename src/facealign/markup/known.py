"""Point schemes by name: those of `known.toml`, of a TOML or label file, a model, or Python.

A scheme that is not built in is known by its name from when it is read until the process ends.
"""

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from types import MappingProxyType
from typing import Any

from facealign.errors import DataError
from facealign.files import packaged, present, read_toml
from facealign.markup.scheme import Markup, fold

LOG = logging.getLogger(__name__)
MARKUPS: MappingProxyType[str, Markup] = MappingProxyType(
    {
        name: Markup(name, **{"points": list(chain(*facts["groups"].values()))} | facts)
        for name, facts in read_toml(present(packaged("markup/known.toml"))).items()
    }
)
"""The point schemes of the public data sets by name."""
_OWN: dict[str, Markup] = {}


def load_markup(markup: str | os.PathLike[str] | Markup) -> Markup:
    """The point scheme of a name, or of a `.toml` file, or one made in Python.

    A scheme from a file, or made in Python, is known by its name from then on.

    Raises:
        DataError: no scheme has this name, the file is not a point scheme, or another scheme has
            its name.
    """
    if isinstance(markup, Markup):
        return _remember(markup)
    name = os.fspath(markup)
    if found := MARKUPS.get(name) or _OWN.get(name):
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


def scheme_of_names(
    name: str,
    points: Sequence[str],
    place: str,
    mirror: Iterable[Sequence[str]] | None = None,
    skeleton: Iterable[Sequence[str]] = (),
) -> Markup:
    """The point scheme of a label file that names its points: a known one with these, or a new one.

    A new one is known from then on, under the name, with a number if another scheme has the name;
    what is guessed of it is logged as a warning.

    Args:
        name: what the file calls such a face; characters that no name may have become "_".
        points: (K,) the names, in any order for a known scheme.
        place: the file, for messages.
        mirror: pairs of names; None guesses them from left and right in the names.
        skeleton: pairs of names to join by a line.

    Raises:
        DataError: the pairs cannot be guessed.
    """
    name = re.sub(r"[^\w.-]+", "_", name)[:60] or "face"
    words = sorted(map(fold, points))
    pairs = None if mirror is None else list(mirror)
    known = {**MARKUPS, **_OWN}.values()
    alike = [scheme for scheme in known if sorted(map(fold, scheme.names)) == words]
    for scheme in sorted(alike, key=lambda scheme: scheme.name != name):
        if pairs is None or _same_pairs(scheme, pairs):
            return scheme
    others = (f"{name}-{number}" for number in count(2))
    free = next(n for n in chain([name], others) if not known_markup(n))
    try:
        made = _remember(Markup(free, points, pairs, skeleton=skeleton))
    except DataError as error:
        raise DataError(
            f"{place}: {error}; write it into a .toml file and give that with --markup"
        ) from None
    twins = [f"{points[i]}/{points[k]}" for i, k in enumerate(made.mirror.tolist()) if i < k]
    guessed = "" if pairs is not None else ", guessed from their names"
    LOG.log(
        logging.WARNING if pairs is None else logging.INFO,
        "%s: point scheme %s, of the %d points that the file names; in a mirrored photo these "
        "change places%s: %s",
        *(place, free, made.count, guessed, ", ".join(twins) or "none"),
    )
    return made


def _same_pairs(scheme: Markup, pairs: Iterable[Sequence[str]]) -> bool:
    """Whether the same points change places in a mirrored photo."""
    own = {frozenset((i, k)) for i, k in enumerate(scheme.mirror.tolist()) if i < k}
    return own == {frozenset(scheme.find(point) or 0 for point in pair) for pair in pairs}


def scheme_of_dict(content: Mapping[str, Any], place: str) -> Markup:
    """The point scheme that results carry, `Markup.to_dict`; known by its name from then on.

    Raises:
        DataError: it is damaged, or another scheme has its name.
    """
    return load_markup(Markup.from_dict(content, place))


def read_markup(path: Path) -> Markup:
    """The point scheme of a TOML file: the arguments of `Markup` by name.

    Raises:
        DataError: the file cannot be read or is not a point scheme.
    """
    return Markup.from_dict(read_toml(path), str(path))


def _remember(markup: Markup) -> Markup:
    before = MARKUPS.get(markup.name) or _OWN.setdefault(markup.name, markup)
    if before != markup:
        raise DataError(
            f'two different point schemes are called "{markup.name}", of {before.count} and '
            f"{markup.count} points: give one of them another name"
        )
    return before
