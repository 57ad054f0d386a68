"""Gray values of 10, 12 and 14 bits in 16, of floats, and dark pictures of 16 bits."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from facealign import read_image
from facealign.decoding.gray import to_eight_bits

Encode = Callable[..., bytes]


def ramp(top: int) -> np.ndarray:
    return np.linspace(0, top, 256).round().astype(np.uint16)[None].repeat(8, axis=0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_gray_of_few_bits_in_sixteen_fills_the_range(encoded: Encode, bits: int, kind: str) -> None:
    values = read_image(encoded(ramp(2**bits - 1), kind))[0, :, 0]
    assert (values[0], values[-1]) == (0, 255)
    assert np.abs(values.astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("share", [0.065, 0.1, 0.2, 0.5, 0.9])
def test_a_dark_picture_of_sixteen_bits_stays_dark(encoded: Encode, share: float) -> None:
    values = read_image(encoded(ramp(round(share * 65535)), "PNG"))[0, :, 0]
    assert values[-1] == round(share * 255)


def test_a_format_that_says_its_range_is_taken_at_its_word(encoded: Encode) -> None:
    dark = ramp(3000)
    pgm = b"P5 256 8 65535\n" + dark.astype(">u2").tobytes()
    assert read_image(pgm)[0, -1, 0] == round(3000 / 257)
    few = b"P5 256 8 1023\n" + ramp(1023).astype(">u2").tobytes()
    assert np.abs(read_image(few)[0, :, 0].astype(int) - np.arange(256)).max() <= 1
    assert read_image(encoded(dark, "JPEG2000", irreversible=False))[0, -1, 0] == 12


def test_floats_that_are_not_finite_are_black_and_darken_nothing() -> None:
    values = np.full((4, 4), 0.5, np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    assert to_eight_bits(values).ravel().tolist() == [0, 0, 0, *[128] * 13]


def test_a_float_slightly_over_one_is_clipped() -> None:
    plain = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(8, axis=0)
    over = plain.copy()
    over[0, 0] = 1.001
    pictures = []
    for values in (plain, over):
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "TIFF")
        pictures.append(read_image(buffer.getvalue()).astype(int))
    assert np.abs(pictures[1][1:] - pictures[0][1:]).max() == 0
    assert pictures[1][0, 0].tolist() == [255] * 3
