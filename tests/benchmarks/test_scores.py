"""Error against score by hand, and the script on drawn faces with a model that says the same."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from facealign.datasets import read_dataset
from facealign.models import SCORE_RADIUS
from facealign.types import Sample

Benchmark = Callable[[str], ModuleType]


@pytest.fixture
def model(make_model: Callable[..., Path]) -> Path:
    """68 points on a line, a score that rises along them; of 19 points only visibility."""
    line = np.linspace(0.1, 0.9, 68)
    outputs = {
        "landmarks": np.stack([line, line], axis=1),
        "scores": np.linspace(0.05, 0.95, 68),
        "visible": np.linspace(1.0, 0.0, 68),
        "landmarks.aflw19": np.full((19, 2), 0.5),
        "visible.aflw19": np.linspace(0.0, 1.0, 19),
    }
    return make_model(outputs, markup="ibug68", further_markups=("aflw19",))


def test_numbers_of_two_faces_by_hand(
    benchmark: Benchmark, make_sample: Callable[..., Sample]
) -> None:
    looked = benchmark("looked")
    one = make_sample("a")
    hidden = one.labelled.copy()
    hidden[0] = False
    two = replace(make_sample("b"), labelled=hidden)
    eyes = float(np.linalg.norm(one.landmarks[45] - one.landmarks[36]))
    pixels = np.tile(np.where(np.arange(68) < 34, 0.1, 0.3) * eyes, (2, 1))
    crop = np.where(pixels < 0.2 * eyes, SCORE_RADIUS, 2 * SCORE_RADIUS)
    scores = np.tile(np.where(np.arange(68) < 34, 0.9, 0.3), (2, 1))
    found = looked.score_numbers(looked.Looked([one, two], pixels, crop, scores, None))
    near, far = 67, 68  # the hidden point of the second face was one of the near
    assert found["points"] == near + far
    assert found["error_inter_ocular"] == pytest.approx((0.1 * near + 0.3 * far) / (near + far))
    assert found["near_share"] == pytest.approx(near / (near + far))
    error = (near * abs(0.9 - 1) + far * abs(0.3 - 0)) / (near + far)
    assert found["calibration_error"] == pytest.approx(error)
    assert found["rank_correlation"] == pytest.approx(1.0)
    assert found["ause"] == pytest.approx(0.0, abs=1e-12)
    assert found["ause_of_one_score"] > 0.2
    assert found["curve"][0] == pytest.approx(found["error_inter_ocular"])
    assert found["curve"][-1] == pytest.approx(0.1)
    assert found["rank_correlation_of_faces"] is None  # one whole face has no order


def test_shown_points_are_those_not_occluded_or_those_with_a_place(
    benchmark: Benchmark, make_sample: Callable[..., Sample]
) -> None:
    looked = benchmark("looked")
    flags = np.arange(68) < 17
    told, untold = replace(make_sample("a"), occluded=flags), replace(make_sample("b"))
    partly = replace(untold, labelled=~flags)
    assert (looked.shown_points([told, untold, partly]).sum(axis=1) == [51, 68, 51]).all()
    said = np.where(np.arange(68) < 34, 0.2, 0.8)  # half of the 34 doubted are hidden
    errors = np.zeros((1, 68))
    numbers = looked.hidden_numbers(
        looked.Looked([told], errors, errors, None, said[None]), looked.shown_points([told])
    )
    assert numbers["hidden_share"] == 0.25
    assert numbers["roc_auc"] == pytest.approx((34 * 17 + 17 * 17 / 2) / (51 * 17))
    assert (numbers["right_of_shown"], numbers["right_of_hidden"]) == (pytest.approx(2 / 3), 1.0)


def test_all_parts_on_drawn_faces(
    benchmark: Benchmark,
    model: Path,
    drawn: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = write_table(drawn, tmp_path / "table.csv")
    aflw = write_aflw(tmp_path / "aflw")
    target, plot = tmp_path / "out.json", tmp_path / "out.png"
    words = ["--root", drawn, "--merl-rav", table, "--aflw", aflw, "--training-faces", 1]
    words += ["--model", model, "--validation", 0.2, "--json", target, "--plot", plot]
    benchmark("scores").main([str(word) for word in words])
    printed = capsys.readouterr().out
    assert all(len(line) <= 80 for line in printed.splitlines())
    found = json.loads(target.read_text())["models"][model.stem]
    assert list(found) == ["300W common", "300W held out", "AFLW", "MERL-RAV"]
    assert (found["300W common"]["faces"], found["300W held out"]["faces"]) == (8, 6)
    assert found["300W common"]["mean_score"] == pytest.approx(0.5)
    counts = [row["count"] for row in found["300W common"]["reliability"]]
    assert sum(counts) == 8 * 68
    assert found["MERL-RAV"]["hidden_share"] == pytest.approx(10 / 68)
    assert found["MERL-RAV"]["roc_auc"] == 0.0  # the first ten are blank, where it sees most
    assert found["AFLW"]["hidden_share"] == pytest.approx(2 / 19)
    assert found["AFLW"]["roc_auc"] == 1.0  # the first two are hidden, where it sees least
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height > 300


def write_table(root: Path, target: Path) -> Path:
    """The drawn test faces as a table, the first ten points of each left blank."""
    with target.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "split", *(f"{axis}{i}" for i in range(68) for axis in "xy")])
        for sample in read_dataset("300w", root, "common").samples:
            values = [[""] * 2] * 10 + sample.landmarks[10:].tolist()
            rows.writerow([sample.image, "test", *(v for pair in values for v in pair)])
    return target


def write_aflw(root: Path) -> Path:
    """Three faces, one of them to train on; the first two points of each are hidden."""
    folder = root / "flickr" / "0"
    folder.mkdir(parents=True)
    names = np.array([f"0/{i}.jpg" for i in range(3)], dtype=object).reshape(-1, 1)
    for name in names.ravel():
        Image.new("RGB", (60, 60), "gray").save(root / "flickr" / name)
    mask, places = np.ones((3, 19)), np.full((3, 38), 30.0)
    mask[:, :2] = places[:, [0, 1, 19, 20]] = 0
    labels = {"bbox": [[10.0, 50, 10, 50]] * 3, "data": places, "mask_new": mask}
    order = np.array([[1.0, 2.0, 3.0]])
    savemat(root / "AFLWinfo_release.mat", {**labels, "nameList": names, "ra": order})
    return root


def test_a_model_without_scores_is_answered(
    benchmark: Benchmark,
    drawn: Path,
    make_model: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = make_model({"landmarks": np.full((68, 2), 0.5)}, markup="ibug68")
    with pytest.raises(SystemExit) as ended:
        benchmark("scores").main(["--root", str(drawn), "--model", str(model)])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert "made.onnx gives no scores of points" in " ".join(said.out.split())
    assert "train a model with model.spread" in said.err


def test_nothing_to_measure_on_is_answered(
    benchmark: Benchmark, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        benchmark("scores").main([])
    assert "give --root, --aflw or --merl-rav" in capsys.readouterr().err
