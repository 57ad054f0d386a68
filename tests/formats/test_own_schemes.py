"""Every format with a point scheme of your own: there and back, and as a data set."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign.datasets import read_dataset
from facealign.face import Face, ImageResult
from facealign.formats.registry import FORMATS, input_format, read_results, write_results
from facealign.markup import Markup, load_markup

NAMES = ["ear_right", "ear_left", "eye_right", "eye_left", "snout", "chin tip"]
SCHEME = Markup("fox6", NAMES, eyes=["eye_right", "eye_left"], normaliser=["ear_right", "ear_left"])
FILES = {
    "json": "fox.json",
    "jsonl": "fox.jsonl",
    "csv": "fox.csv",
    "parquet": "fox.parquet",
    "coco": "fox.coco.json",
    "cvat": "fox.xml",
    "imglab": "fox.imglab.xml",
    "labelstudio": "fox.labelstudio.json",
    "labelme": "",
    "yolo": "data.yaml",
    "pts": "images",
}
WITHOUT_MARKUP = {"coco", "cvat", "imglab", "labelstudio", "labelme", "yolo"}
"""Formats that name the points."""


@pytest.fixture
def foxes() -> list[ImageResult]:
    """Two images with a face, the second with two; some points are covered."""
    load_markup(SCHEME)
    random = np.random.default_rng(5)

    def face(left: float) -> Face:
        points = random.uniform(left, left + 30, (6, 2)).astype(np.float32)
        box = np.array([left, 10, left + 40, 50], np.float32)
        return Face(box, 1.0, points, "fox6", visible=np.arange(6) != 4)

    return [
        ImageResult("a.png", 120, 90, [face(10)]),
        ImageResult("b.png", 120, 90, [face(5), face(60)]),
    ]


def write_folder(folder: Path, name: str, foxes: list[ImageResult]) -> Path:
    """The images, and the results in a format beside them."""
    for result in foxes:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (120, 90)).save(folder / "images" / result.source)
    if name == "pts":
        foxes = foxes[:1]
        (folder / "images" / "b.png").unlink()
    path = folder / FILES[name]
    write_results(lambda: iter(foxes), path, name)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_there_and_back(tmp_path: Path, foxes: list[ImageResult], name: str) -> None:
    path = write_folder(tmp_path, name, foxes)
    assert input_format(path).name == name
    markup = None if name in WITHOUT_MARKUP else "fox6"
    back = [result for result in read_results(path, markup=markup) if result.faces]
    before = [face for result in foxes for face in result.faces][: 1 if name == "pts" else 3]
    after = [face for result in back for face in result.faces]
    close = 0.51 if name == "imglab" else 0.002
    for a, b in zip(before, after, strict=True):
        assert (b.markup, np.abs(a.landmarks - b.landmarks).max() < close) == ("fox6", True)
        if "visibility" not in FORMATS[name].loses:
            assert np.array_equal(a.visible, b.visible)
        if "boxes" not in FORMATS[name].loses:
            assert np.abs(a.box - b.box).max() <= 2 * close


@pytest.mark.parametrize("name", FORMATS)
def test_as_a_data_set(
    tmp_path: Path, foxes: list[ImageResult], reported: list[str], name: str
) -> None:
    path = write_folder(tmp_path, name, foxes)
    options = {} if name in WITHOUT_MARKUP else {"markup": "fox6"}
    samples = read_dataset(name, path, "all", **options).samples
    assert reported == []
    before = [face for result in foxes for face in result.faces][: 1 if name == "pts" else 3]
    for face, sample in zip(before, samples, strict=True):
        close = 0.51 if name == "imglab" else 0.002
        assert np.abs(face.landmarks - sample.landmarks).max() < close
        assert (sample.markup, sample.labelled.all()) == ("fox6", True)
    assert len({sample.id for sample in samples}) == len(samples)


@pytest.mark.parametrize("name", sorted(WITHOUT_MARKUP))
def test_a_new_process_knows_the_points_by_their_names(
    tmp_path: Path, foxes: list[ImageResult], name: str
) -> None:
    path = write_folder(tmp_path, name, foxes)
    table = tmp_path / "out.csv"
    command = [sys.executable, "-m", "facealign", "convert", str(path), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "error" in done.stderr) == (0, False)
    with table.open() as file:
        rows = list(csv.DictReader(file))
    face = foxes[0].faces[0]
    close = 0.51 if name == "imglab" else 0.002
    assert [row["markup"] for row in rows] == ["fox6"] * 3
    assert abs(float(rows[0]["x4"]) - float(face.landmarks[4, 0])) < close


def test_labels_go_from_tool_to_tool(tmp_path: Path, foxes: list[ImageResult]) -> None:
    path = write_folder(tmp_path, "coco", foxes)
    for name in ("labelstudio", "labelme", "yolo", "cvat", "coco"):
        folder = tmp_path / name
        shutil.copytree(tmp_path / "images", folder / "images")
        target = folder / FILES[name]
        if name == "yolo":
            target = folder
        write_results(lambda path=path: read_results(path), target, name)
        path = target
    back = [face for result in read_results(path) for face in result.faces]
    before = [face for result in foxes for face in result.faces]
    for a, b in zip(before, back, strict=True):
        assert np.abs(a.landmarks - b.landmarks).max() < 0.01
        assert np.array_equal(a.visible, b.visible)
