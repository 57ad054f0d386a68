"""What all benchmarks share: names of models, the file they write, the end they come to."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from facealign.errors import DataError

Benchmark = Callable[[str], ModuleType]


@pytest.fixture
def script(benchmark: Benchmark) -> ModuleType:
    return benchmark("script")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (None, ["default"]),
        (["runs/a.onnx", "aan-m"], ["a", "aan-m"]),
        (["x/a.onnx", "y/a.onnx"], ["x/a.onnx", "y/a.onnx"]),
        (["x/a.onnx", "x/a.onnx"], ["a"]),
    ],
)
def test_a_model_is_called_by_its_stem_where_no_other_has_it(
    script: ModuleType, given: list[str] | None, named: list[str]
) -> None:
    names = script.models_of(argparse.Namespace(model=given))
    assert list(names) == named
    assert list(names.values()) == list(dict.fromkeys(given or ["default"]))


def test_a_file_says_when_where_with_what_and_how(script: ModuleType, tmp_path: Path) -> None:
    target = tmp_path / "out.json"

    def run(given: argparse.Namespace) -> None:
        script.write_json(given, script.record(given, "some", {"nme": 0.04}))

    script.run_script(script.new_parser("Words."), run, ["--json", str(target)])
    tree = json.loads(target.read_text())
    assert list(tree) == ["schema", "date", "machine", "versions", "command", "nme"]
    assert tree["schema"] == "facealign-some/1"
    assert tree["command"] == f"python benchmarks/some.py --json {target}"
    assert {"python", "facealign", "numpy", "onnxruntime"} <= set(tree["versions"])
    assert tree["machine"]["cores"] >= 1


def test_what_is_known_to_go_wrong_is_one_line(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(given: argparse.Namespace) -> None:
        raise DataError("x: holds no faces")

    with pytest.raises(SystemExit) as ended:
        script.run_script(script.new_parser("Words."), run, [])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: x: holds no faces\n"


def test_a_script_in_a_process_of_its_own_answers_or_says_why(
    benchmark: Benchmark, tmp_path: Path
) -> None:
    machine, script = benchmark("machine"), tmp_path / "one.py"
    script.write_text("import os, sys\nprint('talk')\nprint('{\"a\": ' + os.environ['N'] + '}')\n")
    assert machine.run_apart(str(script), [], N="3") == {"a": 3}
    script.write_text("raise ValueError('too small')")
    with pytest.raises(SystemExit, match=r"(?s)too small.*failed: one.py --one x"):
        machine.run_apart(str(script), ["--one", "x"])
