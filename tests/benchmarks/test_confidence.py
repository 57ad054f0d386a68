"""The confidence's logistic function by known constants, and the script on drawn faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

Benchmark = Callable[[str], ModuleType]


def test_the_fit_finds_the_constants_that_made_the_faces(benchmark: Benchmark) -> None:
    random = np.random.default_rng(0)
    features, weights = random.uniform(0, 1, (40_000, 2)), np.array([6.0, 2.0, -3.0])
    truth = 1 / (1 + np.exp(-(features @ weights[:2] + weights[2])))
    right = (random.random(40_000) < truth).astype(float)
    script = benchmark("confidence")
    assert script.fitted(features, right) == pytest.approx(weights, abs=0.2)
    found = script.calibration(features, right, weights)
    assert found["calibration error"] < 0.02
    assert found["right, of 0.7 to 0.8"] == pytest.approx(0.75, abs=0.02)


def test_what_passes_is_counted_by_the_rule_of_the_package(benchmark: Benchmark) -> None:
    script = benchmark("confidence")
    scores = [(0.3, 0.5), (0.31, 0.5), (0.0, script.rule.SURE)]
    assert script.rule.SHARE == 0.5
    assert script.passes(scores, 0.555) == 2
    assert script.passes(scores, 0.55) == 3


def test_the_script_on_drawn_faces_and_an_empty_photo(
    benchmark: Benchmark, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (64, 64), "gray").save(tmp_path / "empty" / "gray.png")
    script, out = benchmark("confidence"), tmp_path / "out.json"
    limit = script.rule.FACE
    words = ["--root", str(drawn), "--model", "aan-s", "--validation", "0.5", "--every", "2"]
    words += ["--empty", str(tmp_path / "empty"), "--json", str(out)]
    script.main(words)
    found = json.loads(out.read_text())["models"]["aan-s"]
    assert found["faces"] >= found["found"]
    assert found["candidates"] == 0
    assert "things found in empty photos" in capsys.readouterr().out
    assert limit == script.rule.FACE
