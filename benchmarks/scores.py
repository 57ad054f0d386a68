"""How good scores and visibility are.

    python benchmarks/scores.py --root /faces/300w [--model NAME …]

For a model with the outputs `scores` and `visible` (`model.spread`, `model.visibility`):

- on 300W common, and on the faces that a run with the same `--validation` and `--seed` held out of
  the training part: how the score follows the error (rank correlation), what leaving out the
  least certain points gains (sparsification curve; AUSE against the oracle that leaves out the
  largest errors), and whether a point scored p is within SCORE_RADIUS of its place in p of the
  cases (expected calibration error, reliability table);
- with `--aflw`, `--merl-rav`: how well `visible` separates shown points from hidden ones (ROC AUC).

Official boxes, one plain pass. Errors are in inter-ocular distances, near is in fractions of the
crop. Needs only NumPy; `--plot` needs the "plot" extra.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from looked import LEFT_OUT, hidden_numbers, look, score_numbers, shown_points
from rich.console import Console
from script import (
    add_models,
    add_root,
    models_of,
    new_console,
    new_parser,
    new_table,
    percent,
    record,
    run_script,
    show_table,
    write_json,
)

from facealign.aligner.landmarker import Landmarker
from facealign.datasets import Reading, read_dataset
from facealign.datasets.reading import split_by_group
from facealign.errors import MissingExtraError, ModelError, SettingsError
from facealign.files import write_file
from facealign.models import SCORE_RADIUS, model_path
from facealign.problems import report
from facealign.types import Sample


def readings(given: argparse.Namespace) -> dict[str, tuple[str, list[Sample]]]:
    """Name → what is measured ("scores" or "visible"), and the samples."""
    asked: dict[str, tuple[str, Reading]] = {}
    if given.root:
        train = read_dataset("300w", given.root, "train")
        _, held_out = split_by_group(train.samples, given.validation, given.seed)
        asked["300W common"] = ("scores", read_dataset("300w", given.root, "common"))
        asked["300W held out"] = ("scores", replace(train, samples=held_out))
    if given.aflw:
        faces = given.training_faces
        options = {} if faces is None else {"training_faces": faces}
        asked["AFLW"] = ("visible", read_dataset("aflw", given.aflw, "full", **options))
    if given.merl_rav:
        asked["MERL-RAV"] = ("visible", merl_rav(given.merl_rav, given.images))
    if not asked:
        raise SettingsError("no data to measure on: give --root, --aflw or --merl-rav")
    return {name: (what, read.samples[:: given.every]) for name, (what, read) in asked.items()}


def merl_rav(root: Path, images: str | None) -> Reading:
    """The test part of MERL-RAV's folder, or of a table of 68 points with a column `split`."""
    if root.is_dir():
        return read_dataset("merl-rav", root, "test")
    return read_dataset("csv", root, "test", **({} if images is None else {"images": images}))


def measure(
    model: str, asked: Mapping[str, tuple[str, list[Sample]]], threads: int
) -> dict[str, dict[str, Any]]:
    """Data set → its numbers; a set is reported if the model lacks its points or outputs."""
    results: dict[str, dict[str, Any]] = {}
    for name, (what, samples) in asked.items():
        if not samples:
            report(f"{name}: it has no face to measure on")
            continue
        try:
            landmarker = Landmarker(
                model_path(model), threads, leaning=False, markup=samples[0].markup
            )
        except SettingsError as error:
            report(f"{name}: {error}")
            continue
        if landmarker.head != landmarker.markup:
            report(f"{name}: {model} has no head of {landmarker.markup} points")
            continue
        looked = look(landmarker, samples)
        if getattr(looked, what) is None:
            report(f"{name}: {model} gives no {what} of points")
        elif what == "scores":
            results[name] = score_numbers(looked)
        else:
            results[name] = hidden_numbers(looked, shown_points(looked.samples))
    return results


def show(console: Console, model: str, results: dict[str, dict[str, Any]]) -> None:
    scored = {name: found for name, found in results.items() if "ause" in found}
    show_rows(console, f"{model}: error against score", SCORE_ROWS, scored)
    for name, found in scored.items():
        show_bins(console, name, found)
    hidden = {name: found for name, found in results.items() if "roc_auc" in found}
    show_rows(console, f"{model}: shown or hidden", HIDDEN_ROWS, hidden)


def show_rows(
    console: Console, title: str, rows: dict[str, str], results: dict[str, dict[str, Any]]
) -> None:
    if not results:
        return
    table = new_table("", *results)
    for row, words in rows.items():
        table.add_row(words, *(number(row, found[row]) for found in results.values()))
    show_table(console, table, title)


SCORE_ROWS = {
    "faces": "faces",
    "error_inter_ocular": "mean error, inter-ocular, %",
    "mean_score": "mean score",
    "near_share": f"share within {SCORE_RADIUS:g} of the crop",
    "calibration_error": "expected calibration error",
    "rank_correlation": "rank correlation, points",
    "rank_correlation_of_faces": "rank correlation, faces",
    "ause": "AUSE",
    "ause_of_one_score": "AUSE of no score at all",
}
HIDDEN_ROWS = {
    "faces": "faces",
    "hidden_share": "share of hidden points",
    "roc_auc": "ROC AUC",
    "right_at_half": "right, at 0.5",
    "right_of_shown": "right of the shown",
    "right_of_hidden": "right of the hidden",
    "calibration_error": "expected calibration error",
}


def number(row: str, value: float | None) -> str:
    if row == "error_inter_ocular" or value is None:
        return percent(value)
    return str(value) if row == "faces" else f"{value:.3f}"


def show_bins(console: Console, name: str, found: dict[str, Any]) -> None:
    table = new_table("score", "points", "mean score", "near")
    for b in found["reliability"]:
        cells = (number("score", b["score"]), number("share", b["share"]))
        table.add_row(f"{b['low']:.1f} to {b['high']:.1f}", str(b["count"]), *cells)
    show_table(console, table, f"reliability, {name}")
    curve = "; ".join(
        f"{percent(LEFT_OUT[i], 0)} %: {percent(found['curve'][i])}" for i in (0, 2, 6, 10)
    )
    console.print(f"mean error (%) without the least certain {curve}")


def draw(results: dict[str, dict[str, dict[str, Any]]], target: Path) -> None:
    """Sparsification and reliability side by side, for each model and data set with scores."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing figures", "plot") from None
    figure = Figure(figsize=(9.2, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    right.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    for model, sets in results.items():
        for name, found in sets.items():
            if "curve" not in found:
                continue
            shares = 100 * np.array(found["left_out"])
            (line,) = left.plot(shares, 100 * np.array(found["curve"]), label=f"{model}, {name}")
            oracle = 100 * np.array(found["oracle"])
            left.plot(shares, oracle, color=line.get_color(), linestyle=":", linewidth=1)
            bins = [b for b in found["reliability"] if b["count"]]
            places = np.array([(b["score"], b["share"]) for b in bins])
            right.plot(*places.T, marker="o", markersize=3, color=line.get_color())
    left.set(xlabel="least certain points left out, %", ylabel="mean error, % of inter-ocular")
    left.legend(fontsize=8, title="dotted: by the true errors", title_fontsize=8)
    right.set(xlabel="score", ylabel=f"share within {SCORE_RADIUS:g} of the crop", xlim=(0, 1))
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=140, metadata={"Software": None})
    write_file(target, content.getvalue())


def run(given: argparse.Namespace) -> None:
    asked = readings(given)
    console = new_console()
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for name, model in models_of(given).items():
        found = measure(model, asked, given.threads)
        if not found:
            raise ModelError(
                f"{model}: it has no scores or visible points to measure; train a model with "
                "model.spread and model.visibility for scores and visible points"
            )
        show(console, name, found)
        results[name] = found
    content = {"score_radius": SCORE_RADIUS, "every": given.every, "models": results}
    write_json(given, record(given, "scores", content))
    if given.plot:
        draw(results, given.plot)


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_root(parser)
    add_models(parser)
    parser.add_argument("--aflw", type=Path, metavar="DIR")
    parser.add_argument("--training-faces", type=int, help="of a part of AFLW: how many train")
    parser.add_argument("--merl-rav", type=Path, metavar="PATH", help="folder, or a CSV table")
    parser.add_argument("--images", metavar="DIR", help="of the table, relative to it")
    parser.add_argument("--validation", type=float, default=0.1, help="data.validation of the run")
    parser.add_argument("--seed", type=int, default=0, help="train.seed of the run")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth face")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plot", type=Path, metavar="PNG")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
