"""Every reader by name: how to write whole files for it, and how it reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.damage import Damage


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        name: of the reader.
        make: writes whole files into an empty folder.
        read: (that folder) → what was read, to be checked for odd values.
        damaged: a pattern of the names of the files that may be damaged.
        ways: of damage; none takes the usual ones of a file of that name.
        share: how often its turn comes, next to the others.

    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]
    damaged: str = "*"
    share: int = 4
    ways: tuple[Damage, ...] = ()
