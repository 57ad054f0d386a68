"""A photo in every form that photos come in: the face is where it is, or an error says why not."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from facealign import Face, FaceAligner, ImageError, MissingExtraError, read_image
from facealign.types import Pixels


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def faded(photo: Image.Image) -> Image.Image:
    copy = photo.convert("LA")
    copy.putalpha(230)
    return copy


def float_tiff(photo: Image.Image) -> bytes:
    return encoded(Image.fromarray(np.asarray(photo.convert("L")) / np.float32(255)), "TIFF")


def sixteen_bits(photo: Image.Image) -> bytes:
    return encoded(Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257))


def animation(photo: Image.Image) -> bytes:
    blank = Image.new("RGB", photo.size, "gray")
    return encoded(photo, "GIF", save_all=True, append_images=[blank, blank])


def with_profile(photo: Image.Image) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(photo, "JPEG", icc_profile=profile)


FORMS: dict[str, Callable[[Image.Image], bytes]] = {
    "gray": lambda photo: encoded(photo.convert("L"), "JPEG"),
    "gray and alpha": lambda photo: encoded(faded(photo)),
    "palette": lambda photo: encoded(photo.convert("P", palette=Image.Palette.ADAPTIVE)),
    "CMYK": lambda photo: encoded(photo.convert("CMYK"), "JPEG", quality=90),
    "16 bits": sixteen_bits,
    "float TIFF": float_tiff,
    "animated GIF": animation,
    "progressive JPEG": lambda photo: encoded(photo, "JPEG", progressive=True),
    "ICC profile": with_profile,
    "WebP": lambda photo: encoded(photo, "WEBP"),
    "AVIF": lambda photo: encoded(photo, "AVIF"),
    "BMP": lambda photo: encoded(photo, "BMP"),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_face_is_found_in_every_form(
    aligner: FaceAligner, astronaut: Pixels, face: Face, form: str
) -> None:
    (found,) = aligner.align(FORMS[form](Image.fromarray(astronaut)))
    assert np.linalg.norm(found.landmarks - face.landmarks, axis=1).mean() < 2


STORED = {1: (), 2: (0,), 3: (3,), 4: (1,), 5: (5,), 6: (2,), 7: (6,), 8: (4,)}
"""EXIF orientation → Pillow's transpositions that store an upright photo so."""


@pytest.mark.parametrize("orientation", STORED)
def test_points_refer_to_the_upright_photo(
    aligner: FaceAligner, astronaut: Pixels, face: Face, orientation: int
) -> None:
    stored = Image.fromarray(astronaut)
    for step in STORED[orientation]:
        stored = stored.transpose(Image.Transpose(step))
    exif = Image.Exif()
    exif[0x0112] = orientation
    (found,) = aligner.align(encoded(stored, exif=exif))
    assert np.array_equal(found.landmarks, face.landmarks)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_the_face_is_found_in_every_array(
    aligner: FaceAligner, astronaut: Pixels, face: Face, kind: str, channels: int
) -> None:
    gray = np.asarray(Image.fromarray(astronaut).convert("L"))
    opaque = np.full_like(gray, 255)
    layers = {0: gray, 1: gray[..., None], 2: np.stack([gray, opaque], axis=-1)}
    layers |= {3: astronaut, 4: np.concatenate([astronaut, opaque[..., None]], axis=-1)}
    scale = {"uint8": 1.0, "uint16": 257.0}.get(kind, 1 / 255)
    (found,) = aligner.align((layers[channels] * scale).astype(kind))
    assert np.linalg.norm(found.landmarks - face.landmarks, axis=1).mean() < 2


def test_bgr_is_of_arrays_alone_and_leaves_alpha_in_its_place() -> None:
    array = np.array([[[10, 20, 30, 255]]], np.uint8)
    assert read_image(array, "bgr").tolist() == [[[30, 20, 10]]]
    assert read_image(array[..., 0], "bgr").tolist() == [[[10, 10, 10]]]
    assert read_image(encoded(Image.fromarray(array)), "bgr").tolist() == [[[10, 20, 30]]]


def heic(picture: Image.Image, orientation: int = 1) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    pillow_heif.from_pillow(picture).save(buffer, quality=90, exif=exif.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_heic_photo_stands_upright(
    aligner: FaceAligner, astronaut: Pixels, face: Face, orientation: int
) -> None:
    stored = Image.fromarray(astronaut)
    for step in STORED[orientation]:
        stored = stored.transpose(Image.Transpose(step))
    (found,) = aligner.align(heic(stored, orientation))
    assert np.linalg.norm(found.landmarks - face.landmarks, axis=1).mean() < 2


def test_a_damaged_heic_photo_is_an_image_error(astronaut: Pixels) -> None:
    data = heic(Image.fromarray(astronaut))
    for length in (100, 2000, len(data) // 2, len(data) - 1):
        with pytest.raises(ImageError, match="damaged or cut short"):
            read_image(data[:length])


def test_a_huge_heic_photo_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(Image.new("RGB", (64, 64)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ImageError, match=r"too large \(64 × 64 pixels\)"):
        read_image(data)


def test_heic_without_its_extra_is_answered_with_the_install_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r'pip install "facealign\[heif\]"'):
        read_image(b"\0\0\0\x1cftypheic\0\0\0\0mif1heic" + bytes(200))


def png_header(width: int, height: int) -> bytes:
    """A PNG file that says its size, and ends where its pixels should begin."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 1000) + b"IDAT"


def test_a_bomb_is_refused_before_it_is_decoded_and_the_limit_can_be_raised(
    aligner: FaceAligner, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = png_header(20_000, 20_000)
    with pytest.raises(ImageError, match=r"too large .* raise PIL\.Image\.MAX_IMAGE_PIXELS"):
        aligner.align(bomb)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000 * 20_000)
    with pytest.raises(ImageError, match="damaged or cut short"):
        aligner.align(bomb)


def test_a_photo_near_the_limit_is_read_with_pillows_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded(Image.new("L", (9, 9)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(ImageError, match="too large"):  # where warnings are errors
        read_image(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read_image(data).shape == (9, 9, 3)
