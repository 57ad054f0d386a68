"""Where attention looks and what a crop cuts, on drawn faces."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


def test_maps_and_crops_of_drawn_faces(
    benchmark: Callable[[str], ModuleType],
    drawn: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    benchmark("claims").main(["--root", str(drawn), "--json", str(tmp_path / "a.json")])
    found = json.loads((tmp_path / "a.json").read_text())
    (maps,) = found["maps"].values()
    assert [len(means) for means in maps.values()] == [4, 4, 4]
    assert all(0 < mean < 1 for means in maps.values() for mean in means)
    tight, wide = (found["outside"][margin] for margin in ("0.0", "0.15"))
    assert 0 <= wide[0] <= tight[0] <= tight[1] <= 1
    assert 1.2 < found["eyes"] < 1.6
    assert "| at the jaw's points |" in capsys.readouterr().out
