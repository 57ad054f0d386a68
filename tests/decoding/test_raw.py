"""RAW photos: refused by name, or developed where the extra is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facealign import ImageError, align, read_image
from facealign.types import Pixels

Encode = Callable[..., bytes]


def test_a_sensors_values_are_refused_by_name(
    photo: Pixels, dng: Encode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    for name in ("a.dng", "a.tif", "a.jpg", "a.NEF"):
        (tmp_path / name).write_bytes(dng(photo))
        with pytest.raises(ImageError, match=rf"{name}: a RAW photo: develop it first, to JPEG"):
            read_image(tmp_path / name)
    for head in (b"FUJIFILMCCD-RAW 0201", b"\0\0\0\x18ftypcrx ", b"IIRO\x08\0\0\0"):
        with pytest.raises(ImageError, match="a RAW photo: develop it first"):
            read_image(head + bytes(100))
    (tmp_path / "b.NEF").write_bytes(b"anything")
    with pytest.raises(ImageError, match=r"b\.NEF: a RAW photo: develop it first"):
        read_image(tmp_path / "b.NEF")


def test_the_extra_develops_a_raw_photo(
    astronaut: Pixels, dng: Encode, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rawpy")
    developed = read_image(dng(astronaut))
    assert developed.shape == astronaut.shape
    light = developed.mean(axis=2).ravel(), astronaut.mean(axis=2).ravel()
    assert np.corrcoef(*light)[0, 1] > 0.95
    (face,), (known,) = align(developed), align(astronaut)
    assert np.abs(face.landmarks - known.landmarks).max() < 4
    assert read_image(dng(astronaut[:400], 6)).shape == (512, 400, 3)
    half = dng(astronaut)[:200_000]
    with pytest.raises(ImageError, match="damaged or cut short"):
        read_image(half)
    capfd.readouterr()  # LibRaw's own line


def test_a_raw_photo_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    (tmp_path / "a.nef").write_bytes(b"anything" * 1000)
    with pytest.raises(ImageError, match=r"a\.nef: a RAW photo that LibRaw does not know"):
        read_image(tmp_path / "a.nef")
