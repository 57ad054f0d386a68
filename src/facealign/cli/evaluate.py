"""`facealign eval`: a model's errors on a labelled data set."""

from __future__ import annotations

import json
from pathlib import Path

import click

from facealign.aligner import FaceAligner
from facealign.cli.console import fail, out, progress
from facealign.datasets import DATASETS, read_dataset
from facealign.errors import DataError
from facealign.evaluation import Report, predict, score
from facealign.image import write_file


@click.command("eval", short_help="Measure a model on a labelled data set.")
@click.option(
    "--dataset",
    required=True,
    type=click.Choice(list(DATASETS)),
    metavar="NAME",
    help=f"One of {', '.join(DATASETS)}.",
)
@click.option("--root", required=True, type=Path, metavar="DIR", help="Folder of the data set.")
@click.option("--subset", default="common", show_default=True, help="Part of the data set.")
@click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME",
    help="A bundled one, or a file.",
)
@click.option(
    "--boxes",
    type=click.Choice(["official", "detector"]),
    default="official",
    show_default=True,
    help="The data set's own boxes, or the whole pipeline with its detector.",
)
@click.option("--json", "target", type=Path, metavar="FILE", help="Also write the numbers here.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads; default: all.")
def command(
    dataset: str,
    root: Path,
    subset: str,
    model: str,
    boxes: str,
    target: Path | None,
    threads: int | None,
) -> int:
    """Measure a model on a labelled data set.

    \b
    facealign eval --dataset 300w --root /faces/300w --subset common
    """  # noqa: D301
    reading = read_dataset(dataset, root, subset)
    aligner = FaceAligner(model, threads=threads)
    bar = progress("faces")
    with bar:
        task = bar.add_task("predicting", total=len(reading.samples), note="")
        predictions, unread = predict(reading.samples, aligner, boxes, lambda: bar.advance(task))
    problems = reading.problems + unread
    for problem in problems:
        fail(problem, 3)
    if not predictions.ids:
        raise DataError(f"{root}: no face of {dataset} {subset} could be read")
    report = score(reading.samples, predictions, dataset, subset)
    _print_report(report, aligner.facts.name)
    if target:
        content = {"model": aligner.facts.name, **report.to_dict()}
        write_file(target, json.dumps(content, indent=2) + "\n")
        out().print(f"numbers: {target}", markup=False, soft_wrap=True)
    return 3 if problems else 0


def _print_report(report: Report, model: str) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    rows = {
        "model": model,
        "data": f"{report.dataset} {report.subset}",
        "boxes": report.box_source,
        "faces": str(report.count),
        "missed": str(report.missed),
        "NME, inter-ocular": f"{100 * report.nme_inter_ocular:.2f} %",
        "NME, inter-pupil": f"{100 * report.nme_inter_pupil:.2f} %",
        "AUC at 8 %, inter-ocular": f"{100 * report.auc_08:.1f} %",
        "failures over 8 %, inter-ocular": f"{100 * report.failure_rate_08:.1f} %",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    out().print(table)
