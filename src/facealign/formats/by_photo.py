"""Rows by photo, found by the end of the photo's path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Generic, TypeVar

from facealign.errors import DataError

Row = TypeVar("Row")


class PhotoTable(Generic[Row]):
    """Rows by photo: a row is a photo's when the photo's full path ends in the row's path.

    So a row `1.jpg` is every photo's of that name, a row `b/1.jpg` only that of a folder `b`; the
    longest match counts.

    Args:
        rows: by path; a photo without any has an empty list.
        thing: what a row is, for the message where one is missing.
        source: the file they come from.

    """

    def __init__(self, rows: Mapping[str, list[Row]], thing: str, source: Path) -> None:
        self._rows = {_parts(image): given for image, given in rows.items()}
        self._thing, self._source = thing, source

    def of(self, photo: Path) -> list[Row]:
        """The rows of one photo, in their order.

        Raises:
            DataError: the table does not know this photo.

        """
        parts = _parts(str(Path.cwd() / photo))
        for first in range(len(parts)):
            if parts[first:] in self._rows:
                return self._rows[parts[first:]]
        raise DataError(f"{photo}: no {self._thing} for it in {self._source}")


def _parts(image: str) -> tuple[str, ...]:
    return Path(os.path.normpath(image.replace("\\", "/"))).parts
