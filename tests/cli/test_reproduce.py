"""`facealign reproduce`, as a user types it: on drawn faces and on the photo in the repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Outcome = tuple[int, str, str]


@pytest.fixture
def reproduce(
    facealign: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Outcome]:
    monkeypatch.chdir(tmp_path)
    return lambda *args: facealign("reproduce", *args)


def test_table_2_in_every_form(
    reproduce: Callable[..., Outcome], drawn: Path, tmp_path: Path
) -> None:
    given = ["table2", "--root", drawn, "--threads", 1]
    code, text, errors = reproduce(*given)
    assert (code, errors) == (0, "")
    assert re.search(r"AAN +paper +4\.38 +9\.44", text)
    assert re.search(r"facealign aan-m +measured", text)
    assert "Challenging, not measured" in text
    assert reproduce(*given, "--format", "json", "-o", tmp_path / "t.json")[0] == 0
    row = json.loads((tmp_path / "t.json").read_text())["rows"][-1]
    assert (row["kind"], row["why"][1:3]) == ("measured", ["no data", "no data"])
    assert row["values"][0] > row["values"][3] > 0
    code, markdown, _ = reproduce(*given, "--format", "markdown")
    assert f"| **facealign aan-m** | **measured** | **{100 * row['values'][0]:.2f}** |" in (
        markdown
    )


@pytest.mark.parametrize("name", ["table1", "table3", "table4", "table5"])
def test_a_table_without_data_is_the_paper_s(reproduce: Callable[..., Outcome], name: str) -> None:
    code, text, errors = reproduce(name)
    assert (code, errors) == (0, "")
    assert text.startswith(f"Table {name[-1]}: ")
    assert " paper " in text
    assert "not measured" in text or "No runs are recorded" in text


def test_figure_2_draws_the_curve_that_it_can(
    reproduce: Callable[..., Outcome], drawn: Path, tmp_path: Path
) -> None:
    code, printed, _ = reproduce("figure2", "--root", f"300w={drawn}", "-o", tmp_path / "f.svg")
    assert code == 0
    assert "AFLW, full: no data: give --root aflw=DIR" in printed
    assert "300W, common:" not in printed
    assert (tmp_path / "f.svg").read_text().count("<svg") == 1


def test_figure_3_shows_faces_and_photos(
    reproduce: Callable[..., Outcome], drawn: Path, astronaut_path: Path, tmp_path: Path
) -> None:
    code, printed, _ = reproduce(
        "figure3", "--root", drawn, "--photo", astronaut_path, "-o", tmp_path / "f.png"
    )
    assert code == 0
    assert "300W" not in printed.replace("300VW", "")
    with Image.open(tmp_path / "f.png") as figure:
        assert figure.size[0] > 1500


def test_figure_4_of_the_example_needs_no_pytorch(repository: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfor name in ('torch', 'onnx'): sys.modules[name] = None\n"
        "from facealign.cli import main\n"
        f"main(['reproduce', 'figure4', '-o', {str(tmp_path / 'f.png')!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(tmp_path / "f.png") as figure:
        assert figure.size[0] > 4 * figure.size[1]  # a face and its four maps, side by side


def test_figure_4_without_a_face_says_what_to_give(
    reproduce: Callable[..., Outcome], tmp_path: Path
) -> None:
    code, _, errors = reproduce("figure4")
    assert (code, "give --root 300w=DIR" in errors) == (4, True)
    Image.new("RGB", (200, 150)).save(tmp_path / "black.png")
    code, _, errors = reproduce("figure4", "--photo", tmp_path / "black.png")
    assert (code, "no face was found" in errors) == (4, True)
