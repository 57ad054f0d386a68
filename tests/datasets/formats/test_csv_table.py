"""CSV tables of one's own."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets import read_dataset
from facealign.errors import DataError

COLUMNS = [f"{axis}{i}" for i in range(5) for axis in "xy"]


@pytest.fixture
def write(tmp_path: Path, draw: Any) -> Any:
    """(rows of image, split, box, points) → the table."""
    for name in ("a.png", "b.png"):
        draw(tmp_path / "images" / name)

    def make(
        rows: Any, columns: Any = ("image", "split", "left", "top", "right", "bottom", *COLUMNS)
    ) -> Any:
        path = tmp_path / "faces.csv"
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file).writerows([columns, *rows])
        return path

    return make


def test_values_blanks_boxes_and_splits(write: Any, points: Any) -> None:
    values = points("celeba5").ravel().tolist()
    blank = ["", "", *values[2:]]
    path = write(
        [["a.png", "train", 20, 30, 90, 95, *values], ["b.png", "test", "", "", "", "", *blank]]
    )
    first, second = read_dataset("csv", path, "all", markup="celeba5").samples
    assert np.allclose(first.landmarks, points("celeba5"), atol=1e-4)
    assert first.box.tolist() == [20, 30, 90, 95]
    assert (first.box_source, second.box_source) == ("official", "landmarks")
    assert second.labelled.tolist() == [False, True, True, True, True]
    assert np.allclose(second.box[:2], points("celeba5")[1:].min(axis=0))
    for subset, name in (("train", "a.png"), ("test", "b.png")):
        faces = read_dataset("csv", path, subset, markup="celeba5").samples
        assert [face.group for face in faces] == [name]


def test_bad_rows_are_one_line_each(reported: list[str], write: Any, points: Any) -> None:
    values = points("celeba5").ravel().tolist()
    box = [20, 30, 90, 95]
    rows = [
        ["c.png", "", *box, *values],
        ["a.png", "", *box, "left", *values[1:]],
        ["a.png", "", *box, "", *values[1:]],
        ["a.png", "", 90, 30, 20, 95, *values],
        ["a.png", "", *box],
    ]
    reading = read_dataset("csv", write(rows), "all", markup="celeba5")
    assert reading.samples == []
    assert [line.split(": ")[0].rsplit(":", 1)[1] for line in reported] == list("23456")
    words = ("image", "number", "finite", "empty", "marked")
    for word, line in zip(words, reported, strict=True):
        assert word in line


def test_another_number_of_points_asks_for_the_markup(write: Any) -> None:
    path = write([], columns=["image", *COLUMNS])
    with pytest.raises(DataError, match=r"5 points and ibug68 has 68; x5 is missing"):
        read_dataset("csv", path, "all")
    with pytest.raises(DataError, match="name the right markup"):
        read_dataset("csv", write([], ["image", *COLUMNS, "x5", "y5"]), "all", markup="celeba5")


def test_the_folder_of_the_images_may_be_named(
    write: Any, points: Any, draw: Any, tmp_path: Path
) -> None:
    path = write([["d.png", "", "", "", "", "", *points("celeba5").ravel()]])
    for folder in ("photos", "older"):
        draw(tmp_path / folder / "d.png")
    assert read_dataset("csv", path, "all", markup="celeba5").samples == []
    reading = read_dataset("csv", path, "all", markup="celeba5", images="photos")
    assert reading.samples[0].image == tmp_path / "photos" / "d.png"


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no\.csv: cannot be read"):
        read_dataset("csv", tmp_path / "no.csv", "all")
