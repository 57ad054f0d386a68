"""COCO keypoints go by the names of their category; a category can be a point scheme."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign.datasets import read_dataset
from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.formats.registry import read_results, write_results
from facealign.markup import Markup, load_markup

LEFT_FIRST = "left_eye_centre right_eye_centre nose_tip left_mouth_corner right_mouth_corner"
PLACES = [(156.63, 104.02), (113.85, 101.79), (134.52, 127.77), (156.59, 140.66), (111.14, 139.98)]
IN_ORDER = [PLACES[i] for i in (1, 0, 2, 4, 3)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """(names of the points, changes of the document) → the file, its image beside it."""
    Image.new("RGB", (360, 360)).save(tmp_path / "base.png")

    def make(names: list[str], **changes: Any) -> Path:
        points = [value for x, y in PLACES[: len(names)] for value in (x, y, 2)]
        face = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [90, 93, 87, 87]}
        document = {
            "images": [{"id": 1, "file_name": "base.png", "width": 360, "height": 360}],
            "categories": [{"id": 1, "name": "dog face", "keypoints": names}],
            "annotations": [face | {"keypoints": points}],
        }
        path = tmp_path / "labels.json"
        path.write_text(json.dumps(document | changes))
        return path

    return make


@pytest.mark.parametrize("markup", [None, "celeba5"])
@pytest.mark.parametrize("names", [LEFT_FIRST, LEFT_FIRST.title().replace("_", "-")])
def test_named_points_come_out_in_the_order_of_the_scheme(
    write: Callable[..., Path], markup: str | None, names: str
) -> None:
    path = write(names.split())
    (result,) = read_results(path, markup=markup)
    assert result.faces[0].markup == "celeba5"
    assert np.allclose(result.faces[0].landmarks, IN_ORDER, 0, 1e-4)
    options = {"markup": markup} if markup else {}
    (sample,) = read_dataset("coco", path, "all", **options).samples
    assert np.allclose(sample.landmarks, IN_ORDER, 0, 1e-4)


@pytest.mark.parametrize("numbers", [["1", "2", "3", "4", "5"], [f"kp_{i}" for i in range(5)]])
def test_numbered_points_keep_their_order(write: Callable[..., Path], numbers: list[str]) -> None:
    (result,) = read_results(write(numbers), markup="celeba5")
    assert np.allclose(result.faces[0].landmarks, PLACES, 0, 1e-4)
    with pytest.raises(DataError, match="names 5 points, but ibug68 has 68"):
        list(read_results(write(numbers)))


def test_names_that_contradict_the_scheme_asked_for_are_said(write: Callable[..., Path]) -> None:
    path = write(["left_ear", "right_ear", "snout", "left_lip", "right_lip"])
    said = r"category dog face: names the points left_ear, .*celeba5 has others: right_eye_centre"
    with pytest.raises(DataError, match=said):
        list(read_results(path, markup="celeba5"))
    with pytest.raises(DataError, match=said):
        read_dataset("coco", path, "all", markup="celeba5")


def test_a_scheme_may_take_some_of_the_points(write: Callable[..., Path]) -> None:
    load_markup(Markup("coco_two", ["right_mouth_corner", "left_mouth_corner"]))
    (result,) = read_results(write(LEFT_FIRST.split()), markup="coco_two")
    assert np.allclose(result.faces[0].landmarks, [PLACES[4], PLACES[3]], 0, 1e-4)


def test_a_category_is_a_point_scheme_and_what_is_guessed_is_said(
    write: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    names = ["coco_snout", "eye_left", "eye_right", "lip_right", "lip_left"]
    category = {"id": 1, "name": "dog face", "keypoints": names, "skeleton": [[2, 3], [4, 5]]}
    with caplog.at_level(logging.WARNING):
        (result,) = read_results(write(names, categories=[category]))
    scheme = load_markup(result.faces[0].markup)
    assert (scheme.name[:8], scheme.names) == ("dog_face", tuple(names))
    assert scheme.mirror.tolist() == [0, 2, 1, 4, 3]
    assert scheme.polylines() == [[1, 2], [3, 4]]
    assert "guessed from their names: eye_left/eye_right, lip_right/lip_left" in caplog.text


def test_names_without_sides_ask_for_a_file(write: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"labels.json: .*\.toml file and give that with --markup"):
        list(read_results(write(["coco_a", "coco_b", "coco_c", "coco_d", "coco_e"])))


def test_records_without_points_cost_one_line_each(
    write: Callable[..., Path], problems_of: Callable[[Callable[[], object]], list[str]]
) -> None:
    path = write(LEFT_FIRST.split())
    document = json.loads(path.read_text())
    (good,) = document["annotations"]
    document["categories"].append({"id": 2, "name": "person"})
    document["annotations"] += [
        good | {"iscrowd": 1, "keypoints": [0] * 15, "num_keypoints": 0},
        {"id": 3, "image_id": 1, "category_id": 2, "bbox": [1, 2, 30, 40]},
        good | {"keypoints": [0] * 15},
        {"image_id": [1]},
        None,
    ]
    path.write_text(json.dumps(document))
    for read in (
        lambda: [face for r in read_results(path) for face in r.faces],
        lambda: read_dataset("coco", path, "all").samples,
    ):
        faces: list[object] = []
        lines = problems_of(lambda read=read, faces=faces: faces.extend(read()))  # type: ignore[misc]
        assert len(faces) == 1
        assert sorted(line.split(": ")[1] for line in lines) == [
            f"annotations[{i}]" for i in range(1, 6)
        ]


def test_results_carry_a_scheme_of_your_own(tmp_path: Path) -> None:
    names = ["left", "right", "middle"]
    scheme = Markup("coco_own", names, eyes=["right", "left"], normaliser=["left", "right"])
    load_markup(scheme)
    face = Face(np.array([0, 0, 9, 9], np.float32), 1, np.eye(3, 2, dtype=np.float32), "coco_own")
    path = tmp_path / "own.coco.json"
    write_results(lambda: [ImageResult("a.jpg", 9, 9, [face])], path)
    (category,) = json.loads(path.read_text())["categories"]
    assert Markup.from_dict(category["markup"], "here") == scheme
    (result,) = read_results(path)
    assert result.faces[0].markup == "coco_own"
