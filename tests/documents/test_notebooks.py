"""The notebooks run from their first cell to their last, and show what they showed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(ROOT.glob("docs/notebooks/*.ipynb"))
SHORT = {"STEPS = 600": "STEPS = 4"}
SHELL = re.compile(r"^!facealign (.+)$", re.MULTILINE)
PRELUDE = """
import subprocess as _subprocess, sys as _sys
import matplotlib as _matplotlib
_matplotlib.use("Agg")
def _facealign(words):
    words = [_sys.executable, "-m", "facealign", *words.split()]
    _subprocess.run(words, check=True, stdout=_subprocess.DEVNULL)
"""


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["first-steps", "own-points", "video-analysis"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    code = "\n".join("".join(cell["source"]) for cell in cells)
    for long, short in SHORT.items():
        code = code.replace(long, short)
    code = SHELL.sub(lambda found: f'_facealign(f"""{found[1]}""")', code)
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        cwd=path.parent,
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_was_run_and_is_small(path: Path) -> None:
    assert path.stat().st_size < 600_000
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = [output["output_type"] for cell in cells for output in cell["outputs"]]
    assert "display_data" in kinds
    assert "error" not in kinds
