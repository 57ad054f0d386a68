from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from facealign.cli import main
from facealign.datasets.reading import fold_by_group
from facealign.errors import DataError, SettingsError
from facealign.training.settings_file import to_settings
from facealign.types import Sample


@pytest.mark.parametrize("folds", [2, 3, 7])
def test_every_group_is_held_out_in_exactly_one_fold(
    folds: int, make_sample: Callable[..., Sample]
) -> None:
    samples = [make_sample(f"{n}", group=f"g{n // 3}", write=False) for n in range(40)]
    held_out = []
    for fold in range(folds):
        training, validation = fold_by_group(samples, folds, fold, seed=5)
        assert len(training) + len(validation) == len(samples)
        assert not {s.group for s in training} & {s.group for s in validation}
        assert fold_by_group(samples[::-1], folds, fold, seed=5)[1] == validation[::-1]
        held_out.append({s.group for s in validation})
    assert sum(map(len, held_out)) == len(set().union(*held_out)) == 14
    assert max(map(len, held_out)) - min(map(len, held_out)) <= 1


def test_more_folds_than_groups_are_refused(make_sample: Callable[..., Sample]) -> None:
    samples = [make_sample(str(n), group="one", write=False) for n in range(5)]
    with pytest.raises(DataError, match="2 folds of 1 groups of faces: take fewer folds"):
        fold_by_group(samples, 2, 0)


@given(folds=st.integers(0, 5), fold=st.integers(-1, 6))
def test_a_fold_that_there_is_not_is_refused(folds: int, fold: int) -> None:
    tree = {"data": {"folds": folds, "fold": fold}}
    if (folds, fold) == (0, 0) or (folds >= 2 and 0 <= fold < folds):
        assert to_settings(tree, "test").data.fold == fold
    else:
        with pytest.raises(SettingsError, match=r"data\.fold = .*two folds or more"):
            to_settings(tree, "test")


def test_cross_validation_from_the_command_line(
    tmp_path: Path, drawn: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        "[model]\ninput_size = 32\nwidths = [4, 8]\n"
        "[train]\nsteps = 2\nbatch = 8\nthreads = 1\ntensorboard = false\n"
    )
    run = tmp_path / "run"
    command = ["train", str(config), f"data.root={drawn}", "--run", str(run), "--folds", "3"]
    with pytest.raises(SystemExit) as done:
        main(command)
    assert done.value.code == 0
    reports = [json.loads((run / f"fold-{n}" / "report.json").read_text()) for n in range(3)]
    held_out = [
        json.loads((run / f"fold-{n}" / "data.json").read_text())["held_out"] for n in range(3)
    ]
    assert len(set().union(*held_out)) == sum(map(len, held_out)) == 30
    errors = [report["nme_inter_ocular"] for report in reports]
    summary = json.loads((run / "folds.json").read_text())["nme_inter_ocular"]
    assert summary["mean"] == pytest.approx(sum(errors) / 3)
    assert summary["deviation"] == pytest.approx(statistics.stdev(errors)) != 0
    printed = capfd.readouterr().out
    assert (
        f"of 3 folds: {100 * summary['mean']:.2f} ± {100 * summary['deviation']:.2f} %" in printed
    )
