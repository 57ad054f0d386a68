"""CVAT's XML of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets import read_dataset
from facealign.markup import load_markup

BOX = '<box label="head" xtl="20.5" ytl="30.5" xbr="90.5" ybr="95.5" {}/>'


@pytest.fixture
def read(tmp_path: Path, draw: Any) -> Any:
    """(what is on a.png as XML) → the reading."""
    draw(tmp_path / "images" / "a.png")

    def make(*elements: Any, top: str = "") -> Any:
        path = tmp_path / "annotations.xml"
        image = f'<image id="0" name="a.png" width="120" height="100">{"".join(elements)}</image>'
        path.write_text(f"<annotations><version>1.1</version>{image}{top}</annotations>")
        return read_dataset("cvat", path, "all", markup="celeba5")

    return make


@pytest.fixture
def row(points: Any) -> Any:
    """(more attributes) → a face as one row of points."""
    text = ";".join(f"{x + 0.5:.3f},{y + 0.5:.3f}" for x, y in points("celeba5"))
    return lambda more="": f'<points label="face" points="{text}" {more}/>'


@pytest.fixture
def skeleton(points: Any) -> Any:
    """(names, more attributes of point 0) → a face as a skeleton."""

    def make(names: Any = "12345", first: str = "", more: str = "") -> Any:
        inner = "".join(
            f'<points label="{name}" points="{x + 0.5},{y + 0.5}" {first if i == 0 else ""}/>'
            for i, (name, (x, y)) in enumerate(zip(names, points("celeba5"), strict=False))
        )
        return f'<skeleton label="face" {more}>{inner}</skeleton>'

    return make


def test_cvat_measures_from_the_corner(
    reported: list[str], read: Any, row: Any, points: Any
) -> None:
    reading = read(row(), BOX.format(""))
    face = reading.samples[0]
    assert np.allclose(face.landmarks, points("celeba5"), atol=1e-2)
    assert face.box.tolist() == [20, 30, 90, 95]
    assert (face.box_source, reported) == ("official", [])


def test_a_skeleton_says_what_is_outside_and_occluded(
    read: Any, skeleton: Any, points: Any
) -> None:
    face = read(skeleton(first='outside="1" occluded="0"')).samples[0]
    assert np.allclose(face.landmarks[1:], points("celeba5")[1:], atol=1e-4)
    assert face.labelled.tolist() == [False, True, True, True, True]
    face = read(skeleton(first='outside="0" occluded="1"')).samples[0]
    assert face.labelled.all()
    assert face.occluded.tolist() == [True, False, False, False, False]
    assert face.box_source == "landmarks"


def test_a_point_that_a_skeleton_lacks_has_no_place(read: Any, skeleton: Any) -> None:
    assert read(skeleton(names="123")).samples[0].labelled.tolist() == [True] * 3 + [False] * 2


def test_boxes_go_by_group_and_are_not_guessed_among_many_faces(
    read: Any, row: Any, skeleton: Any
) -> None:
    faces = read(
        row('group_id="3"'), skeleton(more='group_id="4"'), BOX.format('group_id="4"')
    ).samples
    assert [face.box_source for face in faces] == ["official", "landmarks"]
    assert faces[0].group == faces[1].group
    faces = read(row(), row(), BOX.format("")).samples
    assert [face.box_source for face in faces] == ["landmarks", "landmarks"]


def test_bad_faces_are_one_line_each(problems_of: Any, read: Any, row: Any, skeleton: Any) -> None:
    bad = [
        skeleton(names="6"),
        row().replace(";", ";x", 1),
        row().replace("points=", "dots="),
        row().replace(";", "|"),
        '<points label="face" points="1,2;3,4"/>',
    ]
    problems = problems_of(lambda: read(*bad))
    assert [line.split(": ")[1] for line in problems] == [f"a.png, face {i}" for i in range(1, 6)]
    assert "2 points, but the markup celeba5 has 5" in problems[4]


def test_images_without_a_face_are_told(problems_of: Any, read: Any) -> None:
    assert "a.png: has no points" in problems_of(lambda: read())[0]


def test_single_points_of_one_group_are_a_face(read: Any, points: Any) -> None:
    names = load_markup("celeba5").names
    singles = [
        f'<points label="{name}" points="{x + 0.5},{y + 0.5}" group_id="{group}"/>'
        for group, shift in ((1, 0), (2, 3))
        for name, (x, y) in [*zip(names, points("celeba5") + shift, strict=True)][::-1]
    ]
    first, second = read(*singles, BOX.format('group_id="1"')).samples
    assert np.allclose(first.landmarks, points("celeba5"), atol=1e-4)
    assert np.allclose(second.landmarks, points("celeba5") + 3, atol=1e-4)
    assert (first.box_source, second.box_source) == ("official", "landmarks")
