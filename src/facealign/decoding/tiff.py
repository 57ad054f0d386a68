"""TIFF: its directories, and which page is the picture."""

import struct
from collections.abc import Iterator
from contextlib import suppress

from PIL import Image

SUBFILE, PHOTOMETRIC, SUB_IFDS = 254, 262, 330
MOST_DIRECTORIES = 64
HEADERS = {b"II*\x00": "<", b"MM\x00*": ">"}
Directory = dict[int, tuple[int, ...]]
"""Tag → its values, of the tags whose values are whole numbers of 16 or 32 bits."""


def directories(data: bytes) -> Iterator[Directory]:
    """The directories of a TIFF file, those below others after them; damage ends the list."""
    order = HEADERS.get(data[:4])
    if order is None:
        return
    left, seen = [data[4:8]], set[int]()
    places = [struct.unpack(f"{order}I", place)[0] for place in left if len(place) == 4]
    with suppress(struct.error):
        while places and len(seen) < MOST_DIRECTORIES:
            place = places.pop(0)
            if not place or place in seen:
                continue
            seen.add(place)
            (count,) = struct.unpack_from(f"{order}H", data, place)
            entries = range(place + 2, place + 2 + 12 * count, 12)
            found = dict(_entry(data, order, entry) for entry in entries)
            yield found
            places += struct.unpack_from(f"{order}I", data, place + 2 + 12 * count)
            places += found.get(SUB_IFDS, ())


def _entry(data: bytes, order: str, place: int) -> tuple[int, tuple[int, ...]]:
    tag, kind, count = struct.unpack_from(f"{order}HHI", data, place)
    form = {3: "H", 4: "I", 13: "I"}.get(kind)
    if form is None or count > MOST_DIRECTORIES:
        return tag, ()
    size = struct.calcsize(form) * count
    start = place + 8 if size <= 4 else struct.unpack_from(f"{order}I", data, place + 8)[0]
    return tag, struct.unpack_from(f"{order}{count}{form}", data, start)


def seek_picture(picture: Image.Image) -> None:
    """Go to a TIFF's first page that is no thumbnail of another."""
    for page in range(min(getattr(picture, "n_frames", 1), 16)):
        picture.seek(page)
        tags = picture.tag_v2  # type: ignore[attr-defined]
        if not int(tags.get(SUBFILE) or 0) & 1:
            return
    picture.seek(0)
