"""Where the data is found, and what happens where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facealign import DataError
from facealign.datasets import read_dataset
from facealign.evaluation import Predictions
from facealign.reproduce.measure import Measurer, Roots
from facealign.reproduce.tables import benchmark_table


@pytest.fixture(scope="module")
def perfect(drawn: Path) -> Predictions:
    samples = read_dataset("300w", drawn, "common").samples
    landmarks = np.stack([sample.landmarks for sample in samples])
    words = {"model": "oracle", "markup": "ibug68", "dataset": "300w", "subset": "common"}
    return Predictions([s.id for s in samples], landmarks, "official", **words)


@pytest.mark.parametrize("form", ["300w={0}", "{0}", "{0.parent}", "nowhere", "aflw={0}"])
def test_a_root_is_a_name_a_data_set_or_a_folder_of_them(drawn: Path, form: str) -> None:
    roots = Roots((form.format(drawn),))
    if form in ("nowhere", "aflw={0}"):
        with pytest.raises(DataError, match=r"^nowhere/|give --root 300w=DIR"):
            roots.read("300w", "common")
        return
    assert len(roots.read("300w", "common").samples) == 8


def test_kept_predictions_are_scored_without_a_model(drawn: Path, perfect: Predictions) -> None:
    measurer = Measurer(Roots((str(drawn),)), models=("no such model",), kept=[perfect])
    reports = measurer.reports("300w", "common", "inter_pupil")
    assert list(reports) == ["oracle"]
    assert (reports["oracle"].nme, reports["oracle"].normaliser) == (0, "inter_pupil")
    with pytest.raises(DataError, match="no predictions of it given"):
        measurer.reports("300w", "train", "inter_pupil")


def test_table_2_measures_what_is_here_and_names_what_is_not(
    drawn: Path, perfect: Predictions
) -> None:
    moved = replace(perfect, model="moved", landmarks=perfect.landmarks + np.float32(1))
    measurer = Measurer(Roots((str(drawn),)), kept=[perfect, moved])
    table = benchmark_table("table2", measurer)
    assert table.columns[0] == "Common, inter-pupil"
    assert table.columns[3] == "Common, inter-ocular"
    oracle, other = (row for row in table.rows if row.kind == "measured")
    assert [str(c) for c in oracle.cells] == ["0.00", "no data", "no data"] * 2
    assert other.cells[0].value > other.cells[3].value > 0  # eye centres are closer than corners
    assert other.source == "300w common, 8 faces, official boxes"
    notes = " ".join(table.notes)
    assert f"Challenging, not measured: {drawn}/ibug: no such folder" in notes
    assert "Full, not measured" in notes
    assert "8 faces, official boxes; 95 % interval" in notes
    assert "has 554 faces officially, not 8: the measured row cannot be compared" in notes


def test_without_any_data_every_benchmark_still_shows_the_paper_s_rows() -> None:
    for name, count in {"table1": 1, "table2": 10, "table3": 4, "table4": 6}.items():
        table = benchmark_table(name, Measurer(Roots(())))
        assert sum(row.kind == "paper" for row in table.rows) == count
        assert {str(cell) for cell in table.rows[-1].cells} == {"no data"}
        assert "give --root" in table.notes[-1]


def test_a_model_of_another_point_scheme_is_no_model_here(
    drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurer = Measurer(Roots((str(drawn),)))
    monkeypatch.setattr(type(measurer.aligner("default")), "markup", "celeba5")
    with pytest.raises(DataError, match=r"300w common \(ibug68\): no model with its points given"):
        measurer.reports("300w", "common", "inter_ocular")
