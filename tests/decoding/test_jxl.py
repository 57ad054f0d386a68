"""JPEG XL, with the extra and without it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from facealign import MissingExtraError, read_image
from facealign.types import Pixels

pylibjxl = pytest.importorskip("pylibjxl")


def test_jpeg_xl_is_read_as_it_is_stored(photo: Pixels) -> None:
    assert np.array_equal(read_image(pylibjxl.encode(photo, lossless=True)), photo)
    gray = np.ascontiguousarray(photo[..., 0])
    assert np.array_equal(read_image(pylibjxl.encode(gray, lossless=True))[..., 2], gray)
    clear = np.dstack([photo, np.zeros(photo.shape[:2], np.uint8)])
    assert (read_image(pylibjxl.encode(clear, lossless=True)) == 255).all()


def test_without_the_extra_its_name_is_said(photo: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pylibjxl.encode(photo)
    monkeypatch.setitem(sys.modules, "pylibjxl", None)
    with pytest.raises(MissingExtraError, match=r"facealign\[jxl\]"):
        read_image(data)
