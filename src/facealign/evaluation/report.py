"""Predict once, score any number of times: landmarks of a data set → `Report`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facealign import metrics
from facealign.aligner import FaceAligner
from facealign.detector import overlaps
from facealign.errors import FaceAlignError
from facealign.geometry import box_of_points
from facealign.image import read_image
from facealign.markup import load_markup
from facealign.types import Face, Sample

THRESHOLD = 0.08
SAME_FACE = 0.3
"""A detected face is the labelled one from this intersection over union with the true points."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Landmarks predicted for the faces of a data set, in the order of its samples.

    Attributes:
        ids: of the samples.
        landmarks: (N, K, 2) float32, image pixels; NaN where no face was found.
        box_source: where the boxes came from: "official", "detector" …

    """

    ids: list[str]
    landmarks: NDArray[np.float32]
    box_source: str

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N,) whether the face was found at all."""
        return np.asarray(np.isfinite(self.landmarks).all(axis=(1, 2)))


@dataclass(frozen=True, kw_only=True)
class Report:
    """Scores of one subset; every error is a fraction and names its normaliser.

    `nme_*` is the mean over the faces that were found. `auc_08` and `failure_rate_08` are by the
    inter-ocular NME at 0.08, over all faces: a missed face is a failure.
    """

    dataset: str
    subset: str
    markup: str
    box_source: str
    count: int
    missed: int
    nme_inter_ocular: float
    nme_inter_pupil: float
    auc_08: float
    failure_rate_08: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return asdict(self)


def predict(
    samples: Sequence[Sample],
    aligner: FaceAligner,
    boxes: str = "official",
    advance: Callable[[], None] = lambda: None,
) -> tuple[Predictions, list[str]]:
    """Landmarks for every sample, and one line for each image that could not be read.

    Args:
        samples: the labelled faces.
        aligner: what predicts.
        boxes: "official" aligns in the samples' own boxes; "detector" runs the aligner's detector
            and takes the face that overlaps the true points best, or counts the face as missed.
        advance: called after each sample.

    """
    problems: list[str] = []
    rows: list[NDArray[np.float32]] = []
    kept: list[str] = []
    for sample in samples:
        try:
            rows.append(_predict_one(sample, aligner, boxes))
            kept.append(sample.id)
        except FaceAlignError as error:
            problems.append(str(error))
        advance()
    shape = (0, load_markup(aligner.markup).count, 2)
    landmarks = np.stack(rows) if rows else np.zeros(shape, np.float32)
    source = samples[0].box_source if samples and boxes == "official" else boxes
    return Predictions(kept, landmarks, source), problems


def _predict_one(sample: Sample, aligner: FaceAligner, boxes: str) -> NDArray[np.float32]:
    image = read_image(sample.image)
    if boxes == "official":
        return aligner.align(image, boxes=sample.box[None])[0].landmarks
    face = _best(aligner.align(image), sample)
    return face.landmarks if face else np.full_like(sample.landmarks, np.nan)


def _best(faces: list[Face], sample: Sample) -> Face | None:
    """The found face that overlaps the true points best, if it is the same face at all."""
    if not faces:
        return None
    shared = overlaps(box_of_points(sample.landmarks), np.stack([face.box for face in faces]))
    return faces[int(shared.argmax())] if shared.max() >= SAME_FACE else None


def score(samples: Sequence[Sample], predictions: Predictions, dataset: str, subset: str) -> Report:
    """Score predictions against the samples with the same ids."""
    by_id = {sample.id: sample for sample in samples}
    faces = [by_id[name] for name in predictions.ids]
    markup = load_markup(faces[0].markup)
    truth = np.stack([face.landmarks for face in faces]).astype(np.float64)
    visible = np.stack([face.visible for face in faces])
    boxes = np.stack([face.box for face in faces]).astype(np.float64)
    found = predictions.found
    errors = {
        name: metrics.nme(
            np.nan_to_num(predictions.landmarks.astype(np.float64)),
            truth,
            visible,
            metrics.NORMALISERS[name](truth, boxes, markup),
        )
        for name in ("inter_ocular", "inter_pupil")
    }
    ranked = np.where(found, errors["inter_ocular"], np.inf)
    return Report(
        dataset=dataset,
        subset=subset,
        markup=markup.name,
        box_source=predictions.box_source,
        count=len(faces),
        missed=int((~found).sum()),
        nme_inter_ocular=_mean(errors["inter_ocular"][found]),
        nme_inter_pupil=_mean(errors["inter_pupil"][found]),
        auc_08=metrics.auc(ranked, THRESHOLD),
        failure_rate_08=metrics.failure_rate(ranked, THRESHOLD),
    )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
