"""A PNG's pixels and colour profile, without what else its chunks hold."""

import struct
import zlib

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
