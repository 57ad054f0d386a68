"""One's own images with .pts files."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign.datasets import read_dataset
from facealign.errors import DataError

NFC, NFD = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))


@pytest.fixture
def root(tmp_path: Path, points: Any, draw: Any, write_pts: Any) -> Any:
    for name in ("a", "b/c"):
        draw(tmp_path / f"{name}.png")
        write_pts(tmp_path / f"{name}.pts", points("celeba5") + 1)
    return tmp_path


def test_values(reported: list[str], root: Path, points: Any) -> None:
    reading = read_dataset("pts", root, "all", markup="celeba5")
    assert [sample.id for sample in reading.samples] == ["a.png", "b/c.png"]
    assert reported == []
    assert np.allclose(reading.samples[1].landmarks, points("celeba5"), atol=1e-4)
    assert reading.samples[0].box_source == "landmarks"


def test_every_bad_file_is_one_line(
    problems_of: Any, root: Path, draw: Any, write_pts: Any, points: Any
) -> None:
    draw(root / "unlabelled.jpg")
    write_pts(root / "lonely.pts", points("celeba5"))
    write_pts(root / "a.pts", [["nan", 3]] * 5)
    problems = problems_of(lambda: read_dataset("pts", root, "all", markup="celeba5"))
    assert sorted(line.split(":")[0].removeprefix(f"{root}/") for line in problems) == [
        "a.pts",
        "lonely.pts",
        "unlabelled.jpg",
    ]


@pytest.mark.parametrize(
    "image", ["a.JPG", "a.Jpeg", "a.webp", "a.tif", "a.gif", "A.png", "a.jfif", f"{NFD}.png"]
)
def test_the_image_beside_may_be_any_that_can_be_read(
    tmp_path: Path, points: Any, drawing: Any, write_pts: Any, image: str
) -> None:
    kind = {".jfif": "JPEG", ".JPG": "JPEG", ".Jpeg": "JPEG"}.get(Path(image).suffix)
    Image.fromarray(drawing).save(tmp_path / image, kind)
    stem = NFC if image.startswith("Zo") else "a"
    write_pts(tmp_path / f"{stem}.pts", points("celeba5") + 1)
    (sample,) = read_dataset("pts", tmp_path, "all", markup="celeba5").samples
    assert sample.image == tmp_path / image


def test_the_image_may_keep_its_suffix(
    tmp_path: Path, points: Any, draw: Any, write_pts: Any
) -> None:
    draw(tmp_path / "a.png")
    write_pts(tmp_path / "a.png.pts", points("celeba5") + 1)
    (sample,) = read_dataset("pts", tmp_path, "all", markup="celeba5").samples
    assert sample.image == tmp_path / "a.png"


def test_the_markup_is_never_guessed(reported: list[str], root: Path) -> None:
    reading = read_dataset("pts", root, "all")
    assert reading.samples == []
    assert "5 points, but the markup has 68" in reported[0]


def test_what_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder"):
        read_dataset("pts", root / "nowhere", "all")
    with pytest.raises(DataError, match='no subset "train"'):
        read_dataset("pts", root, "train")
    with pytest.raises(DataError, match='unknown markup "dots"'):
        read_dataset("pts", root, "all", markup="dots")
