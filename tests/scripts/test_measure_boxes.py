"""How a detector's boxes are compared, and the script on copies of one photo."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from facealign.formats.pts import to_pts


def test_differences_are_in_official_box_sizes(script: ModuleType) -> None:
    official = np.array([10, 10, 30, 30], np.float32)
    larger = np.array([12, 4, 52, 44], np.float32)  # twice the size, its centre 12 and 4 further
    row = script.difference(larger, official)
    assert np.allclose(row, [0.6, 0.2, np.log(2)])
    assert script.matches(np.array([0.3, -0.3, 0.6]))
    assert not script.matches(row)
    assert not script.matches(np.array([0.0, 0.0, -0.7]))


def test_the_table_of_a_folder_of_photos(
    script: ModuleType,
    repository: Path,
    astronaut_path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    golden = json.loads((repository / "tests" / "golden" / "astronaut-aan-m.json").read_text())
    points = np.array(golden[0]["landmarks"], np.float32)
    for number, shift in enumerate(([0, 0], [4, -3], [-5, 6], [900, 900])):  # the last: no face
        shutil.copyfile(astronaut_path, tmp_path / f"{number}.jpg")
        moved = (points + shift) * (1 + number / 100)
        (tmp_path / f"{number}.pts").write_text(to_pts(moved.astype(np.float32)))
    script.main("pts", tmp_path, "all")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "3 of 4 faces found"
    assert [line.split()[0] for line in printed[2:5]] == ["x", "y", "log"]
