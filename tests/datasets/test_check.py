"""Checks of a reading, and the contact sheet."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets import Reading, read_dataset
from facealign.datasets.check import LEFT, RIGHT, check_reading, draw_sheet
from facealign.datasets.reading import build_sample
from facealign.markup import load_markup


@pytest.fixture
def face(tmp_path: Path, draw: Any, points: Any) -> Any:
    return build_sample(
        "here",
        id="a.png",
        image=draw(tmp_path / "a.png"),
        landmarks=points("celeba5"),
        markup="celeba5",
        box=(20, 20, 100, 95),
    )


def _check(*faces: Any, dataset: str = "pts") -> Any:
    return check_reading(Reading(dataset, "all", list(faces)), ["b.pts: broken"])


def test_a_good_face_has_nothing_to_say(face: Any) -> None:
    check = _check(face)
    assert (check.count, check.official_count) == (1, None)
    assert check.problems == ["b.pts: broken"]
    assert check.box_sources == {"official": 1}
    found = (check.unreadable, check.outside, check.duplicates, check.suspicious)
    assert found == ([], [], [], [])
    assert json.loads(json.dumps(asdict(check)))["markup"] == "celeba5"


def test_the_official_count_stands_beside(face: Any) -> None:
    check = check_reading(Reading("300w", "common", [face]))
    assert (check.count, check.official_count) == (1, 554)


def test_unreadable_pictures_are_told(face: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(face.image.read_bytes()[:60])
    seen = []

    def progress(items: Any, /, *, total: Any = None) -> Any:
        for item in items:
            seen.append(item)
            yield item

    reading = Reading("pts", "all", [face, replace(face, id="b", image=broken)])
    check = check_reading(reading, progress=progress)
    assert len(check.unreadable) == 1
    assert "broken.png" in check.unreadable[0]
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("point", "outside"), [((119.4, 99.4), 0), ((119.6, 50), 1), ((-0.4, 50), 0), ((50, -0.6), 1)]
)
def test_a_point_is_outside_from_half_a_pixel_beyond_the_last_centre(
    face: Any, point: Any, outside: Any
) -> None:
    moved = face.landmarks.copy()
    moved[2] = point
    assert len(_check(replace(face, landmarks=moved), dataset="csv").outside) == outside


def test_hidden_points_are_not_looked_at(face: Any) -> None:
    moved = face.landmarks.copy()
    moved[2] = -1
    hidden = replace(face, landmarks=moved, labelled=np.arange(5) != 2)
    check = _check(hidden)
    assert check.outside == check.suspicious == []


def test_duplicates_by_id_and_by_picture_and_points(face: Any, tmp_path: Path) -> None:
    lines = _check(face, face, replace(face, id="c")).duplicates
    assert lines == [
        "a.png: this id appears more than once",
        "c: the same points on the same picture as a.png",
    ]
    assert _check(face, replace(face, id="c", frame=None, image=tmp_path / "d")).duplicates == []


def test_a_zero_based_pts_file_is_suspicious(
    tmp_path: Path, draw: Any, write_pts: Any, points: Any
) -> None:
    draw(tmp_path / "a.png")
    values = points("celeba5")
    values[2, 0] = 0
    write_pts(tmp_path / "a.pts", values)
    check = check_reading(read_dataset("pts", tmp_path, "all", markup="celeba5"))
    assert "counts from 1: a 0-based file?" in check.suspicious[0]
    values[2, 0] = 1
    write_pts(tmp_path / "a.pts", values)
    check = check_reading(read_dataset("pts", tmp_path, "all", markup="celeba5"))
    assert check.suspicious == []


def test_a_box_in_another_order_is_suspicious(face: Any) -> None:
    wrong = replace(face, box=np.array([20, 100, 20.5, 195], np.float32))
    assert "the box holds only 0% of the points" in _check(wrong).suspicious[0]


def test_exchanged_sides_are_suspicious_and_turned_faces_are_not(face: Any) -> None:
    order = load_markup("celeba5").mirror
    exchanged = replace(face, landmarks=face.landmarks[order])
    assert "left and right swapped" in _check(exchanged).suspicious[0]
    upside_down = replace(face, landmarks=(120, 115) - face.landmarks)
    assert _check(upside_down).suspicious == []


def test_the_sheet_shows_right_in_red_and_left_in_green(face: Any) -> None:
    sheet = draw_sheet([face] * 10, count=9, columns=8)
    assert sheet.shape == (2 * 192, 8 * 192, 3)
    tile = sheet[:192, :192].astype(int)
    red = np.abs(tile - RIGHT).sum(axis=-1).argmin() % 192
    green = np.abs(tile - LEFT).sum(axis=-1).argmin() % 192
    assert red < green
    assert (sheet[192:, 192:] == 40).all()


def test_the_sheet_marks_the_very_pixel(face: Any) -> None:
    """A dot lies where its point's pixel lies: no half pixel is lost on the way."""
    square = replace(
        face,
        landmarks=np.full((5, 2), 40.0, np.float32),
        labelled=np.arange(5) == 2,
        box=np.array([20.0, 20, 60, 60], np.float32),
    )
    tile = draw_sheet([square], count=1, columns=1).astype(int)
    bright = np.argwhere(np.abs(tile - 255).sum(axis=-1) < 250)
    assert np.allclose(bright.mean(axis=0), (192 - 1) / 2, atol=0.35)


def test_a_sheet_of_no_faces_and_of_an_unreadable_one_are_empty(face: Any, tmp_path: Path) -> None:
    assert (draw_sheet([]) == 40).all()
    assert (draw_sheet([replace(face, image=tmp_path / "gone.png")]) == 40).all()


@pytest.mark.faces
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "folder", "subset", "options"),
    [
        ("300w", "300w", "common", {}),
        ("aflw", "aflw", "full", {"training_faces": 2148}),
        ("celeba", "lfw5", "test", {}),
    ],
)
def test_the_real_faces_are_all_readable(
    faces_root: Path, name: Any, folder: Any, subset: str, options: Any
) -> None:
    check = check_reading(read_dataset(name, faces_root / folder, subset, **options))
    assert check.unreadable == check.problems == check.duplicates == check.suspicious == []
