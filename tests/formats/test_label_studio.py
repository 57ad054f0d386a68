"""Label Studio's JSON as it exports it: percents, annotators, skipped tasks, uploads."""

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
from facealign.formats.registry import input_format, read_results

NAMES = ["studio_nose", "left ear", "right ear"]
PLACES = np.array([[20.0, 30.0], [5.5, 9.25], [40.0, 8.0]])


def region(kind: str, label: str, id: str, parent: str | None = None, **value: float) -> Any:
    entry = {"id": id, "type": kind, "original_width": 50, "original_height": 40}
    entry |= {"image_rotation": 0, "value": value | {kind: [label]}, "to_name": "img"}
    return entry | ({"parentID": parent} if parent else {})


def point(label: str, place: Any, id: str = "", parent: str | None = None) -> Any:
    x, y = (np.asarray(place) + 0.5) * 100 / (50, 40)
    return region("keypointlabels", label, id or label, parent, x=x, y=y, width=0.4)


def box(id: str, x0: float, y0: float, x1: float, y1: float) -> Any:
    x, y, width, height = 2 * (x0 + 0.5), 2.5 * (y0 + 0.5), 2 * (x1 - x0), 2.5 * (y1 - y0)
    place = {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
    return region("rectanglelabels", "face", id, **place)


def points(
    shift: float = 0.0, parent: str | None = None, order: tuple[int, ...] = (2, 0, 1)
) -> Any:
    return [point(NAMES[i], PLACES[i] + shift, f"{parent}{i}", parent) for i in order]


def annotation(regions: Any, **more: Any) -> Any:
    return {"result": regions, "was_cancelled": False} | more


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """(annotations of a task, …) → the export, with the photos `photo0.png` … beside it."""

    def make(*tasks: Any, **more: Any) -> Path:
        content = []
        for number, made in enumerate(tasks):
            Image.new("RGB", (50, 40)).save(tmp_path / f"photo{number}.png")
            data = {"img": f"/data/upload/7/0a1b2c3{number}-photo{number}.png"}
            content.append({"id": number, "data": data, "annotations": made} | more)
        path = tmp_path / "project-7.json"
        path.write_text(json.dumps(content))
        return path

    return make


def landmarks(path: Path) -> list[Any]:
    return [sample.landmarks for sample in read_dataset("labelstudio", path, "all").samples]


def test_points_in_any_order_come_out_by_name_with_their_photo(
    write: Callable[..., Path], reported: list[str]
) -> None:
    path = write([annotation(points())], [annotation(points(1, order=(1, 2, 0)))])
    assert input_format(path).name == "labelstudio"
    first, second = read_dataset("labelstudio", path, "all").samples
    names = ["right ear", "studio_nose", "left ear"]
    order = [NAMES.index(name) for name in names]
    assert np.allclose(first.landmarks, PLACES[order], atol=1e-4)
    assert np.allclose(second.landmarks, PLACES[order] + 1, atol=1e-4)
    assert (second.image.name, second.box_source, reported) == ("photo1.png", "landmarks", [])


def test_boxes_hold_faces_by_parent_or_by_place(
    write: Callable[..., Path], reported: list[str]
) -> None:
    linked = [*points(0, "b"), *points(1, "a"), box("a", 0, 0, 49, 39), box("b", 0, 0, 48, 39)]
    placed = [
        *(point(name, (5 + i, 5), f"l{i}") for i, name in enumerate(NAMES)),
        *(point(name, (30 + i, 5), f"r{i}") for i, name in enumerate(NAMES)),
        *(box("l", 1, 1, 20, 20), box("r", 25, 1, 40, 20)),
    ]
    path = write([annotation(linked)], [annotation(placed)])
    found = read_dataset("labelstudio", path, "all").samples
    assert [sample.box.tolist() for sample in found] == [
        *([0, 0, 48, 39], [0, 0, 49, 39]),
        *([1, 1, 20, 20], [25, 1, 40, 20]),
    ]
    assert found[1].landmarks[:, 0].min() == pytest.approx(6.5)
    assert found[3].landmarks[:, 0].min() == pytest.approx(30)
    assert reported == []


def test_the_ground_truth_is_taken_else_the_newest_that_was_not_cancelled(
    write: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    old, new, late = ({"updated_at": f"2026-0{month}-01T00:00:00Z"} for month in (1, 2, 3))
    cancelled = annotation(points(9), was_cancelled=True, **late)
    path = write(
        [annotation(points(1), **new), annotation(points(0), **old), cancelled],
        [annotation(points(1), **new), annotation(points(2), ground_truth=True, **old)],
    )
    with caplog.at_level(logging.WARNING):
        found = landmarks(path)
    assert [array[1, 0] for array in found] == [21, 22]
    assert "2 tasks have several annotations" in caplog.text


def test_what_gives_no_face_costs_one_line(
    write: Callable[..., Path], problems_of: Callable[[Callable[[], object]], list[str]]
) -> None:
    twice = [*points(), point(NAMES[0], (1, 1), "again")]
    turned = [entry | {"image_rotation": 90} for entry in points()]
    path = write(
        [annotation(points())],
        [annotation([], was_cancelled=True)],
        [],
        [annotation([box("a", 1, 1, 20, 20)])],
        [annotation(twice)],
        [annotation(turned)],
        [annotation([*points(), box("a", 0, 0, 49, 39), box("b", 0, 0, 48, 39)])],
        [{"result": 3}],
    )
    for read in (
        lambda: read_dataset("labelstudio", path, "all").samples,
        lambda: [face for result in read_results(path) for face in result.faces],
    ):
        faces: list[object] = []
        lines = problems_of(lambda read=read, faces=faces: faces.extend(read()))  # type: ignore[misc]
        assert len(faces) == 1
        whys = ("was skipped", "is not labelled", "only a box", "not clear whose points")
        for why, line in zip(
            (*whys, "rotated", "not clear", "not a task"), lines[:7], strict=False
        ):
            assert (why in line, "project-7.json: tasks[" in line) == (True, True), line


def test_a_note_says_that_a_point_is_covered(write: Callable[..., Path]) -> None:
    regions = points(order=(0, 1, 2))
    regions[1]["meta"] = {"text": ["occluded"]}
    (sample,) = read_dataset("labelstudio", write([annotation(regions)]), "all").samples
    assert sample.occluded is not None
    assert int(sample.occluded.sum()) == 1


def test_the_short_export_and_local_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    Image.new("RGB", (50, 40)).save(tmp_path / "deep" / "a photo.png")
    flat = [entry["value"] | {"original_width": 50, "original_height": 40} for entry in points()]
    task = {"image": "/data/local-files/?d=deep%2Fa%20photo.png", "kp-1": flat, "id": 4}
    path = tmp_path / "min.json"
    path.write_text(json.dumps([task]))
    assert np.allclose(landmarks(path)[0][1], PLACES[0], atol=1e-4)


def test_another_file_and_other_names_are_said(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write([annotation(points())])
    with pytest.raises(DataError, match=r"project-7.json: names the points right ear, .* celeba5"):
        read_dataset("labelstudio", path, "all", markup="celeba5")
    (tmp_path / "other.json").write_text('{"images": []}')
    with pytest.raises(DataError, match="not Label Studio's JSON"):
        read_dataset("labelstudio", tmp_path / "other.json", "all")
