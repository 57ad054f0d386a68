"""The troubles of small crops, and the script of the pieces of training on drawn faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from facealign.datasets import read_dataset, read_pixels
from facealign.geometry import CropTransform
from facealign.types import Pixels, Sample

Benchmark = Callable[[str], ModuleType]
MARKED = (8, 30, 36)


@pytest.fixture(scope="module")
def face(drawn: Path) -> tuple[Sample, Pixels]:
    sample = read_dataset("300w", drawn, "common").samples[0]
    return sample, read_pixels(sample)


@pytest.mark.parametrize(
    "name",
    ["as they are", "turned 20°", "turned 45°", "boxes astray", "squeezed", "mirrored"],
)
def test_points_stay_on_what_they_mark(
    benchmark: Benchmark, face: tuple[Sample, Pixels], name: str
) -> None:
    troubles = benchmark("troubles")
    sample, image = face
    dark = np.zeros_like(image)
    for number, (x, y) in enumerate(np.round(sample.landmarks[list(MARKED)]).astype(int)):
        dark[y - 2 : y + 3, x - 2 : x + 3, number] = 255
    near, picture = troubles.cut_out(sample, dark, 96, 0.15)
    after, changed = troubles.TROUBLES[name](near, picture, np.random.default_rng(0))
    crop = CropTransform.from_box(after.box, 96, 0.15)
    seen, points = crop.warp(changed), crop.to_crop(after.landmarks)
    order = {8: 8, 30: 30, 36: 45} if name == "mirrored" else {n: n for n in MARKED}
    for number, point in enumerate(MARKED):
        rows, columns = np.nonzero(seen[..., number] > 100)
        middle = np.array([columns.mean(), rows.mean()])
        assert np.allclose(middle, points[order[point]], atol=1.0)


def test_a_face_as_it_is_is_cropped_as_ever(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    found = benchmark("troubles").trouble_all([face[0]], 96, 0.15)
    plain = found["as they are"]
    direct = CropTransform.from_box(face[0].box, 96, 0.15)
    assert np.allclose(plain.truth[0], direct.to_crop(face[0].landmarks), atol=1e-3)
    assert np.abs(plain.crops[0].astype(int) - direct.warp(face[1])).mean() < 1
    assert plain.error(lambda crops: plain.truth) == 0
    eyes = np.linalg.norm(plain.truth[0, 36] - plain.truth[0, 45])
    off = plain.truth + np.float32([3, 4])
    assert plain.error(lambda crops: off) == pytest.approx(5 / eyes, rel=1e-5)
    for name, trouble in found.items():
        same = (trouble.crops == plain.crops).all() and np.allclose(trouble.truth, plain.truth)
        assert same == (name == "as they are"), name


def test_a_detected_box_is_carried_into_what_is_cut_out(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    troubles = benchmark("troubles")
    sample, image = face
    moved = sample.box + np.float32([3, -2, 9, 4])
    detector = SimpleNamespace(detect=lambda image: SimpleNamespace(boxes=moved[None]))
    near, _ = troubles.cut_out(sample, image, 96, 0.15)
    box = troubles.detected(sample, image, near, detector).box
    scale = (near.box[2] - near.box[0]) / (sample.box[2] - sample.box[0])
    assert np.allclose((box - near.box) / scale, [3, -2, 9, 4], atol=1e-3)
    nobody = SimpleNamespace(detect=lambda image: SimpleNamespace(boxes=np.zeros((0, 4))))
    assert troubles.detected(sample, image, near, nobody) is near


def test_light_and_camera_change_pixels_alone(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    troubles = benchmark("troubles")
    near, picture = troubles.cut_out(*face, 96, 0.15)
    rough = np.random.default_rng(1).integers(0, 256, picture.shape, dtype=np.uint8)
    changed = {}
    for name in ("shadow", "other colours", "blurred", "motion", "noise"):
        after, changed[name] = troubles.TROUBLES[name](near, rough, np.random.default_rng(0))
        assert after is near
        assert changed[name].dtype == np.uint8
    ratio = changed["shadow"][rough > 200] / rough[rough > 200]
    assert ratio.min() == pytest.approx(1 / 3, abs=0.01)
    assert ratio.max() == pytest.approx(1, abs=0.01)
    for name in ("blurred", "motion"):
        assert changed[name].std() < rough.std() / 2
        inner = (slice(20, -20), slice(20, -20))  # motion lets the dark outside in
        assert changed[name][inner].mean() == pytest.approx(rough[inner].mean(), abs=1)


def test_trials_are_recorded_once_and_stand_beside_what_they_are_held_against(
    benchmark: Benchmark,
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pieces, small = benchmark("pieces"), ["model.widths=[4, 8]", "model.input_size=32"]
    once = {name: replace(trial, seeds=1) for name, trial in pieces.TRIALS.items()}
    monkeypatch.setattr(pieces, "TRIALS", once)
    results = tmp_path / "pieces.json"
    given = [str(results), "--root", f"300w={drawn}", "--steps", "2", "--set", *small]
    given += ["train.batch=4", "--work", str(tmp_path / "work"), "--trials"]
    pieces.main([*given, "from nothing", "base", "mirror off", "MERL-RAV alone"])
    printed = capsys.readouterr().out
    assert "MERL-RAV alone: skipped, it needs --root merl" in printed
    tree = json.loads(results.read_text())
    assert [run["trial"] for run in tree["runs"]] == ["from nothing", "base", "mirror off"]
    assert [run["steps"] for run in tree["runs"]] == [2, 6, 2]
    assert {run["count"] for run in tree["runs"]} == {3}
    first, _, mirror = (run["nme"] for run in tree["runs"])
    row = next(line for line in printed.splitlines() if "mirrored" in line and "off" in line)
    both = (f"{100 * nme['mirrored']:.2f}" for nme in (first, mirror))
    assert [cell.strip() for cell in row.split("|")[3:5]] == list(both)
    pieces.main([*given, "from nothing", "gray"])
    runs = json.loads(results.read_text())["runs"]
    assert runs[:3] == tree["runs"]
    assert [run["trial"] for run in runs[3:]] == ["gray"]
    assert "base-0/last.pt" in (tmp_path / "work" / "gray-0" / "settings.toml").read_text()


def test_what_cannot_be_gone_on_with_is_refused(
    benchmark: Benchmark, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pieces = benchmark("pieces")
    results, work = tmp_path / "pieces.json", ["--work", str(tmp_path / "work")]
    roots = ["--root", f"300w={drawn}"]
    for words, said in (
        ([*roots, "--trials", "gray"], 'needs the weights of "base"'),
        (["--root", "aflw=x"], "give 300w=DIR"),
        ([*roots, "--root", "helen=x"], "give 300w=DIR"),
    ):
        with pytest.raises(SystemExit):
            pieces.main([str(results), *work, *words])
        assert said in capsys.readouterr().err
    content = {"schema": "facealign-pieces/1", "budget": ["train.steps=7"], "runs": []}
    for tree, said in ((content, "name a new file"), ({"schema": "else"}, "schema is not")):
        results.write_text(json.dumps(tree))
        with pytest.raises(SystemExit):
            pieces.main([str(results), *work, *roots])
        assert said in capsys.readouterr().err


def test_every_trial_comes_after_those_it_needs(benchmark: Benchmark) -> None:
    trials = benchmark("piece_list").TRIALS
    names = list(trials)
    for place, (name, trial) in enumerate(trials.items()):
        for other in filter(None, (trial.start, trial.teacher, trial.against)):
            assert other in names[:place], name
        missing = set(trial.troubles) - set(trials[trial.against or name].troubles)
        assert not missing, name  # there would be nothing to hold it against
