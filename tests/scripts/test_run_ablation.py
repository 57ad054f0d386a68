"""The ablation's script on drawn faces: few steps, the file it writes, and going on."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from facealign import DataError
from facealign.configs import FOLDER
from facealign.reproduce.paper import BENCHMARKS, VARIANTS
from facealign.reproduce.runs import read_runs


def test_runs_are_recorded_and_not_repeated(
    script: ModuleType, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "runs.json"
    small = ["model.widths=[4, 8]", "model.input_size=32", "train.batch=4"]
    given = [str(results), "--root", f"300w={drawn}", "--steps", "2", "--seeds", "0"]
    given += ["--work", str(tmp_path / "work"), "--set", *small, "--variants", "aan"]
    script.main(given)
    script.main([*given, "no-attention"])
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(" seed")[0] for line in printed] == ["300w aan", "300w no-attention"]
    runs, notes = read_runs(results)
    assert [(r.variant, r.normaliser) for r in runs] == [
        ("aan", "inter_ocular"),
        ("aan", "inter_pupil"),
        ("no-attention", "inter_ocular"),
        ("no-attention", "inter_pupil"),
    ]
    assert "model.attention=off train.steps=2 train.seed=0" in runs[2].command
    assert "2 steps" in notes[0]
    assert {e["count"] for e in json.loads(results.read_text())["runs"]} == {8}
    given[4] = "3"
    with pytest.raises(DataError, match="runs of another budget"):
        script.main(given)


def test_another_recipe_stands_in_the_command_and_the_note(script: ModuleType) -> None:
    words = ["runs.json", "--root", "300w=/faces", "--steps", "4000"]
    given = script.parse([*words, "--recipe", "release/ablation"])
    command = script.command_of("300w", "no-ne", 1, given)
    changes = "model.embedding=off train.steps=4000 train.seed=1"
    assert command == f"facealign train release/ablation {changes}"
    assert script.note_of(given) == "Every run: the recipe release/ablation for 4,000 steps."
    assert script.command_of("300w", "aan", 0, script.parse(words)).startswith(
        "facealign train paper/300w "
    )


def test_every_variant_and_benchmark_is_known(script: ModuleType, repository: Path) -> None:
    files = {path.stem for path in (FOLDER / "ablation").glob("*.toml")}
    assert files | {"aan"} == VARIANTS.keys()
    assert script.overrides_of("single-scale") == ["model.attention_stages=[4]"]
    assert script.overrides_of("map-no-relu") == ["model.map_relu=false"]
    for benchmark in BENCHMARKS.values():
        subset, normalisers = script.TESTS[benchmark.parts[0].dataset]
        assert subset in {part.subset for part in benchmark.parts}
        assert set(normalisers) == {benchmark.normaliser, *benchmark.others}
