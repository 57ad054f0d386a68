"""Pictures and files that the tests of decoders share."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from facealign.types import Pixels

Encode = Callable[..., bytes]


@pytest.fixture(scope="session")
def photo() -> Pixels:
    """60 × 80 pixels of smooth colours."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return np.asarray(small.resize((80, 60), Image.Resampling.BICUBIC))


@pytest.fixture(scope="session")
def encoded() -> Encode:
    """(pixels, Pillow's name of a format, its options) → the content of a file."""

    def encode(image: np.ndarray, kind: str, **options: object) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


TYPES = {"B": (1, 1), "H": (3, 2), "I": (4, 4), "R": (5, 8), "r": (10, 8)}
"""Letter of a TIFF type → its number and its bytes; R and r are fractions."""


def make_dng(seen: np.ndarray, orientation: int) -> bytes:
    """A DNG file of what a sensor saw, (H, W) uint16 below an RGGB colour filter."""
    height, width = seen.shape
    unit = [n for row in np.eye(3, dtype=int) for value in row for n in (value, 1)]
    tags: dict[int, tuple[str, list[int]]] = {
        254: ("I", [0]),
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [16]),
        259: ("H", [1]),
        262: ("H", [32803]),
        271: ("B", list(b"Made\0")),
        272: ("B", list(b"Made\0")),
        273: ("I", [0]),
        274: ("H", [orientation]),
        277: ("H", [1]),
        278: ("I", [height]),
        279: ("I", [2 * width * height]),
        33421: ("H", [2, 2]),
        33422: ("B", [0, 1, 1, 2]),
        50706: ("B", [1, 4, 0, 0]),
        50717: ("I", [65535]),
        50721: ("r", unit),
        50728: ("R", [1] * 6),
        50778: ("H", [21]),
    }
    values = {tag: _packed(letter, numbers) for tag, (letter, numbers) in tags.items()}
    start = 8 + 2 + 12 * len(tags) + 4
    values[273] = struct.pack("<I", start + sum(len(v) for v in values.values() if len(v) > 4))
    entries, beyond = b"", b""
    for tag, (letter, _) in sorted(tags.items()):
        number, size = TYPES[letter]
        place = values[tag].ljust(4, b"\0")
        if len(place) > 4:
            place, beyond = struct.pack("<I", start + len(beyond)), beyond + values[tag]
        entries += struct.pack("<HHI", tag, number, len(values[tag]) // size) + place
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + bytes(4) + beyond + seen.astype("<u2").tobytes()


def _packed(letter: str, numbers: list[int]) -> bytes:
    form = {"R": "I", "r": "i"}.get(letter, letter)
    return struct.pack(f"<{len(numbers)}{form}", *numbers)


@pytest.fixture(scope="session")
def dng() -> Callable[..., bytes]:
    """(pixels, orientation) → a DNG file of what a sensor saw of them."""

    def make(image: Pixels, orientation: int = 1) -> bytes:
        light = (image / 255.0) ** 2.2 * 65535
        seen = np.empty(image.shape[:2])
        for (y, x), channel in {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 2}.items():
            seen[y::2, x::2] = light[y::2, x::2, channel]
        return make_dng(seen.round().astype(np.uint16), orientation)

    return make
