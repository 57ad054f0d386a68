"""Names of files made from photos: one photo, one name, whatever the order."""

import os
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from facealign.files.reading import digest

LONGEST = 200
"""Bytes of a name, of the 255 that a file system takes: a number and a suffix follow."""


def numbered(name: str, number: int) -> str:
    """The name of a photo's n-th file without suffix, counted from 1: `a`, `a_2`, and so on."""
    return name if number == 1 else f"{name}_{number}"


def distinct_names(photos: Collection[Path]) -> dict[Path, str]:
    """A name without suffix for each photo; no two are the same, and their order does not matter.

    It is the photo's own without its suffix; where that could be another's, the suffix stays; where
    two photos of different folders have one name, or it is too long, eight digits of a digest of
    the absolute path follow. Upper and lower case count as one, as on macOS and Windows.

    A name that looks like another photo's second (`numbered`) is not given. Each path comes once.
    """
    stems = Counter(photo.stem.casefold() for photo in photos)
    wholes = Counter(photo.name.casefold() for photo in photos)

    def is_second(name: str) -> bool:
        first = re.sub(r"_\d+$", "", name)
        return first != name and (first in stems or first in wholes)

    def name_of(photo: Path) -> str:
        stem, whole = photo.stem.casefold(), photo.name.casefold()
        if len(os.fsencode(photo.name)) > LONGEST:
            return f"{photo.stem[: LONGEST // 5]}-{_digits(photo)}"
        if stems[stem] == 1 and wholes[stem] <= (stem == whole) and not is_second(stem):
            return photo.stem
        if wholes[whole] == 1 and not stems[whole] and not is_second(whole):
            return photo.name
        return f"{photo.stem}-{_digits(photo)}"

    return {photo: name_of(photo) for photo in photos}


def _digits(photo: Path) -> str:
    return digest([os.fsencode(os.path.abspath(photo))])[:8]  # noqa: PTH100  (no link is followed)
