"""EXIF's orientation, the one tag that is read."""

import struct
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ORIENTATION = 0x0112
TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: np.rot90,
}


def turned(stored: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Pixels (H, W, …) turned upright; an unknown orientation is ignored."""
    return TURNS[orientation](stored) if orientation in TURNS else stored


def orientation(picture: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none. No other tag is read."""
    if picture.format == "TIFF":
        with suppress(Exception):  # a tag of a wrong type
            return int(picture.tag_v2.get(ORIENTATION, 1))  # type: ignore[attr-defined]
        return 1
    exif = picture.info.get("exif")
    if not exif:
        with suppress(Exception):  # a picture made in memory, or an old PNG's text
            return int(picture.getexif().get(ORIENTATION, 1))
        return 1
    with suppress(struct.error, IndexError):
        return _orientation(exif.removeprefix(b"Exif\x00\x00"))
    return 1


def _orientation(tiff: bytes) -> int:
    """The orientation in an EXIF block: a TIFF header and its first directory."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", tiff, place)
        if tag == ORIENTATION:
            form = {1: "B", 3: "H", 4: "I"}.get(kind, "H")
            return int(struct.unpack_from(order + form, tiff, place + 8)[0])
    return 1
