"""How good the confidence of a face is, and where false faces end.

    python benchmarks/confidence.py --root /faces/300w [--model NAME …] [--empty PHOTOS]

The constants of `facealign/aligner/confidence.py` come from here. The faces that a run with the
same `--validation` and `--seed` held out of 300W's training part are changed in all ways of
photo_changes.py, and aligned in the given boxes and as found in the photo; a face is right where
its mean error is below a tenth of the distance of the outer eye corners. To half of the photos the
logistic function of two percentiles of the points' scores is fitted (Newton's method); on the other
half its calibration is measured: with the constants in the package, and as fitted.

`--empty` is a folder of photos without faces. Then the table says, for several values of `FACE`,
how many of the things found there pass for faces, and how many of the faces above do not.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import nearest
from certainty import calibration_error, roc_auc
from photo_changes import CHANGES
from rich.console import Console
from robustness import chance
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

from facealign import Face, FaceAligner, read_image
from facealign.aligner import confidence as rule
from facealign.datasets import read_dataset, stream_pixels
from facealign.datasets.reading import split_by_group
from facealign.markup import load_markup
from facealign.types import Points, Sample

RIGHT = 0.1
"""A smaller error, in outer eye corners' distances, is right."""
EYE_CORNERS = load_markup("ibug68").eye_corners or (36, 45)
THRESHOLDS = (0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass
class Seen:
    """What a model said.

    Attributes:
        features: of each face, two percentiles of its points' scores.
        right: whether its error is below `RIGHT`.
        first: whether its photo is in the half that is fitted.
        faces: (mean of the points' scores, the detector's score) of faces as found in photos.
        empty: the same of what is found in photos without faces.

    """

    features: list[tuple[float, float]] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)
    faces: list[tuple[float, float]] = field(default_factory=list)
    empty: list[tuple[float, float]] = field(default_factory=list)


def both_scores(face: Face) -> tuple[float, float]:
    assert face.scores is not None
    return float(face.scores.mean()), face.score


def look(model: str, samples: list[Sample], empty: Path | None) -> Seen:
    """Every face under every change, given and found; and what is found in photos without any."""
    plain = FaceAligner(model, threads=1, turned_faces=False, leaning_faces=False)
    whole, seen = FaceAligner(model, threads=1), Seen()
    bounds = rule.FACE, rule.SURE
    rule.FACE, rule.SURE = -1.0, 2.0  # what would be dropped is looked at too
    try:
        for number, (sample, image) in enumerate(stream_pixels(samples)):
            for name, change in CHANGES.items() if image is not None else ():
                face, picture = change(sample, image, chance(sample, name))
                given = plain.align(picture, boxes=[face.box])[0]
                found = whole.align(picture)
                points = nearest([one.landmarks for one in found], face)
                of_it = [one for one in found if np.array_equal(one.landmarks, points)]
                seen.faces += [both_scores(one) for one in of_it]
                for one in [given, *of_it]:
                    add(seen, one, face, number % 2 == 0)
        for path in sorted(empty.iterdir()) if empty else ():
            seen.empty += [both_scores(one) for one in whole.align(read_image(path))]
    finally:
        rule.FACE, rule.SURE = bounds
    return seen


def add(seen: Seen, one: Face, truth: Sample, first: bool) -> None:
    assert one.scores is not None
    ordered = np.sort(one.scores)
    unsure, median = (float(rule.percentile(ordered, share)) for share in (rule.UNSURE, 50))
    seen.features.append((unsure, median))
    seen.right.append(error(one.landmarks, truth) < RIGHT)
    seen.first.append(first)


def error(points: Points, truth: Sample) -> float:
    """Mean distance of the labelled points over that of the outer eye corners."""
    right, left = (truth.landmarks[point] for point in EYE_CORNERS)
    apart = np.linalg.norm(points - truth.landmarks, axis=1)[truth.labelled]
    return float(apart.mean() / np.linalg.norm(right - left))


def fitted(features: Array, right: Array, rounds: int = 30) -> Array:
    """Slopes and shift (3,) of the logistic function with the largest likelihood."""
    x, weights = np.column_stack([features, np.ones(len(features))]), np.zeros(3)
    for _ in range(rounds):
        said = 1 / (1 + np.exp(-x @ weights))
        curvature = (x * (said * (1 - said))[:, None]).T @ x + 1e-6 * np.eye(3)
        weights += np.linalg.solve(curvature, x.T @ (right - said))
    return weights


def calibration(features: Array, right: Array, weights: Array) -> dict[str, float | None]:
    """How well a confidence with these constants says whether faces are right."""
    said = 1 / (1 + np.exp(-(features @ weights[:2] + weights[2])))
    bins = {"0.9 and more": said >= 0.9, "0.7 to 0.8": (said >= 0.7) & (said < 0.8)}
    shares = {f"right, of {name}": right[of].tolist() for name, of in bins.items()}
    return {
        "calibration error": calibration_error(said, right > 0),
        "ROC AUC": roc_auc(said, right > 0),
    } | {name: sum(of) / len(of) if of else None for name, of in shares.items()}


def passes(scores: list[tuple[float, float]], limit: float) -> int:
    """How many the rule takes for faces, upright ones that the detector is sure of among them."""
    return sum(sure >= rule.SURE or mean + rule.SHARE * sure >= limit for mean, sure in scores)


def numbers(seen: Seen) -> dict[str, Any]:
    """All that is told of a model."""
    features, right, first = (np.array(v) for v in (seen.features, seen.right, seen.first))
    bundled = np.array([*rule.SLOPES, rule.SHIFT])
    own, other = fitted(features[first], right[first]), ~first
    return {
        "faces": len(right),
        "fitted": own.tolist(),
        "bundled constants": calibration(features[other], right[other], bundled),
        "fitted constants": calibration(features[other], right[other], own),
        "found": len(seen.faces),
        "kept": {str(limit): passes(seen.faces, limit) for limit in THRESHOLDS},
        "candidates": len(seen.empty),
        "false faces": {str(limit): passes(seen.empty, limit) for limit in THRESHOLDS},
    }


def show(console: Console, name: str, found: dict[str, Any]) -> None:
    table = new_table("constants", "in the package, %", "fitted, %")
    pair = found["bundled constants"], found["fitted constants"]
    for row in pair[0]:
        table.add_row(row, *(percent(numbers[row], 1) for numbers in pair))
    slopes = ", ".join(f"{value:.2f}" for value in found["fitted"])
    show_table(console, table, f"{name}: {found['faces']} faces; fitted: {slopes}")
    table = new_table("FACE", "faces lost", "false faces")
    for limit in found["kept"]:
        lost = found["found"] - found["kept"][limit]
        table.add_row(limit, f"{lost} of {found['found']}", str(found["false faces"][limit]))
    show_table(console, table, f"{name}: {found['candidates']} things found in empty photos")


def run(given: argparse.Namespace) -> None:
    train = read_dataset("300w", given.root, "train").samples
    _, held_out = split_by_group(train, given.validation, given.seed)
    results = {}
    for name, model in models_of(given).items():
        results[name] = numbers(look(model, held_out[:: given.every], given.empty))
        show(new_console(), name, results[name])
    write_json(given, record(given, "confidence", {"models": results}))


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_root(parser, required=True)
    add_models(parser)
    parser.add_argument("--empty", type=Path, metavar="DIR", help="photos without faces")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth face")
    parser.add_argument("--validation", type=float, default=0.1, help="data.validation of the run")
    parser.add_argument("--seed", type=int, default=0, help="train.seed of the run")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
