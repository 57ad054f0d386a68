"""Cross-validation: one run per fold, each group of faces held out once; mean and deviation."""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from facealign.errors import DataError
from facealign.files import read_json_file, write_json
from facealign.metrics import NORMALISERS
from facealign.training.settings import Settings

Summary = dict[str, tuple[float, float]]
"""Normaliser → mean of the folds' NMEs, and their sample standard deviation."""


def fold_settings(settings: Settings, folds: int) -> list[Settings]:
    """The settings of each run of a cross-validation.

    Raises:
        SettingsError: there are fewer than two folds.
    """
    parts = [replace(settings.data, folds=folds, fold=fold) for fold in range(folds)]
    return [replace(settings, name=f"{settings.name}-fold-{d.fold}", data=d) for d in parts]


def summarise(folders: Sequence[Path]) -> Summary:
    """Summarise the reports of finished runs, for each normaliser that all of them have.

    The errors are a little low: each report is of the best step, chosen on the same faces.

    Raises:
        DataError: a run has no report.
    """
    reports = [_report(folder) for folder in folders]
    summary: Summary = {}
    for name in NORMALISERS:
        values = [report.get(f"nme_{name}") for report in reports]
        known = [float(value) for value in values if value is not None]
        if len(known) == len(reports):
            summary[name] = (statistics.fmean(known), statistics.stdev(known))
    return summary


def _report(folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    content = read_json_file(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: not the report of a finished run")
    return content


def write_summary(summary: Summary, folder: Path) -> None:
    """Write the summary as `folds.json`.

    Raises:
        OutputError: it cannot be written.
    """
    content = {
        f"nme_{name}": {"mean": mean, "deviation": deviation}
        for name, (mean, deviation) in summary.items()
    }
    write_json(folder / "folds.json", content)
