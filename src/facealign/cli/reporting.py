"""A report on the terminal and as JSON: the same for every verb that scores."""

from __future__ import annotations

import json
from pathlib import Path

from facealign.cli.console import in_words, percent, print_facts, say
from facealign.evaluation import Report
from facealign.files import write_file


def print_report(report: Report, model: str) -> None:
    """The report as a table on stdout."""
    by = in_words(report.normaliser)
    rows = {
        "model": model or "not named",
        "data": f"{report.dataset} {report.subset}",
        "points": report.markup,
        "boxes": report.box_source,
        "faces": str(report.count),
        "missed": str(report.missed),
    }
    for name, value in report.nmes.items():
        low, high = report.intervals[name]
        between = f"95 %: {100 * low:.2f} to {100 * high:.2f}"
        some = f"; {known} faces" if (known := report.defined[name]) < report.count else ""
        rows[f"NME, {in_words(name)}"] = f"{percent(value)}  ({between}{some})"
    rows[f"AUC at 8 %, {by}"] = percent(report.auc_08, 1)
    rows[f"failures over 8 %, {by}"] = percent(report.failure_rate_08, 1)
    for name, value in report.regions.items():
        rows[f"{in_words(name)}, {by}"] = percent(value)
    print_facts(rows)


def write_report(report: Report, model: str, target: Path | None) -> None:
    """Write the numbers as JSON, where a file is wanted."""
    if target:
        content = {"model": model, **report.to_dict()}
        write_file(target, json.dumps(content, indent=2, allow_nan=False) + "\n")
        say(f"numbers: {target}")
