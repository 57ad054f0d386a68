"""Labels of other tools, read as results by the parsers that data sets are read by."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from facealign.face import ImageResult
from facealign.formats.registry import input_format, read_results, write_results


def coco_labels(v: int) -> dict[str, Any]:
    keypoints = [value for i in range(5) for value in (i, 2 * i, v if i == 3 else 2)]
    annotation = {"image_id": 1, "category_id": 1, "keypoints": keypoints}
    images, categories = [{"id": 1, "file_name": "a.jpg"}], [{"id": 1, "name": "face"}]
    return {"images": images, "annotations": [annotation], "categories": categories}


def test_labels_of_another_tool_become_results_where_each_point_has_a_place(
    tmp_path: Path, reported: list[str]
) -> None:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(coco_labels(1)))
    (result,) = read_results(path, markup="celeba5")
    assert result.faces[0].visible.tolist() == [True, True, True, False, True]
    assert result.faces[0].box.tolist() == [0, 0, 4, 8]
    path.write_text(json.dumps(coco_labels(0)))
    assert [result.faces for result in read_results(path, markup="celeba5")] == [[]]
    path.write_text(json.dumps(coco_labels(1) | {"images": []}))
    assert list(read_results(path, markup="celeba5")) == []
    assert [line.split(": ", 2)[2] for line in reported] == [
        "no place is known for point 3; results need every point's",
        "needs the image_id of an image, keypoints x, y, v …, and no bbox or one of four numbers "
        "(KeyError: 1)",
    ]


def test_a_row_of_points_and_a_skeleton_of_cvat_become_results(
    tmp_path: Path, problems_of: Callable[[Callable[[], object]], list[str]]
) -> None:
    path = tmp_path / "labels.xml"
    row = '<points label="face" points="1,2;3,4;5,6;7,8;9,10"/>'
    skeleton = "".join(f'<points label="{i}" points="{i},{2 * i}"/>' for i in (2, 1, 3, 5, 4))
    image = f'<image name="a.jpg">{row}<skeleton label="face">{skeleton}</skeleton></image>'
    path.write_text(f"<annotations>{image}</annotations>")
    (result,) = read_results(path, markup="celeba5")
    assert result.faces[1].landmarks.tolist() == [[0.5 + 2 * i, 1.5 + 2 * i] for i in range(5)]
    assert result.faces[0].landmarks.tolist() == [[i + 0.5, 2 * i + 1.5] for i in range(5)]
    for damaged, why in (
        (image.replace('label="4"', 'label="9"'), 'celeba5 has no point "9"'),
        (image.replace('label="4"', 'label="5"'), 'two points called "5"'),
        (image.replace('label="4"', 'outside="1" label="4"'), "no place is known for point 3"),
    ):
        path.write_text(f"<annotations>{damaged}</annotations>")
        (line,) = problems_of(lambda: list(read_results(path, markup="celeba5")))
        assert re.search(f"labels.xml: .*{why}", line)


def test_imglab_loses_what_it_says(tmp_path: Path, results: list[ImageResult]) -> None:
    path = tmp_path / "dlib.xml"
    lost = write_results(lambda: iter(results), path, "imglab")[1]
    assert {"fractions of pixels", "scores", "visibility", "failed photos"} <= lost
    assert input_format(path).name == "imglab"
    back = list(read_results(path))
    assert [" ".join(r.source.split()) for r in back] == [
        " ".join(r.source.split()) for r in results
    ]
    for a, b in zip(results, back, strict=True):
        for x, y in zip(a.faces, b.faces, strict=True):
            assert np.allclose(x.landmarks, y.landmarks, 0, 0.5)
            assert np.allclose(x.box, y.box, 0, 1)
