"""Reduced images have the values of Pillow's `reduce`, whatever their size and layout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from facealign.yunet.network import STRIP, reduced

SIDES = st.integers(1, 5) | st.integers(2 * STRIP - 2, 2 * STRIP + 3)


@given(SIDES, SIDES, st.integers(1, 9), st.integers(0, 99))
def test_the_values_are_pillows(height: int, width: int, factor: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(image).reduce(factor))
    assert np.array_equal(reduced(image, factor), expected)
    mirrored = image[:, ::-1, ::-1]  # as OpenCV's frames, turned round
    assert np.array_equal(reduced(mirrored, 2), np.asarray(Image.fromarray(mirrored).reduce(2)))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_what_was_halved_is_reduced_further(factor: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (301, 203, 3), dtype=np.uint8)
    once = Image.fromarray(image).reduce(2)
    assert np.array_equal(reduced(reduced(image, 2), factor), np.asarray(once.reduce(factor)))
