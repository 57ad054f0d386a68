"""What makes a model fail.

    python benchmarks/robustness.py --root /faces/300w [--model NAME …]

300W common under other boxes, turns, low resolution, compression, noise and occluders, by head pose
and by face region; several `--model` are printed side by side. One plain pass each, in the data
set's own boxes unless a row says otherwise:

- "own detector": YuNet's box that overlaps the true points most; a face it does not find is
  missed: not in the NME, a failure in "> 8 %".
- "as it comes": the whole pipeline, which looks again at turned faces.
- "last frame": the box of the landmarks of a first pass in the official box, as in a video from one
  frame to the next; and that box after the face has moved by 10 % of it.

The yaw of the bins is fitted to the true points. docs/robustness.md says how each change is made.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from photo_changes import CHANGES, Changed
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

from facealign import FaceAligner
from facealign.datasets import read_dataset, stream_pixels
from facealign.errors import DataError
from facealign.evaluation import Predictions, match, predict_face, score
from facealign.geometry import box_of_points, box_size
from facealign.metrics import Array
from facealign.pose import fit_pose
from facealign.types import Pixels, Points, Sample

YAWS = (0.0, 15.0, 30.0, 45.0, 90.0)
MOVED = 0.1
"""Share of its box by which a face moves between frames: fast, at 30 frames per second."""


@dataclass(frozen=True, eq=False)
class Tested:
    """A model in one plain pass, and as `facealign align` runs it."""

    plain: FaceAligner
    whole: FaceAligner


Look = Callable[[Tested, Sample, Pixels, np.random.Generator], Points]


def official(tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator) -> Points:
    return predict_face(sample, image, tested.plain)


def detected(tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator) -> Points:
    return predict_face(sample, image, tested.plain, "detector")


def as_it_comes(
    tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator
) -> Points:
    return predict_face(sample, image, tested.whole, "detector")


def last_frame(
    tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator, moved: float = 0.0
) -> Points:
    box = box_of_points(official(tested, sample, image, random))
    turn = random.uniform(0, 2 * math.pi)
    step = moved * box_size(box) * np.array([math.cos(turn), math.sin(turn)])
    box = (box + np.tile(step, 2)).astype(np.float32)
    return predict_face(replace(sample, box=box), image, tested.plain)


ROWS: dict[str, tuple[str, Look]] = {
    "official boxes": ("none", official),
    "own detector": ("none", detected),
    "last frame": ("none", last_frame),
    "last frame, moved": ("none", partial(last_frame, moved=MOVED)),
    **{name: (name, official) for name in CHANGES if name != "none"},
    "+30°, own detector": ("turned +30°", detected),
    "+30°, as it comes": ("turned +30°", as_it_comes),
    "dark, own detector": ("dark", detected),
    "half in shadow, own detector": ("half in shadow", detected),
}
"""Row → the change to the photo, and how the face is aligned."""
PLAIN = "official boxes"


def measure(
    models: dict[str, Tested], samples: list[Sample], rows: dict[str, tuple[str, Look]]
) -> tuple[dict[tuple[str, str], dict[str, Points]], dict[str, dict[str, Sample]], list[str]]:
    """Reads each photo once and changes it once for each row.

    Returns:
        (model, row) → id → landmarks; row → id → the sample as it is after the change.

    """
    found: dict[tuple[str, str], dict[str, Points]] = {}
    after: dict[str, dict[str, Sample]] = {row: {} for row in rows}
    for sample, image in stream_pixels(samples):
        if image is None:
            continue
        changed: dict[str, Changed] = {}
        for row, (change, look) in rows.items():
            # The same random numbers for every model, and for a face whatever the others are.
            if change not in changed:
                changed[change] = CHANGES[change](sample, image, chance(sample, change))
            after[row][sample.id], picture = changed[change]
            for name, tested in models.items():
                points = look(tested, after[row][sample.id], picture, chance(sample, row))
                found.setdefault((name, row), {})[sample.id] = points
    return found, after


def chance(sample: Sample, what: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{sample.id} {what}".encode()))


def nme_by_yaw(
    nmes: Array, yaw: Array, edges: Sequence[float] = (0.0, 30.0, 60.0, 90.0)
) -> dict[str, tuple[int, float]]:
    """Faces and mean NME in each bin of |yaw|; a bin includes its lower edge, the last one both.

    Args:
        nmes: (N,).
        yaw: (N,) degrees, either sign; NaN if not known, which is in no bin.
        edges: of the bins, ascending.

    >>> nme_by_yaw(np.array([0.02, 0.04, 0.08]), np.array([-10.0, 29.0, 90.0]))
    {'0-30': (2, 0.03), '30-60': (0, nan), '60-90': (1, 0.08)}

    """
    turned, bins = np.abs(yaw), {}
    for low, high in pairwise(edges):
        inside = (turned >= low) & ((turned < high) | ((turned == high) & (high == edges[-1])))
        mean = float(nmes[inside].mean()) if inside.any() else float("nan")
        bins[f"{low:g}-{high:g}"] = (int(inside.sum()), mean)
    return bins


def scored(
    model: str, row: str, found: dict[str, Points], after: dict[str, Sample], subset: str
) -> dict[str, Any]:
    """The report of one row, also by |yaw|."""
    samples = list(after.values())
    landmarks = np.stack([found[sample.id] for sample in samples])
    names = [sample.id for sample in samples]
    predictions = Predictions(names, landmarks, row, model, samples[0].markup, "300w", subset)
    report = score(samples, predictions, "300w", subset, "inter_ocular")
    matched = match(samples, predictions)
    nmes = matched.nmes("inter_ocular")
    yaws = np.array([abs(fit_pose(s.landmarks, s.markup).yaw) for s in samples])
    seen = matched.found
    bins = nme_by_yaw(nmes[seen], np.minimum(yaws[seen], YAWS[-1]), YAWS)
    by_yaw = {
        name: {"faces": count, "nme_inter_ocular": mean if count else None}
        for name, (count, mean) in bins.items()
    }
    order = np.argsort(-np.where(seen, nmes, np.inf), kind="stable")[:5]
    hardest = [
        {"id": names[i], "nme_inter_ocular": float(nmes[i]) if seen[i] else None} for i in order
    ]
    return {**report.to_dict(), "by_yaw": by_yaw, "hardest": hardest}


def worst(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The worst cases: the row by NME, the row by failures, and in the plain row the pose, the
    region and the face. A row in which all faces are missed has no NME and is the worst."""

    def error(report: dict[str, Any]) -> float:
        value = report["nme_inter_ocular"]
        return math.inf if value is None else float(value)

    plain = rows.get(PLAIN) or next(iter(rows.values()))
    regions = {k: v for k, v in plain["regions"].items() if v is not None}
    poses = {k: error(v) for k, v in plain["by_yaw"].items() if v["faces"]}
    found = {
        "change": max(rows, key=lambda row: error(rows[row])),
        "change by failures": max(rows, key=lambda row: rows[row]["failure_rate_08"]),
        "face": plain["hardest"][0]["id"],
    }
    if regions:
        found |= {"region": max(regions, key=regions.__getitem__)}
    return found | ({"yaw": max(poses, key=poses.__getitem__)} if poses else {})


def show(console: Console, results: dict[str, dict[str, Any]], title: str) -> None:
    """A table for each model; for several models, first their NMEs side by side."""
    if len(results) > 1:
        table = new_table("", *results)
        for row in next(iter(results.values()))["rows"]:
            values = (found["rows"][row]["nme_inter_ocular"] for found in results.values())
            table.add_row(row, *map(percent, values))
        show_table(console, table, f"{title}: NME, inter-ocular, %")
    for name, found in results.items():
        table = new_table("", "inter-ocular", "inter-pupil", "> 8 %", "faces", "missed")
        for row, report in found["rows"].items():
            nmes = [percent(report[f"nme_{by}"]) for by in ("inter_ocular", "inter_pupil")]
            failures = percent(report["failure_rate_08"], 1)
            table.add_row(row, *nmes, failures, str(report["count"]), str(report["missed"]))
        show_table(console, table, f"{title}: {name}")
        show_parts(console, found)


def show_parts(console: Console, found: dict[str, Any]) -> None:
    plain = found["rows"].get(PLAIN)
    if plain:
        poses = (f"{k}°: {percent(v['nme_inter_ocular'])} ({v['faces']})" for k, v in yaws(plain))
        console.print("by |yaw| (faces):", "; ".join(poses))
        regions = (f"{k.replace('_', ' ')} {percent(v)}" for k, v in plain["regions"].items())
        console.print("by region:", ", ".join(regions))
    for what, name in found["worst"].items():
        console.print(f"worst {what}: {name}")


def yaws(report: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, found) for name, found in report["by_yaw"].items() if found["faces"]]


def tested(model: str, threads: int) -> Tested:
    plain = {"turned_faces": False, "leaning_faces": False}
    common = {"threads": threads, "markup": "ibug68"}
    return Tested(FaceAligner(model, **common, **plain), FaceAligner(model, **common))


def run(given: argparse.Namespace) -> None:
    reading = read_dataset("300w", given.root, given.subset)
    samples = reading.samples[:: given.every]
    models = {label: tested(model, given.threads) for label, model in models_of(given).items()}
    rows = {name: ROWS[name] for name in given.rows}
    found, after = measure(models, samples, rows)
    if not found:
        raise DataError(f"{given.root}: no face of {given.subset} could be read")
    results: dict[str, dict[str, Any]] = {}
    for model, both in models.items():
        name = both.plain.facts.name
        reports = {
            row: scored(name, row, found[model, row], after[row], given.subset) for row in rows
        }
        results[model] = {"name": name, "worst": worst(reports), "rows": reports}
    console = new_console()
    show(console, results, f"300W {given.subset}")
    content = {"dataset": "300w", "subset": given.subset, "every": given.every, "models": results}
    write_json(given, record(given, "robustness", content))


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_root(parser, required=True)
    add_models(parser)
    parser.add_argument("--subset", default="common")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth face")
    parser.add_argument("--threads", type=int, default=1)
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
