"""COCO keypoints of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets import read_dataset
from facealign.errors import DataError


@pytest.fixture
def content(points: Any) -> Any:
    keypoints = np.column_stack([points("celeba5"), [2, 1, 0, 2, 2]])
    keypoints[2, :2] = 0
    return {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "sub\\b.png"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "keypoints": keypoints.ravel().tolist(),
                "bbox": [20, 30, 70, 65],
            },
            {"id": 2, "image_id": 8, "keypoints": keypoints.ravel().tolist()},
        ],
    }


@pytest.fixture
def path(tmp_path: Path, draw: Any) -> Any:
    draw(tmp_path / "a.png")
    draw(tmp_path / "images" / "sub" / "b.png")
    return tmp_path / "faces.json"


def _read(path: Path, content: Any) -> Any:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_dataset("coco", path, "all", markup="celeba5")


def test_values(reported: list[str], path: Path, content: Any, points: Any) -> None:
    reading = _read(path, content)
    first, second = reading.samples
    assert reported == []
    assert np.allclose(first.landmarks[[0, 1, 3, 4]], points("celeba5")[[0, 1, 3, 4]], atol=1e-4)
    assert first.labelled.tolist() == [True, True, False, True, True]
    assert first.occluded.tolist() == [False, True, False, False, False]
    assert first.box.tolist() == [20, 30, 90, 95]
    assert (first.box_source, second.box_source) == ("official", "landmarks")
    assert second.image.name == "b.png"


def test_bad_annotations_are_one_line_each(reported: list[str], path: Path, content: Any) -> None:
    good = content["annotations"][0]
    content["annotations"] = [
        good,
        {**good, "image_id": 99},
        {**good, "keypoints": good["keypoints"][:-1]},
        {**good, "keypoints": good["keypoints"][:-3]},
        {"image_id": 7},
        {**good, "bbox": [1, 2]},
        {**good, "bbox": 5},
        {**good, "image_id": [7]},
        5,
    ]
    reading = _read(path, content)
    assert len(reading.samples) == 1
    places = [line.split(": ")[1] for line in reported]
    assert places == [f"annotations[{i}]" for i in range(1, 9)]


def test_a_name_that_no_file_can_have_is_one_line(
    reported: list[str], path: Path, content: Any
) -> None:
    content["images"][0]["file_name"] = "a" * 5000
    reading = _read(path, content)
    assert len(reading.samples) == len(reported) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "holds no JSON object"),
        ({"images": []}, "not a COCO file"),
        ({"images": [{}], "annotations": []}, "one of the images lacks an id"),
    ],
)
def test_another_file_is_named(path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"faces\.json: {message}"):
        _read(path, content)
