"""Half a file is an error in every format: no picture is made up of what is not there."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from facealign import ImageError, read_image
from facealign.types import Pixels

Encode = Callable[..., bytes]
OPTIONS = {
    "AVIF": {"quality": 90},
    "BMP": {},
    "GIF": {},
    "JPEG": {"quality": 90},
    "JPEG2000": {},
    "PNG": {},
    "PPM": {},
    "TGA": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
}


@pytest.fixture(scope="module")
def large(photo: Pixels) -> Pixels:
    noise = np.random.default_rng(1).integers(0, 40, (240, 320, 3)).astype(np.uint8)
    return np.tile(photo // 2, (4, 4, 1)) + noise


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("kind", OPTIONS)
def test_half_a_file_is_an_error(large: Pixels, encoded: Encode, kind: str, share: float) -> None:
    data = encoded(large, kind, **OPTIONS[kind])
    assert read_image(data).shape == large.shape
    with pytest.raises(ImageError, match=r"damaged or cut short|not an image"):
        read_image(data[: int(share * len(data))])


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_half_a_compressed_tiff_is_an_error(
    large: Pixels, encoded: Encode, compression: str, share: float
) -> None:
    data = encoded(large, "TIFF", compression=compression)
    with pytest.raises(ImageError, match=r"damaged or cut short|not an image"):
        read_image(data[: int(share * len(data))])


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_half_a_heic_or_jpeg_xl_file_is_an_error(large: Pixels, share: float) -> None:
    heif = pytest.importorskip("pillow_heif")
    pylibjxl = pytest.importorskip("pylibjxl")
    buffer = io.BytesIO()
    heif.from_pillow(Image.fromarray(large)).save(buffer, quality=90)
    for data in (buffer.getvalue(), pylibjxl.encode(large)):
        assert read_image(data).shape == large.shape
        with pytest.raises(ImageError, match=r"damaged or cut short|not an image"):
            read_image(data[: int(share * len(data))])
