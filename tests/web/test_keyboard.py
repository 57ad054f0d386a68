"""Without a mouse and without seeing the page: the keyboard alone, and the accessibility tree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facealign import read_image

Scenario = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.slow
ASKED = {"button", "checkbox", "combobox", "link", "spinbutton", "DisclosureTriangle", "image"}
"""Roles that say nothing without a name."""


@pytest.fixture(scope="module")
def seen(
    browse: Scenario, astronaut_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("keyboard")
    return browse("keyboard", folder=str(folder), photo=str(astronaut_path))


def test_all_is_reached_and_done_by_keyboard(seen: dict[str, Any]) -> None:
    assert seen["errors"] == []
    order = ["sample", "webcam", "SUMMARY", "model", "attention", "min-face", "points", "lines"]
    order += ["boxes", "numbers", "save-json", "save-csv", "clear", "CANVAS", "scroll", "png"]
    assert seen["order"] == [*order, "A", "A", "choose"]
    assert [point.split(",")[0] for point in seen["points"]] == [
        *("Point 0: right jaw 1", "Point 1: right jaw 2"),
        *("Point 0: right jaw 1", "Point 67: right inner bottom"),
    ]
    assert seen["numbers"]
    assert seen["model"] == "heatmap-m"  # the last one
    assert seen["inCamera"] == "stop"
    assert "webcam runs" in seen["said"]
    assert seen["other"]  # the second of two cameras
    assert seen["stopped"] == {"hidden": True, "focus": "webcam"}
    assert seen["empty"] == {"photos": 0, "focus": "choose"}
    document = json.loads(Path(seen["files"]["save-json"]).read_text())
    assert len(document["images"][0]["faces"]) == 1
    assert Path(seen["files"]["save-csv"]).read_text().count("\n") == 2
    assert read_image(seen["files"]["png"]).shape == (512, 512, 3)


def test_a_screen_reader_is_told_what_is_there(seen: dict[str, Any], astronaut_path: Path) -> None:
    nodes = seen["nodes"]
    nameless = [node for node in nodes if node["role"] in ASKED and not node["name"].strip()]
    assert nameless == []
    named = {(node["role"], node["name"].strip()) for node in nodes}
    assert {
        ("RootWebArea", "facealign: facial landmarks in the browser"),
        ("button", "Choose photos"),
        ("button", "Use the webcam"),
        ("combobox", "Model"),
        ("combobox", "Attention map"),
        ("spinbutton", "Smallest face pixels"),
        ("group", "Show"),
        ("checkbox", "numbers"),
        ("region", "Results"),
        ("columnheader", "yaw"),
        ("columnheader", "right eye"),
    } <= named
    assert {"banner", "main", "contentinfo"} <= {role for role, _ in named}
    (picture,) = (node for node in nodes if node["role"] == "image" and "1 face" in node["name"])
    assert picture["name"].startswith(f"{astronaut_path.name}: 1 face. Face 1: yaw ")
    live = {node["name"] or node["role"]: node["live"] for node in nodes if node["live"]}
    assert set(live.values()) == {"polite"}
    assert sum(node["role"] == "status" for node in nodes) == 2  # the page's, and the point's
    levels = [node["level"] for node in nodes if node["role"] == "heading"]
    assert levels == [1, 2, 2, 3]
