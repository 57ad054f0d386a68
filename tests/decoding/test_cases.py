"""Files that users of such tools reported, made again of the example photo: what is in them.

The photo is cut to 360 × 360 and saved as a JPEG, quality 85, to compare with; the same face is in
each odd file. A re-encoding alone (quality 80) moves the mean point by 0.27 px and the farthest by
0.50.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facealign import Face, FaceAligner, ImageError, read_image
from facealign.types import Pixels

Encode = Callable[..., bytes]


@pytest.fixture(scope="module")
def aligner() -> FaceAligner:
    return FaceAligner("aan-m", threads=1)  # heatmap-m sees another encoding 0.4 px apart


@pytest.fixture(scope="module")
def cut(astronaut: Pixels) -> Pixels:
    return np.ascontiguousarray(astronaut[:360, 90:450])


@pytest.fixture(scope="module")
def upright(aligner: FaceAligner, cut: Pixels, encoded: Encode) -> Face:
    (face,) = aligner.align(encoded(cut, "JPEG", quality=85))
    assert np.abs(face.box - [90, 92.7, 176.6, 179.3]).max() < 2  # the detector is no better
    return face


def apart(face: Face, other: Face) -> float:
    """The mean distance of the points in pixels."""
    return float(np.linalg.norm(face.landmarks - other.landmarks, axis=1).mean())


@pytest.mark.parametrize(
    "odd",
    [
        (0x8825, 4, 1, struct.pack(">I", 0x7FFFFFFF)),  # GPS beyond the end
        (0x011A, 10, 1, struct.pack(">I", 0xFFFFFFF0)),  # XResolution of another type
    ],
)
def test_exif_that_is_odd_in_a_tag_nobody_needs(
    aligner: FaceAligner,
    upright: Face,
    cut: Pixels,
    encoded: Encode,
    odd: tuple[int, int, int, bytes],
) -> None:
    turn = (0x0112, 3, 1, struct.pack(">HH", 6, 0))
    entries = b"".join(struct.pack(">HHI", *e[:3]) + e[3] for e in sorted([turn, odd]))
    block = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + entries + bytes(4)
    lying = np.ascontiguousarray(np.rot90(cut))
    data = encoded(lying, "JPEG", quality=80, exif=block)
    plain = np.rot90(read_image(encoded(lying, "JPEG", quality=80)), -1)
    assert np.array_equal(read_image(data), plain)
    (face,) = aligner.align(data)
    assert apart(face, upright) < 0.3


@pytest.fixture(scope="module")
def small(cut: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(cut).resize((240, 240), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("kind", ["text", "profile"])
def test_a_photo_with_more_than_a_megabyte_of_metadata(
    aligner: FaceAligner, small: Pixels, encoded: Encode, kind: str
) -> None:
    text = PngInfo()
    text.add_text("comment", "a" * 2_000_000, zip=True)
    options = {"pnginfo": text} if kind == "text" else {"icc_profile": bytes(2_000_000)}
    (face,), (known,) = aligner.align(encoded(small, "PNG", **options)), aligner.align(small)
    assert np.array_equal(face.landmarks, known.landmarks)


def test_a_jpeg_without_its_last_two_bytes(
    aligner: FaceAligner, upright: Face, cut: Pixels, encoded: Encode
) -> None:
    data = encoded(cut, "JPEG", quality=85)
    (face,) = aligner.align(data[:-2])
    assert np.array_equal(face.landmarks, upright.landmarks)
    with pytest.raises(ImageError, match="damaged or cut short"):
        aligner.align(data[: len(data) // 2])


def test_ranges_that_do_not_fill_their_container(aligner: FaceAligner, small: Pixels) -> None:
    light = small.mean(axis=2) / 255

    def face_of(values: np.ndarray, kind: str) -> Face:
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, kind)
        (face,) = aligner.align(buffer.getvalue())
        return face

    known = face_of(light.astype(np.float32), "TIFF")
    over = light.astype(np.float32)
    over[0, 0] = 1.001
    assert apart(face_of(over, "TIFF"), known) < 0.5
    for bits in (8, 10, 12, 14, 16):
        top = 2**bits - 1
        values = (light / light.max() * top).round().astype(np.uint16)
        assert apart(face_of(values, "PNG"), known) < 0.5, bits


def test_a_small_file_of_many_pixels_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(zlib, "decompress", refuse)
    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_up = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", sum_up)

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
    with pytest.raises(ImageError, match="too large"):
        read_image(data)
