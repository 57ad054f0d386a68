"""`facealign doctor` and `facealign bench`: what they find, what they say of damage; `--device`."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import facealign as package
from facealign import aligner, models
from facealign.cli.doctor import EXTRAS, doctor
from facealign.face import Face
from facealign.yunet import detector

Outcome = tuple[int, str, str]


def test_doctor_finds_this_installation_sound(facealign: Callable[..., Outcome]) -> None:
    code, printed, errors = facealign("doctor")
    assert (code, errors) == (0, "")
    for words in (package.__version__, "CPUExecutionProvider", "ibug68, "):
        assert words in printed
    for file in ("aan-m.onnx", "yunet.onnx"):
        digest = hashlib.sha256((models.WEIGHTS / file).read_bytes()).hexdigest()
        assert f"sha256 verified: {digest}" in printed
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    (cuda,) = (line for line in lines if line.startswith("device cuda"))
    assert cuda.endswith(": pip uninstall -y onnxruntime, then pip install onnxruntime-gpu")
    assert "a drawn face found" in printed


def test_doctor_knows_every_extra(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS) == set(project["optional-dependencies"]) - {"docs", "test"}


@pytest.mark.parametrize("name", ["aan-m.onnx", "yunet.onnx"])
def test_doctor_names_a_damaged_model(
    facealign: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for file in models.WEIGHTS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with (tmp_path / name).open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    for module in (models, detector):
        monkeypatch.setattr(module, "WEIGHTS", tmp_path)
    code, printed, errors = facealign("doctor")
    assert (code, "FAILED" in printed) == (5, True)
    assert f"{tmp_path / name}: damaged (its sha256 differs)" in errors


def test_doctor_names_points_that_are_off(
    facealign: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = aligner.FaceAligner.align

    def wrong(self: aligner.FaceAligner, image: object) -> list[Face]:
        (face,) = right(self, image)
        return [Face(face.box, face.score, face.landmarks + np.float32(60), face.markup)]

    monkeypatch.setattr(aligner.FaceAligner, "align", wrong)
    code, printed, errors = facealign("doctor")
    assert (code, "FAILED" in printed, "of the box off" in errors) == (1, True, True)


def test_bench_times_every_step(
    facealign: Callable[..., Outcome], tmp_path: Path, repository: Path
) -> None:
    target = tmp_path / "bench.json"
    code, printed, errors = facealign("bench", "--repeats", 5, "--json", target)
    assert (code, errors) == (0, "")
    assert "landmark stage: box → points" in printed
    steps = json.loads(target.read_text())["milliseconds"]
    assert len(steps) == 9
    assert all(0 < step["median"] <= step["p95"] for step in steps.values())


def test_bench_needs_a_face(facealign: Callable[..., Outcome], tmp_path: Path) -> None:
    package.write_image(np.zeros((100, 100, 3), np.uint8), tmp_path / "black.png")
    code, _, errors = facealign("bench", "--photo", tmp_path / "black.png")
    assert (code, "no face is found in this photo" in errors) == (4, True)


def test_a_missing_extra_is_shown_with_its_whole_install_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(EXTRAS, "ray", ("no_such_module",))
    doctor.main([], standalone_mode=False)
    assert 'pip install "facealign[ray]"' in capsys.readouterr().out


VERBS = {
    "align": ["PHOTO"],
    "video": ["PHOTO"],
    "draw": ["PHOTO", "-o", "OUT"],
    "crop": ["PHOTO", "-o", "OUT"],
    "attention": ["PHOTO", "-o", "OUT"],
    "label": ["PHOTO", "-o", "OUT"],
    "bench": ["--photo", "PHOTO"],
    "serve": ["--port", "0"],
    "eval": ["--dataset", "300w", "--root", "DRAWN", "--json", "OUT"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_device_that_is_not_here_is_refused_before_the_work(
    facealign: Callable[..., Outcome], astronaut_path: Path, drawn: Path, tmp_path: Path, verb: str
) -> None:
    places = {"PHOTO": astronaut_path, "OUT": tmp_path / "out", "DRAWN": drawn}
    words = [places.get(word, word) for word in VERBS[verb]]
    code, printed, errors = facealign(verb, *words, "--device", "directml")
    assert (code, printed) == (2, "")
    assert "this ONNX Runtime has no DmlExecutionProvider" in errors
    assert list(tmp_path.iterdir()) == []


def test_the_cpu_is_a_device_of_each(
    facealign: Callable[..., Outcome], astronaut_path: Path, drawn: Path, tmp_path: Path
) -> None:
    for verb in ("draw", "crop", "attention"):
        target = tmp_path / verb
        assert facealign(verb, astronaut_path, "-o", target, "--device", "cpu")[0] == 0
    words = ("-o", tmp_path / "labels.csv", "--looks", "1", "--device", "cpu")
    assert facealign("label", astronaut_path, *words)[0] == 0
    words = ("--dataset", "300w", "--root", drawn, "--device", "cpu")
    assert facealign("eval", *words)[0] == 0
