"""Into the page by hand: photos dropped and pasted; a format that the browser does not read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Scenario = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.slow


def test_photos_are_dropped_and_pasted(
    browse: Scenario, astronaut_path: Path, tmp_path: Path
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    photo = Image.open(astronaut_path).convert("RGB")
    dropped = [tmp_path / "one.jpg", tmp_path / "two.webp"]
    for path in (*dropped, tmp_path / "pasted.png"):
        photo.save(path)
    pillow_heif.from_pillow(photo).save(tmp_path / "phone.heic")
    seen = browse(
        "ways",
        dropped=[str(path) for path in dropped],
        pasted=str(tmp_path / "pasted.png"),
        heic=str(tmp_path / "phone.heic"),
    )
    assert seen["errors"] == []
    assert seen["early"] == 2
    assert seen["marked"]
    assert seen["names"] == ["one.jpg", "two.webp", "image.png", "phone.heic"]
    for name, label in zip(seen["names"][:3], seen["labels"], strict=False):
        assert label.startswith(f"{name}: 1 face. Face 1: yaw ")
    # Chromium has no HEIC; Safari reads it.
    assert seen["error"] == (
        "phone.heic: this browser cannot read it as a picture; save it as JPEG or PNG"
    )
    assert seen["status"] == "3 faces in 3 photos; 1 photo could not be read."
