"""Predict once, score many times, compare: as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from facealign.models import DEFAULT

Outcome = tuple[int, str, str]


@pytest.fixture
def evaluated(facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path) -> Path:
    """A folder with the bundled model's `p.npz` and `r.json` on drawn faces."""
    given = ["--dataset", "300w", "--root", drawn, "--threads", 1]
    code, printed, errors = facealign(
        "eval", *given, "--predictions", tmp_path / "p.npz", "--json", tmp_path / "r.json"
    )
    assert (code, errors) == (0, "")
    assert f"predictions: {tmp_path / 'p.npz'}" in printed
    return tmp_path


def test_a_report_holds_every_number_with_its_normaliser(evaluated: Path) -> None:
    report = json.loads((evaluated / "r.json").read_text())
    assert {"count", "nme_inter_ocular", "nme_inter_pupil", "auc_08"} <= report.keys()
    assert {"failure_rate_08", "nme_box_size", "nme_box_diagonal"} <= report.keys()
    assert (report["model"], report["normaliser"]) == (DEFAULT, "inter_ocular")
    low, high = report["intervals"]["inter_ocular"]
    assert low < report["nme_inter_ocular"] < high
    assert "jaw" in report["regions"]


def test_scoring_the_file_equals_evaluating(
    facealign: Callable[..., Outcome], evaluated: Path, drawn: Path
) -> None:
    again = evaluated / "again.json"
    code, printed, errors = facealign(
        "score", evaluated / "p.npz", "--root", drawn, "--json", again
    )
    assert (code, errors) == (0, "")
    for words in (DEFAULT, "300w common", "official", "NME, inter-pupil", "95 %", "left eye,"):
        assert words in printed
    assert json.loads(again.read_text()) == json.loads((evaluated / "r.json").read_text())


def test_the_labels_are_scored_in_the_points_of_the_predictions(
    facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path
) -> None:
    given = ["--dataset", "300w", "--root", drawn, "--threads", 1, "--markup", "ibug51"]
    kept, numbers, again = tmp_path / "p.npz", tmp_path / "r.json", tmp_path / "again.json"
    code, printed, errors = facealign("eval", *given, "--predictions", kept, "--json", numbers)
    assert (code, errors) == (0, "")
    assert "ibug51" in printed
    report = json.loads(numbers.read_text())
    assert report["markup"] == "ibug51"
    assert "jaw" not in report["regions"]
    assert facealign("score", kept, "--root", drawn, "--json", again)[0] == 0
    assert json.loads(again.read_text()) == report
    code, _, errors = facealign("eval", *given[:-1], "wflw98")
    assert (code, 'cannot give "wflw98" points: choose one of' in errors) == (
        2,
        True,
    )


def test_another_normaliser_needs_no_model(
    facealign: Callable[..., Outcome], evaluated: Path, drawn: Path
) -> None:
    given = ["--root", drawn, "--normaliser", "box_size"]
    code, printed, _ = facealign("score", evaluated / "p.npz", *given)
    assert (code, "AUC at 8 %, box size" in printed) == (0, True)


def test_predictions_and_another_data_set_do_not_fit(
    facealign: Callable[..., Outcome], evaluated: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    facealign("data", "drawings", other, "--train", 1, "--test", 2)
    code, _, errors = facealign("score", evaluated / "p.npz", "--root", other)
    assert (code, "predictions do not match" in errors) == (4, True)


def test_reports_side_by_side(facealign: Callable[..., Outcome], evaluated: Path) -> None:
    report = json.loads((evaluated / "r.json").read_text())
    old = {k: report[k] for k in ("count", "nme_inter_ocular", "nme_inter_pupil", "auc_08")}
    (evaluated / "old.json").write_text(json.dumps({"model": "[older]", **old}))
    rows = evaluated / "rows.json"
    code, printed, errors = facealign(
        "compare", evaluated / "r.json", evaluated / "old.json", "--json", rows
    )
    assert (code, errors) == (0, "")
    for words in (DEFAULT, "[older]", "NME, inter-ocular", "NME, box diagonal", "inter-ocular"):
        assert words in printed
    assert [row["model"] for row in json.loads(rows.read_text())] == [DEFAULT, "[older]"]


def test_a_run_counts_by_its_best_validation(
    facealign: Callable[..., Outcome], tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    lines = [
        {"step": s, "report": {"nme_inter_ocular": e, "dataset": "300w", "subset": "validation"}}
        for s, e in ((200, 0.07), (400, 0.05), (600, 0.06))
    ]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, printed, _ = facealign("compare", run)
    assert (code, "mine, step 400" in printed, "5.00 %" in printed) == (0, True, True)
    (run / "log.jsonl").write_text(json.dumps({"step": 1, "report": None}) + "\n")
    code, _, errors = facealign("compare", run)
    assert (code, "held nothing out for validation" in errors) == (4, True)


def test_what_is_no_report_is_named(facealign: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "bad.json").write_text("{")
    cases = {"list.json": "no report", "bad.json": "no report", "gone.json": "cannot be read"}
    for name, why in cases.items():
        code, _, errors = facealign("compare", tmp_path / name)
        assert (code, len(errors.splitlines()), why in errors) == (4, 1, True)
