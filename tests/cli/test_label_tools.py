"""Nine points of an "animal" from the files of label tools to `align`, with no scheme's file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.test_own_points import NINE, TINY, run_alone

from facealign.datasets import read_dataset
from facealign.datasets.pixels import read_pixels
from facealign.types import Sample

SHUFFLED = sorted(NINE)
PAIRS = [["ear_right", "ear_left"], ["lip_right", "snout"], ["snout", "lip_left"]]


def coco(samples: list[Sample], folder: Path) -> Path:
    """COCO keypoints with names in another order, and a skeleton."""
    images, faces = [], []
    for number, sample in enumerate(samples):
        height, width, _ = read_pixels(sample).shape
        name = f"photos/{number}{sample.image.suffix}"
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        points = sample.landmarks[[NINE[name] for name in SHUFFLED]].tolist()
        x0, y0, x1, y1 = sample.box.tolist()
        face = {"id": number, "image_id": number, "category_id": 7, "iscrowd": 0}
        face |= {"bbox": [x0, y0, x1 - x0, y1 - y0]}
        faces.append(face | {"keypoints": [v for x, y in points for v in (x, y, 2)]})
    skeleton = [[SHUFFLED.index(one) + 1, SHUFFLED.index(other) + 1] for one, other in PAIRS]
    category = {"id": 7, "name": "goat", "keypoints": SHUFFLED, "skeleton": skeleton}
    content = {"images": images, "annotations": faces, "categories": [category]}
    (folder / "labels.json").write_text(json.dumps(content))
    return folder / "labels.json"


def label_studio(samples: list[Sample], folder: Path) -> Path:
    """Label Studio's tasks: uploads, points in any order, a rectangle around each face."""
    tasks = []
    for number, sample in enumerate(samples):
        height, width, _ = read_pixels(sample).shape
        size = np.array([width, height])
        common = {"original_width": width, "original_height": height, "image_rotation": 0}
        corner = 100 * (sample.box[:2] + 0.5) / size
        sides = 100 * (sample.box[2:] - sample.box[:2]) / size
        place = dict(zip(("x", "y", "width", "height"), [*corner, *sides], strict=True))
        value = {name: float(v) for name, v in place.items()} | {"rectanglelabels": ["goat"]}
        regions: list[Any] = [common | {"id": "b", "type": "rectanglelabels", "value": value}]
        for name in SHUFFLED[number % 9 :] + SHUFFLED[: number % 9]:
            x, y = (100 * (sample.landmarks[NINE[name]] + 0.5) / size).tolist()
            point = {"x": x, "y": y, "width": 0.3, "keypointlabels": [name.replace("_", " ")]}
            regions.append(common | {"id": name, "type": "keypointlabels", "value": point})
        address = f"/data/upload/3/{number:08x}-{number}{sample.image.suffix}"
        annotation = {"was_cancelled": False, "result": regions[::-1]}
        tasks.append({"id": number, "data": {"image": address}, "annotations": [annotation]})
    (folder / "project-3.json").write_text(json.dumps(tasks))
    return folder / "project-3.json"


def write_labels(samples: list[Sample], folder: Path, write: Callable[..., Path]) -> Path:
    """The photos as `photos/0.png` …, and the labels beside."""
    (folder / "photos").mkdir(parents=True)
    for number, sample in enumerate(samples):
        shutil.copy(sample.image, folder / "photos" / f"{number}{sample.image.suffix}")
    return write(samples, folder)


TOOLS = {"coco": coco, "labelstudio": label_studio}


@pytest.mark.parametrize("name", TOOLS)
def test_from_a_tools_labels_to_align_with_the_labels_deleted(
    name: str, drawn: Path, tmp_path: Path
) -> None:
    samples = read_dataset("300w", drawn, "train").samples
    labels = write_labels(samples, tmp_path / "farm", TOOLS[name])
    code, printed, errors = run_alone("data", "check", name, "--root", labels)
    assert (code, "all     30" in printed or "all      30" in printed) == (0, True)
    guessed = "guessed from their names: "
    assert guessed in errors
    assert {
        frozenset(pair.split("/")) for pair in errors.strip().split(guessed)[1].split(", ")
    } == {*(frozenset({f"{part}right", f"{part}left"}) for part in _parts(name))}
    data = [f"data.dataset={name}", f"data.root={labels}", "data.subset=all"]
    run, model = tmp_path / "run", tmp_path / "mine.onnx"
    words = ["train", "tiny", *data, *TINY, "train.steps=2", "train.validate_every=2"]
    code, printed, errors = run_alone(*words, "--run", run)
    assert (code, "error" in errors, "validation NME" in printed) == (0, False, True)
    photo = shutil.copy(samples[0].image, tmp_path / "photo.png")
    shutil.rmtree(tmp_path / "farm")
    assert run_alone("export", run, "-o", model)[0] == 0
    shutil.rmtree(run)
    found = tmp_path / "found.json"
    code, _, errors = run_alone("align", photo, "--model", model, "--whole-image", "-o", found)
    assert (code, errors) == (0, "")
    content = json.loads(found.read_text())["images"][0]
    assert content["faces"][0]["markup"] == "goat"
    assert len(content["faces"][0]["landmarks"]) == 9
    names = [point.replace(" ", "_") for point in content["schemes"][0]["points"]]
    assert sorted(names) == SHUFFLED
    code, _, errors = run_alone("draw", photo, "--results", found, "-o", tmp_path / "drawn.png")
    assert (code, errors) == (0, "")


def _parts(name: str) -> list[str]:
    return ["ear ", "eye ", "lip "] if name == "labelstudio" else ["ear_", "eye_", "lip_"]


@pytest.mark.faces
@pytest.mark.parametrize("name", TOOLS)
def test_nine_points_of_real_faces_are_learned(name: str, faces_root: Path, tmp_path: Path) -> None:
    """Of 300W's training part; what is learned is measured on the faces that it is learned from."""
    samples = read_dataset("300w", faces_root / "300w", "train").samples[:96]
    labels = write_labels(samples, tmp_path / "farm", TOOLS[name])
    for sample, read in zip(samples, read_dataset(name, labels, "all").samples, strict=True):
        order = [NINE[n.replace(" ", "_")] for n in _names(read.markup)]
        assert np.abs(read.landmarks - sample.landmarks[order]).max() < 0.01
        assert np.abs(read.box - sample.box).max() < 0.01
    data = [f"data.dataset={name}", f"data.root={labels}", "data.subset=all"]
    errors = []
    for steps in (2, 240):
        run, model = tmp_path / f"run{steps}", tmp_path / f"mine{steps}.onnx"
        words = [
            "train",
            "tiny",
            *data,
            *TINY,
            "train.precision=float32",
            "train.head_rate=0.1",
            "train.learning_rate=2e-3",
            f"train.steps={steps}",
            f"train.validate_every={steps}",
        ]
        assert run_alone(*words, "--run", run)[0] == 0
        assert run_alone("export", run, "-o", model)[0] == 0
        report = tmp_path / f"{steps}.json"
        given = ["--dataset", name, "--root", labels, "--normaliser", "box_size"]
        assert run_alone("eval", *given, "--model", model, "--json", report)[0] == 0
        errors.append(json.loads(report.read_text())["nme_box_size"])
    assert errors[1] < 0.85 * errors[0], errors


def _names(markup: str) -> tuple[str, ...]:
    from facealign import load_markup

    return load_markup(markup).names
