"""A model's outputs for labelled faces, and measures of them: see scores.py."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from certainty import (
    ause,
    calibration_error,
    rank_correlation,
    reliability,
    roc_auc,
    sparsification,
)

from facealign.aligner.landmarker import Landmarker
from facealign.datasets import stream_pixels
from facealign.errors import DataError
from facealign.markup import load_markup
from facealign.metrics import Array, distances
from facealign.models import SCORE_RADIUS
from facealign.types import Sample

LEFT_OUT = np.arange(0.0, 1.0, 0.05)
"""Shares of the points left out, at which the curve is printed."""


@dataclass(frozen=True, eq=False)
class Looked:
    """A model's outputs for N labelled faces with K points.

    Attributes:
        samples: those whose photo could be read.
        pixels: (N, K) distances from the true points.
        crop: (N, K) the same in sides of the crop.
        scores, visible: (N, K) in 0..1; None if the model lacks them.

    """

    samples: list[Sample]
    pixels: Array
    crop: Array
    scores: Array | None
    visible: Array | None

    def known(self) -> np.ndarray:
        """(N, K) the point is labelled."""
        return np.stack([sample.labelled for sample in self.samples])


def look(landmarker: Landmarker, samples: list[Sample]) -> Looked:
    kept: list[Sample] = []
    rows: list[dict[str, Array]] = []
    for sample, image in stream_pixels(samples):
        if image is None:
            continue
        crop = landmarker.crop(sample.box)
        values = {name: value[0] for name, value in landmarker.look([image], [crop]).items()}
        errors = np.linalg.norm(values["landmarks"] - sample.landmarks, axis=1).astype(np.float64)
        kept.append(sample)
        rows.append(values | {"pixels": errors, "crop": errors * crop.scale / crop.size})
    if not rows:
        raise DataError("none of the photos could be read")
    columns = {name: np.stack([row[name] for row in rows]).astype(float) for name in rows[0]}
    scores, visible = (columns.get(name) for name in ("scores", "visible"))
    return Looked(kept, columns["pixels"], columns["crop"], scores, visible)


def score_numbers(looked: Looked) -> dict[str, Any]:
    """Error against score, over the labelled points of faces that define the normaliser."""
    assert looked.scores is not None
    markup = load_markup(looked.samples[0].markup)
    truth, boxes = (np.stack([getattr(s, n) for s in looked.samples]) for n in ("landmarks", "box"))
    eyes = distances("inter_ocular", truth, looked.known(), boxes, markup)
    known = looked.known() & np.isfinite(eyes)[:, None]
    errors, scores = (looked.pixels / eyes[:, None])[known], looked.scores[known]
    near = looked.crop[known] <= SCORE_RADIUS
    whole = known.all(axis=1)
    faces = (looked.pixels / eyes[:, None])[whole].mean(axis=1)
    return {
        "faces": len(looked.samples),
        "points": len(errors),
        "error_inter_ocular": float(errors.mean()),
        "near_share": float(near.mean()),
        "mean_score": float(scores.mean()),
        "rank_correlation": plain(rank_correlation(scores, -errors)),
        "rank_correlation_of_faces": plain(
            rank_correlation(looked.scores[whole].mean(axis=1), -faces)
        ),
        "ause": plain(ause(errors, scores)),
        "ause_of_one_score": plain(ause(errors, np.ones_like(errors))),
        "calibration_error": plain(calibration_error(scores, near)),
        "reliability": [
            {name: plain(value) for name, value in asdict(b).items()}
            for b in reliability(scores, near)
        ],
        "left_out": LEFT_OUT.tolist(),
        "curve": at_shares(sparsification(errors, scores)),
        "oracle": at_shares(sparsification(errors, -errors)),
    }


def at_shares(curve: Array) -> list[float]:
    return [float(curve[int(share * len(curve))]) for share in LEFT_OUT]


def plain(value: float) -> float | None:
    return None if isinstance(value, float) and math.isnan(value) else value


def hidden_numbers(looked: Looked, shown: np.ndarray) -> dict[str, Any]:
    """How well `visible` separates shown points (N, K) from the others."""
    assert looked.visible is not None
    said, truth = looked.visible.ravel(), shown.ravel()
    right = (said > 0.5) == truth
    return {
        "faces": len(looked.samples),
        "points": len(said),
        "hidden_share": float((~truth).mean()),
        "roc_auc": plain(roc_auc(said, truth)),
        "right_at_half": float(right.mean()),
        "right_of_shown": plain(share(right[truth])),
        "right_of_hidden": plain(share(right[~truth])),
        "calibration_error": plain(calibration_error(said, truth)),
    }


def share(flags: np.ndarray) -> float:
    return float(flags.mean()) if flags.size else math.nan


def shown_points(samples: list[Sample]) -> np.ndarray:
    """(N, K) seen by the labels: not occluded if they say so, otherwise labelled."""
    rows = [s.labelled if s.occluded is None else ~s.occluded for s in samples]
    return np.stack(rows)
