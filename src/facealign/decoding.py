"""Encoded files → Pillow pictures, with care for what real files hold.

Only decoders of a fixed list run, whatever a file is called: none that starts another program.
What is not pixels never refuses a photo: of EXIF only the orientation is read, and a PNG's text,
profile and their checksums are not looked at.
"""

from __future__ import annotations

import io
import struct
from contextlib import suppress

import numpy as np
from PIL import Image

from facealign.errors import ImageError, MissingExtraError

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
"""Pillow's names of the formats that are read; HEIC has a reader of its own."""

RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".erf", ".iiq", ".nef", ".nrw", ".orf", ".pef"}
    | {".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Suffixes of cameras' RAW files; a .dng may hold a developed picture, so its content decides."""
DEVELOP = "a RAW photo: develop it first, to JPEG or TIFF"
ORIENTATION = 0x0112
SUBFILE, PHOTOMETRIC, SUB_IFDS = 254, 262, 330
COLOUR_FILTER, LINEAR_RAW = 32803, 34892


def open_picture(data: bytes, header: bool = False) -> Image.Image:
    """A picture from an encoded file; its pixels are decoded when they are asked for.

    With `header` only its size is wanted: no pixel is decoded here.

    Raises:
        ImageError: it is a RAW photo.
        MissingExtraError: a HEIC file, and the "heif" extra is not installed.
        Exception: whatever Pillow raises of a damaged file.

    """
    if _is_heif(data):
        return _open_heif(io.BytesIO(data), header)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        data = _pixels_only(data)
    exif = b""
    if data.startswith(b"\xff\xd8"):
        data, exif = _split_jpeg(data)
        if not header and not _has_end(data):
            data = _with_end(data)
    picture = Image.open(io.BytesIO(data), formats=FORMATS)
    if exif:
        picture.info["exif"] = exif
    if picture.format == "TIFF":
        _seek_picture(picture)
    return picture


def upright(picture: Image.Image) -> Image.Image:
    """The picture turned by its EXIF orientation; an orientation that cannot be read is none."""
    turn = TURNS.get(orientation(picture))
    return picture if turn is None else picture.transpose(turn)


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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


OLD_EXIF = (b"tEXtRaw profile type", b"zTXtRaw profile type")
"""How EXIF was kept in a PNG before it had a chunk of its own."""
KEPT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf"})


def _pixels_only(data: bytes) -> bytes:
    """A PNG with the chunks of its first picture and its EXIF alone."""
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, place)
        kind, end = data[place + 4 : place + 8], place + 12 + size
        if kind in KEPT or data.startswith(OLD_EXIF, place + 4):
            parts.append(data[place:end])
        place = end
        if kind == b"IEND":
            return b"".join(parts)
    return b"".join([*parts, data[place:]])  # what is cut short is Pillow's to judge


def _split_jpeg(data: bytes) -> tuple[bytes, bytes]:
    """A JPEG without its comments and applications' segments, and its EXIF block.

    Kept are those that say what the pixels mean: JFIF (APP0) and Adobe's colour transform (APP14).
    """
    parts, exif, place = [data[:2]], b"", 2
    while data[place : place + 1] == b"\xff" and place + 4 <= len(data):
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        if marker == 0xDA or 0xD0 <= marker <= 0xD9:  # the scan, or a mark without a length
            break
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if (0xE1 <= marker <= 0xEF and marker != 0xEE) or marker == 0xFE:
            if data.startswith(b"Exif\x00\x00", place + 4):
                exif = exif or data[place + 4 : end]
        else:
            parts.append(data[place:end])
        place = end
    return b"".join([*parts, data[place:]]), exif


def _has_end(data: bytes) -> bool:
    """Whether a JPEG's end mark comes after its last scan; bytes may follow it."""
    scan = data.rfind(b"\xff\xda")
    return scan < 0 or data.find(b"\xff\xd9", scan) >= 0


def _with_end(data: bytes) -> bytes:
    """A JPEG that lacks its end mark, with it, if all of its pixels are there.

    Where pixels are missing, what follows the data becomes pixels: two different endings then
    decode to different pictures.
    """
    body = data.removesuffix(b"\xff")
    ended = body + b"\xff\xd9"
    pictures = []
    for ending in (b"", b"\x00" * 64, b"\x5a\xa5" * 32):
        variant = io.BytesIO(body + ending + b"\xff\xd9")
        with Image.open(variant, formats=("JPEG",)) as picture:
            pictures.append(np.asarray(picture))
    same = all(np.array_equal(pictures[0], other) for other in pictures[1:])
    return ended if same else data


def _seek_picture(picture: Image.Image) -> None:
    """Go to a TIFF's first page that is no thumbnail of another.

    Raises:
        ImageError: its pixels are a sensor's.

    """
    for page in range(min(getattr(picture, "n_frames", 1), 16)):
        picture.seek(page)
        tags = picture.tag_v2  # type: ignore[attr-defined]
        if tags.get(PHOTOMETRIC) in (COLOUR_FILTER, LINEAR_RAW) or _sensor_below(picture, tags):
            raise ImageError(DEVELOP)
        if not int(tags.get(SUBFILE) or 0) & 1:
            return
    picture.seek(0)


def _sensor_below(picture: Image.Image, tags: object) -> bool:
    """Whether a directory below this page holds a sensor's values, as in DNG, NEF and ARW."""
    places = tags.get(SUB_IFDS)  # type: ignore[attr-defined]
    file = getattr(picture, "fp", None)
    if not places or file is None:
        return False
    with suppress(struct.error, OSError, ValueError, TypeError):
        file.seek(0)
        data = file.read()
        order = "<" if data[:2] == b"II" else ">"
        for place in places if isinstance(places, tuple) else (places,):
            (count,) = struct.unpack_from(f"{order}H", data, int(place))
            for entry in range(int(place) + 2, int(place) + 2 + 12 * count, 12):
                tag, _, _, value = struct.unpack_from(f"{order}HHIH", data, entry)
                if tag == PHOTOMETRIC and value in (COLOUR_FILTER, LINEAR_RAW):
                    return True
    return False


HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def _is_heif(data: bytes) -> bool:
    """Whether a file is HEIC: no AVIF, which begins alike and is read by Pillow itself."""
    if data[4:8] != b"ftyp" or data[8:12] not in HEIF_BRANDS:
        return False
    return b"avif" not in data[16 : int.from_bytes(data[:4], "big")]


def _open_heif(file: io.BytesIO, header: bool) -> Image.Image:
    try:
        from pillow_heif import open_heif
    except ImportError:
        raise MissingExtraError("reading HEIC photos", "heif") from None
    photo = open_heif(file)
    width, height = photo.size
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and width * height > 2 * most:  # as Pillow has it for its own formats
        raise Image.DecompressionBombError(f"{width} × {height} pixels")
    if header:
        return Image.new("1", (width, height))
    picture: Image.Image = photo.to_pillow()
    return picture
