"""Photos in every format: pixels to faces."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import numpy as np
from PIL import Image
from tests.fuzz.target import Target

from facealign import FaceAligner, read_image
from facealign.face import Face

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
KINDS = {
    "jpeg": ("JPEG", {"exif": True}),
    "png": ("PNG", {"exif": True}),
    "gif": ("GIF", {}),
    "webp": ("WEBP", {"exif": True}),
    "tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "bmp": ("BMP", {}),
    "avif": ("AVIF", {}),
    "jp2": ("JPEG2000", {}),
    "ppm": ("PPM", {}),
    "tga": ("TGA", {}),
    "heic": ("HEIF", {}),
}
"""Suffix → Pillow's name of the format, and what to save with."""


@cache
def aligner() -> FaceAligner:
    """One for all photos of a process."""
    return FaceAligner("aan-s", threads=1)


def small_photo() -> Image.Image:
    """(96, 96) with one face."""
    with Image.open(PHOTO) as photo:
        return photo.convert("RGB").crop((120, 40, 320, 240)).resize((96, 96))


def _make(suffix: str, folder: Path) -> None:
    name, options = KINDS[suffix]
    photo = small_photo()
    if name == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    given = {**options, "exif": exif} if options.get("exif") else options
    photo.save(folder / f"photo.{suffix}", name, **given)


def _read(suffix: str, folder: Path) -> list[Face]:
    pixels = read_image(folder / f"photo.{suffix}")
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise AssertionError(f"pixels {pixels.dtype} {pixels.shape}")
    if pixels.size > 3 << 24:
        return []
    return aligner().align(pixels)


TARGETS = [
    Target(f"image-{suffix}", partial(_make, suffix), partial(_read, suffix)) for suffix in KINDS
]
