"""Nine points of an "animal": from labels to `align`, its scheme's file deleted on the way."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facealign.datasets import read_dataset
from facealign.image import read_image

NINE = {
    "ear_right": 0,
    "ear_left": 16,
    "eye_right": 36,
    "eye_left": 45,
    "snout": 30,
    "lip_right": 48,
    "lip_left": 54,
    "chin_tip": 8,
    "brow_middle": 27,
}
"""Point of the animal → the point of a drawn face that stands for it."""
SCHEME = f"""
name = "animal9"
points = {json.dumps(list(NINE))}
mirror = [["ear_right", "ear_left"], ["eye_right", "eye_left"], ["lip_right", "lip_left"]]
eyes = ["eye_right", "eye_left"]
normaliser = ["ear_right", "ear_left"]
outline = ["muzzle"]

[groups]
muzzle = ["snout", "lip_left", "chin_tip", "lip_right"]
"""
TINY = ("model.input_size=32", "model.widths=[4,8]", "train.batch=8", "train.threads=1")


@pytest.fixture
def farm(drawn: Path, tmp_path: Path) -> Path:
    """A folder with `labels.csv` of nine points a face, and `animal9.toml`."""
    samples = read_dataset("300w", drawn, "train").samples
    folder = tmp_path / "farm"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        axes = [f"{axis}{i}" for i in range(9) for axis in "xy"]
        table.writerow(["image", "left", "top", "right", "bottom", *axes])
        for number, sample in enumerate(samples):
            (folder / f"{number}.png").write_bytes(sample.image.read_bytes())
            points = sample.landmarks[list(NINE.values())]
            table.writerow([f"{number}.png", *sample.box.tolist(), *points.ravel().tolist()])
    (folder / "animal9.toml").write_text(SCHEME)
    return folder


def run_alone(*arguments: object) -> tuple[int, str, str]:
    """A command in a process of its own, which knows no scheme from earlier."""
    command = [sys.executable, "-m", "facealign", *map(str, arguments)]
    settings = os.environ | {"COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, env=settings, timeout=300)
    return done.returncode, done.stdout, done.stderr


def test_nine_points_from_labels_to_align_without_the_schemes_file(
    farm: Path, tmp_path: Path, repository: Path
) -> None:
    scheme, labels = farm / "animal9.toml", farm / "labels.csv"
    sheet = tmp_path / "sheet.png"
    given = ["--root", labels, "--markup", scheme]
    code, printed, errors = run_alone("data", "check", "csv", *given, "--sheet", sheet)
    assert (code, errors) == (0, "")
    assert "all     30" in " ".join(printed.split("\n"))
    assert read_image(sheet).any()
    data = ["data.dataset=csv", f"data.root={labels}", "data.subset=all", f"data.markup={scheme}"]
    run = tmp_path / "run"
    words = ["train", "tiny", *data, *TINY, "train.steps=4", "train.validate_every=2"]
    code, printed, errors = run_alone(*words, "--run", run)
    assert (code, errors) == (0, "")
    assert "validation NME (point pair)" in printed
    scheme.unlink()
    model = tmp_path / "mine.onnx"
    code, printed, errors = run_alone("export", run, "-o", model)
    assert (code, errors) == (0, "")
    assert "animal9" in printed
    photo = farm / "0.png"
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1\n0.png,5,5,60,60\n")
    found = tmp_path / "found.coco.json"
    boxes = ["--boxes", tmp_path / "boxes.csv"]
    code, _, errors = run_alone("align", photo, "--model", model, *boxes, "-o", found)
    assert (code, errors) == (0, "")
    category = json.loads(found.read_text())["categories"][0]
    assert (category["name"], category["keypoints"]) == ("animal9", list(NINE))
    code, printed, errors = run_alone(
        "eval", "--dataset", "csv", "--root", labels, "--model", model
    )
    assert (code, errors) == (0, "")
    assert "point pair" in printed
    for name in ("found.json", "found.jsonl", "found.parquet", "found.csv"):
        results = tmp_path / name
        code, _, errors = run_alone("align", photo, "--model", model, *boxes, "-o", results)
        assert (code, errors) == (0, "")
        given = ["--results", results, *(["--model", model] if name == "found.csv" else [])]
        code, _, errors = run_alone("draw", photo, *given, "-o", tmp_path / f"{name}.png")
        assert (code, errors) == (0, "")
    results = tmp_path / "found.csv"
    code, _, errors = run_alone("draw", photo, "--results", results, "-o", tmp_path / "no.png")
    assert code == 4
    assert 'unknown markup "animal9": give --markup, the .toml file of its points' in errors
    integers = tmp_path / "mine8.onnx"
    code, printed, errors = run_alone("export", run, "-o", integers, "--int8")
    assert (code, errors, "animal9" in printed) == (0, "", True)
    code, printed, errors = run_alone("align", photo, "--model", integers, *boxes, "-o", "-")
    (face,) = json.loads(printed)["faces"]
    assert (errors, face["markup"], len(face["landmarks"])) == ("", "animal9", 9)
    measure = ["eval", "--dataset", "csv", "--root", labels, "--model", integers]
    code, printed, errors = run_alone(*measure, "--normaliser", "box_size")
    assert (code, errors) == (0, "")
    assert "AUC at 8 %, box size" in printed
    code, _, errors = run_alone("align", photo, "--model", model, "--markup", "ibug68")
    assert (code, "cannot give" in errors, "animal9" in errors) == (2, True, True)
    code, _, errors = run_alone("align", photo, "--model", model, "--markup", "dog5")
    assert (code, "mine.onnx gives animal9" in errors) == (4, True)
    drawing, photo = tmp_path / "drawn.png", repository / "examples" / "astronaut.jpg"
    code, _, errors = run_alone("draw", photo, "--model", model, "-o", drawing)
    assert (code, errors) == (0, "")
    assert not np.array_equal(read_image(drawing), read_image(photo))
    code, printed, _ = run_alone("align", "--model", model, "--help")
    assert (code, "Of this model: animal9." in " ".join(printed.split())) == (0, True)


def test_markups_shows_and_draws_a_scheme_from_a_file(
    facealign: Callable[..., tuple[int, str, str]], farm: Path, tmp_path: Path
) -> None:
    chart = tmp_path / "chart.png"
    code, printed, errors = facealign("markups", farm / "animal9.toml", "--chart", chart)
    assert (code, errors) == (0, "")
    assert "mirror pairs: 0-1 2-3 5-6" in printed
    assert read_image(chart).any()


def test_labels_of_another_number_of_points_say_what_to_do(
    facealign: Callable[..., tuple[int, str, str]], farm: Path
) -> None:
    code, printed, errors = facealign("data", "check", "csv", "--root", farm / "labels.csv")
    assert code == 4
    assert "9 points" in errors
    assert "--markup" in errors
    assert printed


def test_packed_shards_carry_the_scheme(farm: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    given = ["--root", farm / "labels.csv", "--subset", "all", "--markup", farm / "animal9.toml"]
    code, _, errors = run_alone("data", "pack", "csv", *given, "-o", packed, "--input-size", 32)
    assert (code, errors) == (0, "")
    (farm / "animal9.toml").unlink()
    code, printed, errors = run_alone("data", "check", "packed", "--root", packed)
    assert (code, errors) == (0, "")
    assert "all      30" in printed or "all     30" in printed
