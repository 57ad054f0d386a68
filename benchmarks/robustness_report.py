"""What robustness.py reports: each row scored, the worst cases, and the tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from rich.console import Console
from script import new_console, new_table, percent, show_table

from facealign.evaluation import Predictions, match, score
from facealign.face.measures import eye_openness
from facealign.face.pose import fit_pose
from facealign.metrics import Array, failure_rate
from facealign.types import Points, Sample

YAWS = (0.0, 15.0, 30.0, 45.0, 90.0)
PLAIN = "official boxes"
"""The row that the others are compared with."""
CLOSED, EYES = 0.1, (slice(36, 42), slice(42, 48))
"""An eye with a smaller ratio of height to width is closed; the eyes' points."""
AS_IT_COMES = ", as it comes"
"""How the names of rows that are measured with the whole pipeline end."""
WIDE = 400
"""More characters than any row of the table has, as it is for a document."""


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
    landmarks = np.stack([in_the_photo(found[sample.id], sample) for sample in samples])
    names = [sample.id for sample in samples]
    predictions = Predictions(names, landmarks, row, model, samples[0].markup, "300w", subset)
    report = score(samples, predictions, "300w", subset, "inter_ocular")
    matched = match(samples, predictions)
    nmes = matched.nmes("inter_ocular")
    yaws = np.array([abs(fit_pose(s.landmarks, s.markup).yaw) for s in samples])
    failures = {"failure_rate_10": failure_rate(matched.ranked("inter_ocular"), 0.10)}
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
    eyes = closed_eyes(np.stack([sample.landmarks for sample in samples]), landmarks)
    parts = {"by_yaw": by_yaw, "hardest": hardest, "closed_eyes": eyes}
    return {**report.to_dict(), **failures, **parts}


def closed_eyes(true: Array, said: Array, limit: float = CLOSED) -> dict[str, float | None]:
    """How far open eyes are drawn that are truly open by less than `limit`: their number and means.

    Both are (N, 68, 2); eyes of faces that are not found, NaN, do not count.
    """
    pairs = [
        (eye_openness(truth[eye]), eye_openness(points[eye]))
        for truth, points in zip(true, said, strict=True)
        for eye in EYES
        if np.isfinite(points).all()
    ]
    closed = np.array([pair for pair in pairs if pair[0] < limit]).reshape(-1, 2)
    means = closed.mean(axis=0).tolist() if len(closed) else [None, None]
    return {"count": len(closed), "true": means[0], "said": means[1]}


def in_the_photo(points: Points, sample: Sample) -> Points:
    """The points as they are scored: those that the photo's border cuts away count for nothing.

    They get the mean error of the others, which changes neither the face's NME nor its failure.
    """
    if sample.occluded is None:
        return points
    errors = np.linalg.norm(points - sample.landmarks, axis=1)
    shifted = sample.landmarks + np.array([errors[~sample.occluded].mean(), 0])
    return np.where(sample.occluded[:, None], shifted, points).astype(np.float32)


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
        eyes = plain["closed_eyes"]
        if eyes["count"]:
            means = f"open by {eyes['true']:.3f}, drawn open by {eyes['said']:.3f}"
            console.print(f"closed eyes: {eyes['count']}, {means}")
    for what, name in found["worst"].items():
        console.print(f"worst {what}: {name}")


def yaws(report: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, found) for name, found in report["by_yaw"].items() if found["faces"]]


def show_beside(everyone: dict[str, dict[str, dict[str, Any]]], title: str) -> None:
    """Whole pipelines side by side."""
    rows = [row for row in next(iter(everyone.values())) if row.endswith(AS_IT_COMES)]
    table = new_table("", *everyone)
    for row in rows:
        table.add_row(
            row.removesuffix(AS_IT_COMES),
            *(found_and_failures(reports[row]) for reports in everyone.values()),
        )
    words = "found / failures over 8 % / over 10 %, inter-ocular, %"
    show_table(new_console(WIDE), table, f"{title}: {words}")


def found_and_failures(report: dict[str, Any]) -> str:
    found = 1 - report["missed"] / report["count"]
    shares = (found, report["failure_rate_08"], report["failure_rate_10"])
    return " / ".join(percent(share, 1) for share in shares)
