"""Three figures from measured files alone: errors of all faces, calibration, and training's rounds.

    python scripts/draw_curves.py docs/pictures/gallery
    python scripts/draw_curves.py docs/pictures/gallery --root /faces/300w   # measures errors first

Errors are kept in docs/runs/curves/300w.json. Calibration is what `benchmarks/scores.py --json
docs/runs/scores/300w.json` measured, rounds are what training logged:
docs/runs/curves/rounds.json. Needs the "plot" extra.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from facealign import FaceAligner
from facealign.datasets import read_dataset
from facealign.draw.plots import Curve, CurvePanel, draw_ced, new_figure, save_figure
from facealign.evaluation.predictions import predict
from facealign.evaluation.report import match
from facealign.files import write_file
from facealign.metrics import ced
from facealign.models import DEFAULT

RUNS = Path(__file__).parents[1] / "docs" / "runs"
ERRORS, SCORES = RUNS / "curves" / "300w.json", RUNS / "scores" / "300w.json"
ROUNDS = RUNS / "curves" / "rounds.json"
MODELS = ("heatmap-m", "aan-m", "aan-s")
LIMIT = 0.10
"""The last error on the axis."""
FEW = 50
"""Points that a bin of scores needs to be drawn."""


def measure(root: Path) -> None:
    """The NME of each face of 300W common, official boxes, one plain pass, as `facealign eval`."""
    samples = read_dataset("300w", root, "common").samples
    errors = {}
    for model in MODELS:
        aligner = FaceAligner(model, turned_faces=False, leaning_faces=False)
        nmes = match(samples, predict(samples, aligner)).nmes("inter_ocular")
        errors[model] = [round(float(nme), 6) for nme in nmes]
    tree = {
        "schema": "facealign-curves/1",
        "data": f"300w common, {len(samples)} faces, official boxes",
        "normaliser": "inter_ocular",
        "command": "python scripts/draw_curves.py docs/pictures/gallery --root /faces/300w",
        "nme": errors,
    }
    write_file(ERRORS, json.dumps(tree) + "\n")


def draw_errors(target: Path) -> None:
    """The share of faces up to each error."""
    curves = []
    for model, errors in json.loads(ERRORS.read_text())["nme"].items():
        nmes = np.array(errors)
        curves.append(Curve(f"{model}, mean {100 * nmes.mean():.2f} %", *ced(nmes)))
    panel = CurvePanel("300W common, 554 faces", "NME, inter-ocular (%)", LIMIT, curves)
    draw_ced([panel], target)


def draw_rounds(target: Path) -> None:
    """The held-out error of each model over the images that it has seen, round after round."""
    figure = new_figure(7.0, 4.0)
    axes = figure.add_subplot(xlabel="images seen", ylabel="NME, inter-ocular (%)", xscale="log")
    rounds = json.loads(ROUNDS.read_text())["rounds"]
    for model, colour in zip(MODELS, ("C0", "C1", "C2"), strict=True):
        for number, each in enumerate(each for each in rounds if each["model"] == model):
            images, errors = zip(*each["points"], strict=True)
            label = model if number == 0 else None
            axes.plot(images, errors, color=colour, label=label, marker=".", markersize=4)
            axes.text(images[-1], errors[-1] - 0.2, each["round"], color=colour, ha="right")
    axes.set(title="300W, 197 held-out faces, official boxes", ylim=(3.1, 7.7))
    axes.grid(alpha=0.3)
    axes.legend()
    save_figure(figure, target)


def draw_calibration(target: Path) -> None:
    """How often points are near their place, against how likely their scores say they are."""
    tree = json.loads(SCORES.read_text())
    figure = new_figure(4.6, 4.0)
    axes = figure.add_subplot(xlabel="score of the points (mean of a bin)", ylabel="share near")
    axes.plot([0, 1], [0, 1], color="#999999", linestyle=":", label="perfect")
    for name, found in tree["models"][DEFAULT].items():
        axes.plot(*calibration(found["reliability"]), marker="o", label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), title=f"{DEFAULT}: near is within 3 % of the crop")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=8)
    save_figure(figure, target)


def calibration(bins: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """Mean score and share of the bins that hold enough points.

    >>> calibration([{"count": 9, "score": 0.1, "share": 0.0}, {"count": 70, "score": 0.5,
    ...     "share": 0.4}])
    ([0.5], [0.4])

    """
    full = [each for each in bins if each["count"] >= FEW]
    return [each["score"] for each in full], [each["share"] for each in full]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--root", type=Path, help="300W: measure the errors again")
    given = parser.parse_args()
    if given.root:
        measure(given.root)
    given.folder.mkdir(parents=True, exist_ok=True)
    draw_errors(given.folder / "ced.png")
    draw_calibration(given.folder / "calibration.png")
    draw_rounds(given.folder / "rounds.png")
