"""The picture of the peers: from the file alone, every model named, the same file each time."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from facealign import DataError


def row(name: str, ms: float, plain: float, corrected: float, ours: bool = False) -> dict:
    accuracy = {
        "plain": {"nme_inter_pupil": plain},
        "corrected": {"nme_inter_pupil": corrected},
    }
    told = "a doubt" if name == "near" else ""
    return {
        "name": name,
        "caveat": told,
        "ours": ours,
        "stage_ms": {"median": ms},
        "accuracy": accuracy,
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = [row("mine", 2.5, 0.05, 0.049, True), row("theirs", 7.0, 0.07, 0.05)]
    rows += [row("near", 7.5, 0.0701, 0.06), {"name": "speed alone", "ours": False}]
    path = tmp_path / "peers.json"
    path.write_text(json.dumps({"schema": "facealign-peers/1", "rows": rows}))
    return path


def test_every_measured_model_is_named_at_its_place(
    script: ModuleType, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list = []
    monkeypatch.setattr(script, "save_figure", lambda figure, target: saved.append(figure))
    script.main(source, tmp_path / "p.svg")
    (axes,) = saved[0].axes
    assert [text.get_text() for text in axes.texts] == ["mine", "theirs", "near (a doubt)"]
    heights = [text.get_position()[1] for text in axes.texts]
    assert heights[1] == pytest.approx(7.0)
    assert heights[2] - heights[1] > 0.1  # names that would lie on each other are moved apart
    discs = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "o"]
    assert [2.5, pytest.approx(5.0)] in [place for disc in discs for place in disc]
    assert [7.0, pytest.approx(5.0)] in [place for disc in discs for place in disc]
    assert axes.get_xscale() == "log"


def test_the_same_file_gives_the_same_picture(
    script: ModuleType, source: Path, tmp_path: Path
) -> None:
    for name in "ab":
        script.main(source, tmp_path / f"{name}.svg")
    one, other = ((tmp_path / f"{name}.svg").read_bytes() for name in "ab")
    assert one == other
    assert b"<svg" in one


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read"),
        ('{"schema": "other/1"}', "its schema is not"),
        ('{"schema": "facealign-peers/1", "rows": [{"name": "a"}]}', "it has no accuracy"),
    ],
)
def test_another_file_is_refused_by_name(
    script: ModuleType, tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(DataError, match=reason) as error:
        script.main(path, tmp_path / "p.svg")
    assert str(path) in str(error.value)


def test_the_kept_file_and_its_picture_belong_together(
    script: ModuleType, repository: Path
) -> None:
    kept = repository / "docs" / "runs" / "peers" / "300w.json"
    drawn = (repository / "docs" / "pictures" / "peers.svg").read_text()
    for mark in script.read_marks(kept):
        assert f"<!-- {mark.label} -->" in drawn
