"""`facealign score`: predictions that were written once → numbers, without the model."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.cli.data_options import reader_option
from facealign.cli.reporting import print_report, write_report
from facealign.datasets import read_dataset
from facealign.evaluation import read_predictions, score
from facealign.metrics import NORMALISERS


@click.command("score", short_help="Score predictions again, without the model.")
@click.argument("predictions", type=Path, metavar="FILE")
@click.option("--root", required=True, type=Path, metavar="DIR", help="Folder of the data set.")
@click.option(
    "--normaliser",
    type=click.Choice(list(NORMALISERS)),
    help="Of the AUC, the failures and the regions; default: the data set's usual one.",
)
@click.option("--json", "target", type=Path, metavar="FILE", help="Also write the numbers here.")
@reader_option
def command(
    predictions: Path,
    root: Path,
    normaliser: str | None,
    target: Path | None,
    options: dict[str, str | int],
) -> int:
    """Score predictions again, without the model.

    FILE is what `facealign eval --predictions` wrote; it knows its data set and subset.

    \b
    facealign eval --dataset 300w --root /faces/300w --predictions common.npz
    facealign score common.npz --root /faces/300w
    """  # noqa: D301
    found = read_predictions(predictions)
    reading = read_dataset(found.dataset, root, found.subset, **options)
    report = score(reading.samples, found, found.dataset, found.subset, normaliser)
    print_report(report, found.model)
    write_report(report, found.model, target)
    return 0
