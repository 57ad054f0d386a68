"""The script with two variants on drawn faces, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from facealign.datasets import read_dataset
from facealign.training.export.onnx import export_run
from facealign.training.export.quantize import calibration_faces
from facealign.training.loop import fit
from facealign.training.run import prepare
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings_file import to_settings

Benchmark = Callable[[str], ModuleType]


@pytest.fixture
def run(drawn: Path, tmp_path: Path) -> Path:
    tree = {
        "data": {"root": str(drawn), "validation": 0.2},
        "model": {"input_size": 32, "widths": [16, 32], "spread": True, "visibility": True},
        "train": {"steps": 2, "batch": 8, "threads": 1},
    }
    run = prepare(
        to_settings(tree, "test"),
        RunFolder(tmp_path / "run"),
        [read_dataset("300w", drawn, "train")],
    )
    fit(run)
    return tmp_path / "run"


@pytest.mark.slow
def test_two_variants_on_drawn_faces(
    benchmark: Benchmark,
    drawn: Path,
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    int8 = benchmark("int8")
    monkeypatch.setattr(int8, "VARIANTS", {"usual": {}, "rough": int8.VARIANTS["outputs too"]})
    model, output = tmp_path / "mine.onnx", tmp_path / "int8.json"
    export_run(run, model)
    words = ["--root", drawn, "--model", model, "--faces", 12, "--rounds", 3, "--json", output]
    int8.main([str(word) for word in words])
    tree = json.loads(output.read_text())
    (found,) = tree["models"].values()
    assert (list(found), tree["faces"]["calibration"]) == (["float32", "usual", "rough"], 12)
    assert found["rough"]["megabytes"] < found["usual"]["megabytes"]
    assert found["float32"]["apart"] == 0 < found["usual"]["apart"] < found["rough"]["apart"]
    assert all(0 < row["nme_held_out"] < 1 for row in found.values())
    assert [name for name, row in found.items() if "nme_common" in row] == ["float32", "usual"]
    assert "inter-ocular NME" in capsys.readouterr().out


@pytest.mark.slow
def test_a_file_in_integers_is_refused(
    benchmark: Benchmark, drawn: Path, run: Path, tmp_path: Path
) -> None:
    model = tmp_path / "mine.onnx"
    export_run(run, model, faces=calibration_faces(run))
    with pytest.raises(SystemExit, match="is in 8-bit integers already"):
        benchmark("int8").main(["--root", str(drawn), "--model", str(model)])
