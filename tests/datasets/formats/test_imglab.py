"""imglab's XML of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets import read_dataset
from facealign.errors import DataError


@pytest.fixture
def read(tmp_path: Path, draw: Any) -> Any:
    """(the boxes of a.png as XML) → the reading."""
    draw(tmp_path / "a.png")

    def make(*boxes: Any, file: str = "a.png") -> Any:
        path = tmp_path / "faces.xml"
        image = f"<image file='{file}'>{''.join(boxes)}</image>"
        path.write_text(f"<?xml version='1.0'?><dataset><images>{image}</images></dataset>")
        return read_dataset("imglab", path, "all", markup="celeba5")

    return make


@pytest.fixture
def box(points: Any) -> Any:
    """(names of the points, more attributes) → a box as XML."""

    def make(names: Any = ("00", "01", "02", "03", "04"), more: str = "") -> Any:
        parts = "".join(
            f"<part name='{name}' x='{x}' y='{y}'/>"
            for name, (x, y) in zip(names, points("celeba5"), strict=False)
        )
        return f"<box top='30' left='20' width='70' height='65' {more}>{parts}</box>"

    return make


def test_values_and_the_box_of_whole_pixels(
    reported: list[str], read: Any, box: Any, points: Any
) -> None:
    reading = read(box())
    face = reading.samples[0]
    assert np.allclose(face.landmarks, points("celeba5"), atol=1e-4)
    assert face.box.tolist() == [19.5, 29.5, 89.5, 94.5]
    assert (face.id, face.labelled.all(), reported) == ("a.png#1", True, [])


def test_points_by_name_and_missing_ones(read: Any, box: Any, points: Any) -> None:
    face = read(box(names=("left_eye_centre", "right_eye_centre"))).samples[0]
    assert face.labelled.tolist() == [True, True, False, False, False]
    assert np.allclose(face.landmarks[:2], points("celeba5")[1::-1], atol=1e-4)


def test_ignored_boxes_are_left_out_and_an_image_without_boxes_is_told(
    problems_of: Any, read: Any, box: Any
) -> None:
    assert len(read(box(), box(more="ignore='1'")).samples) == 1
    assert "a.png: has no points" in problems_of(lambda: read())[0]


def test_bad_boxes_are_one_line_each(problems_of: Any, read: Any, box: Any) -> None:
    bad = [
        box(names=("00", "nose")),
        box(names=("05",)),
        box().replace("width", "breadth"),
        box().replace("x='", "x='?", 1),
        box(names=()),
    ]
    problems = problems_of(lambda: read(*bad))
    assert [line.split(": ")[1] for line in problems] == [f"a.png, box {i}" for i in range(1, 6)]
    assert 'celeba5 has no point "nose"' in problems[0]


def test_a_missing_image_and_another_file_are_named(
    problems_of: Any, read: Any, box: Any, tmp_path: Path
) -> None:
    assert "b.png" in problems_of(lambda: read(box(), file="b.png"))[0]
    (tmp_path / "c.xml").write_text("<annotations/>")
    with pytest.raises(DataError, match="starts with <annotations> instead of <dataset>"):
        read_dataset("imglab", tmp_path / "c.xml", "all")
    (tmp_path / "c.xml").write_text("<dataset>")
    with pytest.raises(DataError, match=r"c\.xml: not XML"):
        read_dataset("imglab", tmp_path / "c.xml", "all")
