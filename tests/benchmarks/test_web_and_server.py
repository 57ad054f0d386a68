"""The page's and the server's benchmarks: every number is there, and the work was done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from facealign.errors import SettingsError

Benchmark = Callable[[str], ModuleType]
pytestmark = pytest.mark.slow


def test_the_browser_beside_python(
    benchmark: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = benchmark("browser")
    try:
        script.tools(Path(__file__).parents[2])
    except SettingsError as error:
        pytest.skip(str(error))
    target = tmp_path / "out.json"
    script.main(["--rounds", "1", "--repeats", "2", "--json", str(target)])
    tree = json.loads(target.read_text())
    assert tree["schema"] == "facealign-browser/1"
    assert tree["points_apart_px"] <= 0.1
    assert list(tree["results"])[:2] == ["Python, 1 thread", "Chromium, 1 thread"]
    for steps in tree["results"].values():
        assert steps.keys() == script.STEPS.keys()
        assert steps["photo"]["median"] > steps["network"]["median"] > 0
    assert "times Python's median" in capsys.readouterr().out


def test_the_server_beside_direct_calls(
    benchmark: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("uvicorn")
    target = tmp_path / "out.json"
    benchmark("server").main(["--rounds", "1", "--seconds", "0.3", "--json", str(target)])
    rates = json.loads(target.read_text())["per_second"]
    assert list(rates) == ["direct call, 1 thread", "1 client", "8 clients"]
    assert min(rates.values()) > 0
    assert "times the direct call" in capsys.readouterr().out
