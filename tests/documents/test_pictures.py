"""The pictures of the documents: each is shown, made by a script, and small; the clip moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted(path for path in ROOT.glob("docs/pictures/**/*") if path.is_file())
BY_HAND = {"page.jpg"}
"""A screenshot of `facealign web`."""


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_shown_and_made_by_a_script(picture: Path) -> None:
    assert picture.stat().st_size <= 1_000_000
    pages = [path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]]
    assert any(picture.name in page for page in pages)
    scripts = [path.read_text() for path in ROOT.glob("scripts/*.py")]
    assert picture.name in BY_HAND or any(picture.name in script for script in scripts)


def test_the_clip_is_a_loop_of_many_frames() -> None:
    with Image.open(ROOT / "docs/pictures/tracked.webp") as clip:
        assert clip.is_animated
        assert clip.n_frames > 50
        assert clip.info["loop"] == 0
