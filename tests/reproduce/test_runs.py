"""Recorded runs: read with care, averaged by hand, refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facealign import DataError
from facealign.reproduce.runs import read_runs, write_runs
from facealign.reproduce.tables import ablation_table, summarise


def entry(variant: str = "aan", seed: int = 0, nme: float = 0.04, **more: object) -> dict:
    words = {"dataset": "300w", "subset": "common", "normaliser": "inter_ocular"}
    return {"variant": variant, "seed": seed, "nme": nme, "command": "facealign …", **words, **more}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_runs(tmp_path / "runs" / "a.json", [entry(count=554), entry(seed=1)], "300 steps each")
    for place in (tmp_path / "runs", tmp_path / "runs" / "a.json"):
        runs, notes = read_runs(place)
        assert [(r.variant, r.seed, r.nme) for r in runs] == [("aan", 0, 0.04), ("aan", 1, 0.04)]
        assert notes == ["300 steps each"]


def test_mean_and_deviation_by_hand(tmp_path: Path) -> None:
    given = [entry(nme=0.03), entry(seed=1, nme=0.05), entry("no-ne", nme=0.06)]
    write_runs(tmp_path / "a.json", given, "")
    summary = summarise(read_runs(tmp_path / "a.json")[0])["300w", "common", "inter_ocular"]
    assert summary["aan"].value == pytest.approx(0.04)
    assert summary["aan"].deviation == pytest.approx(0.02 / 2**0.5)  # n − 1
    assert (summary["no-ne"].value, summary["no-ne"].deviation, summary["no-ne"].runs) == (
        0.06,
        None,
        1,
    )


def test_table_5_has_the_paper_s_rows_and_ours(tmp_path: Path) -> None:
    given = [entry(nme=0.03), entry(seed=1, nme=0.05), entry("eq2", nme=0.06)]
    write_runs(tmp_path / "a.json", given, "300 steps each")
    table = ablation_table(*read_runs(tmp_path))
    assert table.columns == ("AAN", "w/o attention", "w/o NE layer", "w/o both", "eq. 2")
    cells = [[str(cell) for cell in row.cells] for row in table.rows]
    assert cells == [
        ["1.73", "2.06", "1.78", "2.10", "-"],
        ["7.98", "9.38", "8.15", "9.60", "-"],
        ["4.00 ± 1.41", "not run", "not run", "not run", "6.00"],
    ]
    assert table.notes[0] == "300 steps each"
    assert "AAN 2, eq. 2 1" in table.notes[-1]


def test_table_5_without_runs_says_so() -> None:
    table = ablation_table([])
    assert [row.kind for row in table.rows] == ["paper", "paper"]
    assert "No runs are recorded" in table.notes[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"nme": "low"}, "nme 'low' is not a fraction"),
        ({"nme": float("inf")}, "is not a fraction"),
        ({"nme": True}, "is not a fraction"),
        ({"seed": 0.5}, "seed 0.5 is not a whole number"),
        ({"normaliser": "nose"}, 'unknown normaliser "nose"'),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, change: dict, why: str) -> None:
    tree = {"schema": "facealign-runs/1", "runs": [entry(), entry(**change)]}
    (tmp_path / "a.json").write_text(json.dumps(tree))
    with pytest.raises(DataError, match=f"a.json: run 2: .*{why}"):
        read_runs(tmp_path / "a.json")


def test_a_missing_key_is_named_when_writing_too(tmp_path: Path) -> None:
    lame = entry()
    del lame["command"]
    with pytest.raises(DataError, match='run 1: lacks "command"'):
        write_runs(tmp_path / "a.json", [lame], "")


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "other"}', '{"schema":"facealign-runs/1"}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=r"a\.json: "):
        read_runs(tmp_path / "a.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_runs(tmp_path / "gone.json")
