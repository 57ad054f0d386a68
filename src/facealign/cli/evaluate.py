"""`facealign eval`: a model's errors on a labelled data set."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from facealign.aligner import FaceAligner
from facealign.cli.console import bar, out
from facealign.cli.data_options import default_subset, reader_option
from facealign.cli.reporting import print_report, write_report
from facealign.datasets import DATASETS, Reading, read_dataset
from facealign.errors import DataError, SettingsError
from facealign.evaluation import Predictions, predict, score, write_predictions
from facealign.markup import MARKUPS
from facealign.metrics import NORMALISERS


@click.command("eval", short_help="Measure a model on a labelled data set.")
@click.option(
    "--dataset",
    required=True,
    type=click.Choice(list(DATASETS)),
    metavar="NAME",
    help=f"One of {', '.join(DATASETS)}.",
)
@click.option("--root", required=True, type=Path, metavar="DIR", help="Folder of the data set.")
@click.option("--subset", metavar="NAME", help="Part of the data set; default: its usual test set.")
@click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME",
    help="A bundled one, or a file.",
)
@click.option(
    "--markup",
    type=click.Choice(list(MARKUPS)),
    help="Points to measure; default: the data set's, where the model knows them.",
)
@click.option(
    "--boxes",
    type=click.Choice(["official", "detector"]),
    default="official",
    show_default=True,
    help="The data set's own boxes, or the whole pipeline with its detector.",
)
@click.option(
    "--normaliser",
    type=click.Choice(list(NORMALISERS)),
    help="Of the AUC, the failures and the regions; default: the data set's usual one.",
)
@click.option(
    "--predictions",
    "predicted",
    type=Path,
    metavar="FILE",
    help="Also keep the points (.npz), to be scored again: facealign score.",
)
@click.option("--json", "target", type=Path, metavar="FILE", help="Also write the numbers here.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads; default: all.")
@reader_option
def command(
    dataset: str,
    root: Path,
    subset: str | None,
    model: str,
    markup: str | None,
    boxes: str,
    normaliser: str | None,
    predicted: Path | None,
    target: Path | None,
    threads: int | None,
    options: dict[str, str | int],
) -> int:
    """Measure a model on a labelled data set, in one plain pass: nothing is looked at
    again, turned, as `align` does with faces that lean.

    \b
    facealign eval --dataset 300w --root /faces/300w --subset common
    facealign eval --dataset 300vw --root /faces/300vw --option stride=10
    """  # noqa: D205, D301
    reading = read_dataset(dataset, root, subset or default_subset(dataset), **options)
    aligner = _aligner(model, threads, markup, reading)
    predictions = _predict(reading, aligner, boxes)
    if not predictions.ids:
        raise DataError(f"{root}: no face of {dataset} {reading.subset} could be read")
    if predicted:
        write_predictions(predictions, predicted)
    report = score(reading.samples, predictions, reading.dataset, reading.subset, normaliser)
    print_report(report, predictions.model)
    if predicted:
        out().print(f"predictions: {predicted}", markup=False, soft_wrap=True)
    write_report(report, predictions.model, target)
    return 0


def _aligner(model: str, threads: int | None, markup: str | None, reading: Reading) -> FaceAligner:
    """With the points asked for, else the labels', else the model's own, which `score` may know."""
    plain = partial(FaceAligner, model, threads=threads, turned_faces=False, leaning_faces=False)
    if markup is None and reading.samples:
        with suppress(SettingsError):
            return plain(markup=reading.samples[0].markup)
    return plain(markup=markup)


def _predict(reading: Reading, aligner: FaceAligner, boxes: str) -> Predictions:
    found = predict(reading.samples, aligner, boxes, bar("predicting", "faces"))
    name, subset = aligner.facts.name, reading.subset
    return replace(found, model=name, dataset=reading.dataset, subset=subset)
