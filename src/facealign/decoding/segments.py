"""The segments of a JPEG and chunks of a PNG: pixels, EXIF and colour profile, and nothing else."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

PROFILE = b"ICC_PROFILE\x00"


def split_jpeg(data: bytes) -> tuple[bytes, bytes, bytes | None]:
    """A JPEG without its comments and applications' segments, its EXIF block, its ICC profile.

    Kept are those that say what the pixels mean: JFIF (APP0) and Adobe's colour transform (APP14).
    """
    parts, exif, place = [data[:2]], b"", 2
    profile: dict[int, bytes] = {}
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
            elif data.startswith(PROFILE, place + 4) and end > place + 18:
                profile[data[place + 16]] = data[place + 18 : end]  # parts are numbered from 1
        else:
            parts.append(data[place:end])
        place = end
    joined = b"".join(profile[number] for number in sorted(profile))
    return b"".join([*parts, data[place:]]), exif, joined or None


def with_end(data: bytes) -> bytes:
    """A JPEG that lacks its end mark after its last scan, with it, if all of its pixels are there.

    Where pixels are missing, what follows the data becomes pixels: two different endings then
    decode to different pictures.
    """
    scan = data.rfind(b"\xff\xda")
    if scan < 0 or data.find(b"\xff\xd9", scan) >= 0:
        return data
    body = data.removesuffix(b"\xff")
    pictures = []
    for ending in (b"", b"\x00" * 64, b"\x5a\xa5" * 32):
        variant = io.BytesIO(body + ending + b"\xff\xd9")
        with Image.open(variant, formats=("JPEG",)) as picture:
            pictures.append(np.asarray(picture))
    same = all(np.array_equal(pictures[0], other) for other in pictures[1:])
    return body + b"\xff\xd9" if same else data


OLD_EXIF = (b"tEXtRaw profile type", b"zTXtRaw profile type")
"""How EXIF was kept in a PNG before it had a chunk of its own."""
KEPT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf"})
LARGEST_PROFILE = 2**20
"""Bytes; Pillow refuses to read a PNG with a larger one."""


def split_png(data: bytes) -> tuple[bytes, bytes | None]:
    """A PNG with the chunks of its first picture and its EXIF alone, and its ICC profile."""
    parts, place, profile = [data[:8]], 8, None
    while place + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, place)
        kind, end = data[place + 4 : place + 8], place + 12 + size
        if kind == b"iCCP":
            profile = _profile(data[place + 8 : end - 4])
        if kind in KEPT or data.startswith(OLD_EXIF, place + 4):
            parts.append(data[place:end])
        place = end
        if kind == b"IEND":
            return b"".join(parts), profile
    return b"".join([*parts, data[place:]]), profile  # what is cut short is Pillow's to judge


def _profile(chunk: bytes) -> bytes | None:
    """The profile in an iCCP chunk: its name, a null byte, the method's, compressed bytes."""
    _, _, rest = chunk.partition(b"\x00")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(rest[1:], LARGEST_PROFILE)
    except zlib.error:
        return None
    return content if unpacker.eof else None
