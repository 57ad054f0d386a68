"""`facealign eval`, `score` and `compare`: errors on labelled data sets, and side by side."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from facealign.aligner import FaceAligner
from facealign.aligner.settings import AlignSettings
from facealign.cli.console import bar, percent, print_facts, print_table, say
from facealign.cli.data_options import (
    Options,
    boxes_option,
    default_subset,
    normaliser_option,
    reader_option,
    root_option,
    with_markup,
)
from facealign.cli.options import (
    device_option,
    json_option,
    labels_markup_option,
    markup_option,
    model_option,
    output_path,
    threads_option,
)
from facealign.datasets import DATASETS, Reading, load_dataset, read_dataset
from facealign.datasets.labels import named_scheme
from facealign.errors import DataError, SettingsError
from facealign.evaluation import Report, predict, read_predictions, score, write_predictions
from facealign.files import is_folder, parsing, reading, write_json
from facealign.metrics import NORMALISERS, in_words

Entry = dict[str, Any]


@click.command("eval", short_help="Measure a model on a labelled data set.")
@click.option(
    "--dataset",
    required=True,
    type=click.Choice(list(DATASETS)),
    metavar="NAME",
    help=f"One of {', '.join(DATASETS)}.",
)
@root_option
@click.option("--subset", metavar="NAME", help="Part of the data set; default: its usual test set.")
@model_option
@markup_option("Point scheme to measure; default: the labels', if the model has it.")
@boxes_option
@normaliser_option
@output_path(
    "--predictions",
    "predicted",
    metavar="FILE",
    help="Also keep the points (.npz), for facealign score.",
)
@json_option
@device_option
@threads_option("Threads; default: all.")
@reader_option
def evaluate(
    dataset: str,
    root: Path,
    subset: str | None,
    model: str,
    markup: str | None,
    boxes: str,
    normaliser: str | None,
    predicted: Path | None,
    target: Path | None,
    device: str,
    threads: int | None,
    options: Options,
) -> int:
    """Measure a model on a labelled data set, in one plain pass.

    Unlike `align`, it does not look a second time at faces that are turned or lean.

    \b
    facealign eval --dataset 300w --root /faces/300w --subset common
    facealign eval --dataset 300vw --root /faces/300vw --option stride=10
    facealign eval --dataset 300vw --root /faces/300vw --boxes tracker
    """  # noqa: D301
    if "markup" in load_dataset(dataset).options:  # whose labels may not name their points
        with FaceAligner(model, threads=1) as plain:  # whose point scheme is known from here on
            scheme = markup or named_scheme(dataset, root) or plain.markup
        options = with_markup(dataset, options, scheme)
    reading = read_dataset(dataset, root, subset or default_subset(dataset), **options)
    aligner = _aligner(model, threads, device, markup, reading)
    progress, names = bar("predicting", "faces"), (reading.dataset, reading.subset)
    predictions = predict(reading.samples, aligner, boxes, progress, *names)
    if not predictions.ids:
        raise DataError(f"{root}: no face of {dataset} {reading.subset} could be read")
    if predicted:
        write_predictions(predictions, predicted)
    report = score(reading.samples, predictions, *names, normaliser)
    _show(report, predictions.model, target, predicted)
    return 0


def _aligner(
    model: str, threads: int | None, device: str, markup: str | None, reading: Reading
) -> FaceAligner:
    """For the points asked for, else the labels', else the model's own: `score` may convert."""
    settings = AlignSettings(model=model, markup=markup, upright=True, device=device)
    if markup is None and reading.samples:
        with suppress(SettingsError):
            return replace(settings, markup=reading.samples[0].markup).aligner(threads)
    return settings.aligner(threads)


@click.command("score", short_help="Score predictions again, without the model.")
@click.argument("predictions", type=Path, metavar="FILE")
@root_option
@normaliser_option
@labels_markup_option
@json_option
@reader_option
def score_again(
    predictions: Path,
    root: Path,
    normaliser: str | None,
    markup: str | None,
    target: Path | None,
    options: Options,
) -> int:
    """Score predictions again, without the model.

    FILE is what `facealign eval --predictions` wrote; it names its data set and subset.

    \b
    facealign eval --dataset 300w --root /faces/300w --predictions common.npz
    facealign score common.npz --root /faces/300w
    """  # noqa: D301
    found = read_predictions(predictions)
    options = with_markup(found.dataset, options, markup)
    reading = read_dataset(found.dataset, root, found.subset, **options)
    report = score(reading.samples, found, found.dataset, found.subset, normaliser)
    _show(report, found.model, target)
    return 0


def _show(report: Report, model: str, target: Path | None, predicted: Path | None = None) -> None:
    """Print the numbers, write them as JSON if a file is wanted, and name the files."""
    by = in_words(report.normaliser)
    facts = {
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
        facts[f"NME, {in_words(name)}"] = f"{percent(value)}  ({between}{some})"
    facts[f"AUC at 8 %, {by}"] = percent(report.auc_08, 1)
    facts[f"failures over 8 %, {by}"] = percent(report.failure_rate_08, 1)
    for name, value in report.regions.items():
        facts[f"{in_words(name)}, {by}"] = percent(value)
    print_facts(facts)
    if predicted:
        say(f"predictions: {predicted}")
    if target:
        write_json(target, {"model": model, **report.to_dict()}, allow_nan=False)
        say(f"numbers: {target}")


@click.command("compare", short_help="Put reports or runs side by side.")
@click.argument("sources", nargs=-1, required=True, type=Path, metavar="REPORT.json|RUN...")
@json_option
def compare(sources: tuple[Path, ...], target: Path | None) -> int:
    """Put several reports or runs side by side.

    A REPORT is a file of `facealign eval --json`. A RUN is a folder, of which the best validation
    is shown: on faces held out of that run, so compare runs with each other, not with reports.

    \b
    facealign compare common.json other.json
    facealign compare runs/aan-300w runs/other
    """  # noqa: D301
    entries = [read_entry(source) for source in sources]
    used = [n for n in NORMALISERS if any(e.get(f"nme_{n}") is not None for e in entries)]
    errors = [f"NME, {in_words(name)}" for name in used]
    right = ("faces", "missed", *errors, "AUC at 8 %", "failures", "by")
    columns = ("model", "data", "boxes", *right)
    print_table(columns, (_cells(entry, used) for entry in entries), right)
    if target:
        write_json(target, entries)
        say(f"rows: {target}")
    return 0


def read_entry(source: Path) -> Entry:
    """The numbers of a report file, or of the best validation of a run's folder.

    Raises:
        DataError: it cannot be read, or holds no report.
    """
    log = source / "log.jsonl"
    place = log if is_folder(source) else source
    with reading(place):
        content = place.read_bytes()
    with parsing(source, "no report; write one with: facealign eval --json"):
        entry = _best_validation(log, content) if place is log else json.loads(content)
        if "nme_inter_ocular" not in entry:
            raise ValueError("no nme_inter_ocular")
        _cells(entry, list(NORMALISERS))  # the numbers can be printed
        return {"source": str(source), **entry}


def _best_validation(log: Path, content: bytes) -> Entry:
    lines = [json.loads(line) for line in content.splitlines()]
    scored = [line for line in lines if line.get("report")]
    if not scored:
        raise ValueError("the run held nothing out for validation")
    by = f"nme_{scored[0]['report'].get('normaliser', 'inter_ocular')}"
    best = min(scored, key=lambda line: float(line["report"][by]))
    return {"model": f"{log.parent.name}, step {best['step']}", **best["report"]}


def _cells(entry: Entry, normalisers: list[str]) -> list[str]:
    return [
        str(entry.get("model", "")),
        f"{entry.get('dataset', '')} {entry.get('subset', '')}",
        str(entry.get("box_source", "")),
        str(entry.get("count", "")),
        str(entry.get("missed", "")),
        *(percent(entry.get(f"nme_{name}")) for name in normalisers),
        percent(entry.get("auc_08"), 1),
        percent(entry.get("failure_rate_08"), 1),
        in_words(str(entry.get("normaliser", "inter_ocular"))),
    ]
