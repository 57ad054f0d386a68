"""TIFF, and EXIF, which is one: directories, the page with the picture, the orientation."""

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUBFILE, PHOTOMETRIC, ORIENTATION, SUB_IFDS = 254, 262, 274, 330
MOST_DIRECTORIES = 64
HEADERS = {b"II*\x00": "<", b"MM\x00*": ">"}
Directory = dict[int, tuple[int, ...]]
"""Tag → its values, of the tags whose values are whole numbers of 8, 16 or 32 bits."""
TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: np.rot90,
}


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
            found: Directory = {}
            with suppress(struct.error):  # of one that is cut short, what is there
                for entry in range(place + 2, place + 2 + 12 * count, 12):
                    found.update([_entry(data, order, entry)])
            yield found
            places += struct.unpack_from(f"{order}I", data, place + 2 + 12 * count)
            places += found.get(SUB_IFDS, ())


def _entry(data: bytes, order: str, place: int) -> tuple[int, tuple[int, ...]]:
    tag, kind, count = struct.unpack_from(f"{order}HHI", data, place)
    form = {1: "B", 3: "H", 4: "I", 13: "I"}.get(kind)
    if form is None or count > MOST_DIRECTORIES:
        return tag, ()
    size = struct.calcsize(form) * count
    start = place + 8 if size <= 4 else struct.unpack_from(f"{order}I", data, place + 8)[0]
    with suppress(struct.error):  # an address behind the end
        return tag, struct.unpack_from(f"{order}{count}{form}", data, start)
    return tag, ()


def seek_picture(picture: Image.Image) -> None:
    """Go to a TIFF's first page that is no thumbnail of another."""
    for page in range(min(getattr(picture, "n_frames", 1), 16)):
        picture.seek(page)
        tags = picture.tag_v2  # type: ignore[attr-defined]
        if not int(tags.get(SUBFILE) or 0) & 1:
            return
    picture.seek(0)


def orientation(picture: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none. No other tag is read."""
    exif = picture.info.get("exif")
    if exif and picture.format != "TIFF":
        return _of_exif(exif.removeprefix(b"Exif\x00\x00"))
    with suppress(Exception):  # a tag of a wrong type
        # EXIF of a picture made in memory may be in the text of an old PNG.
        tags = picture.tag_v2 if picture.format == "TIFF" else picture.getexif()  # type: ignore[attr-defined]
        return int(tags.get(ORIENTATION, 1))
    return 1


def _of_exif(data: bytes) -> int:
    """Of an EXIF block's first directory, less strictly than `directories`: cameras err."""
    with suppress(struct.error, KeyError):
        order = {b"II": "<", b"MM": ">"}[data[:2]]
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for place in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", data, place)
            if tag == ORIENTATION:
                form = {1: "B", 4: "I", 9: "i"}.get(kind, "H")
                return int(struct.unpack_from(order + form, data, place + 8)[0])
    return 1


def turned(stored: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Pixels (H, W, …) turned upright; an unknown orientation is ignored."""
    return TURNS[orientation](stored) if orientation in TURNS else stored
