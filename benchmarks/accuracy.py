"""Error of a contender's points on 300W, with and without its constant offset.

Peers place some points consistently elsewhere than 300W's annotators do. The mean offset of each
point, in box sizes, over 150 training images is removed in "corrected". The box is chosen on the
same images. No scored image is used for either. `corrected` does the same for a whole pipeline, on
photos that may be turned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from contenders import Contender, Window
from numpy.typing import NDArray
from others import choose

from facealign.datasets import read_dataset, stream_pixels
from facealign.evaluation import Predictions, score
from facealign.geometry import box_of_points
from facealign.markup import load_markup
from facealign.types import Pixels, Points, Sample

Array = NDArray[np.float64]
Faces = Callable[[Pixels], list[Points]]
"""A picture → the 68 points of every face found in it."""
LEARNED_ON = 150
MISSED = np.full((68, 2), np.nan, np.float32)
KEPT = ("count", "missed", "nme_inter_ocular", "nme_inter_pupil", "failure_rate_08", "auc_08")
"""Fields of a report; failures and area use the inter-ocular NME and count missed faces."""


def measure_accuracy(contender: Contender, root: Path, subset: str = "common") -> dict[str, Any]:
    """Scores on one subset of 300W, plain and corrected, and the window used.

    Raises:
        DataError: `root` does not hold 300W.

    """
    learning = _spread(read_dataset("300w", root, "train").samples, LEARNED_ON)
    window, offset = learn(contender, learning)
    scored = read_dataset("300w", root, subset).samples
    predicted = predict(contender, scored, window)
    corrected = remove_offset(predicted, offset, sizes(scored))
    return {
        "subset": subset,
        "learned_on": len(learning),
        "window": asdict(window),
        "plain": scores(scored, predicted, subset),
        "corrected": scores(scored, corrected, subset),
    }


def learn(contender: Contender, samples: Sequence[Sample]) -> tuple[Window, Array]:
    """The window with the fewest missed faces, then the lowest corrected error; and its offset."""
    tried = []
    for number, window in enumerate(contender.windows):
        predicted = predict(contender, samples, window)
        offset = mean_offset(predicted, truth(samples), sizes(samples))
        report = scores(samples, remove_offset(predicted, offset, sizes(samples)), "train")
        tried.append((report["missed"], report["nme_inter_pupil"], number, offset))
    _, _, number, offset = min(tried, key=lambda row: row[:3])
    return contender.windows[number], offset


def predict(contender: Contender, samples: Sequence[Sample], window: Window) -> Array:
    """(N, 68, 2) image pixels; NaN where the face was missed."""
    found = [_found(contender, image, sample, window) for sample, image in stream_pixels(samples)]
    return np.stack(found).astype(np.float64)


def _found(
    contender: Contender, image: Pixels | None, sample: Sample, window: Window
) -> NDArray[np.float32]:
    points = None if image is None else contender.landmarks(image, sample.box, window)
    return MISSED if points is None else points


def corrected(contender: Contender, samples: Sequence[Sample]) -> Faces:
    """The contender's own way from a picture to faces, without its constant offset.

    The offset is learned on unchanged photos, in distances between the eyes found. These are
    complex numbers, x + iy, so that it turns with the face.
    """
    learning = _spread(samples, LEARNED_ON)
    read = [(sample, image) for sample, image in stream_pixels(learning) if image is not None]
    found = _plane(np.stack([nearest(contender.faces(image), sample) for sample, image in read]))
    true = _plane(np.stack([sample.landmarks for sample, _ in read]))
    offset = mean_offset(found, true, _between_eyes(found))

    def faces(image: Pixels) -> list[Points]:
        planes = [_plane(points[None]) for points in contender.faces(image)]
        free = [remove_offset(plane, offset, _between_eyes(plane))[0] for plane in planes]
        return [np.concatenate([z.real, z.imag], axis=1).astype(np.float32) for z in free]

    return faces


def nearest(faces: list[Points], sample: Sample) -> Points:
    """(68, 2) the labelled face among those found, by the boxes of the points; NaN if missed."""
    points = choose(faces, box_of_points(sample.landmarks[sample.labelled]))
    return MISSED if points is None else points


def _plane(points: NDArray[np.float32]) -> NDArray[np.complex128]:
    """(N, K, 2) x y → (N, K, 1) x + iy."""
    return (points @ np.array([1, 1j]))[..., None]


def _between_eyes(plane: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """(N,) from the middle of the right eye to that of the left."""
    right, left = (plane[:, list(eye), 0].mean(axis=1) for eye in load_markup("ibug68").eye_points)
    return left - right


def mean_offset(predicted: Array, true: Array, size: Array) -> Array:
    """(K, 2) box sizes: each point's mean offset from the truth, over the faces found."""
    found = np.isfinite(predicted).all(axis=(1, 2))
    apart = (predicted - true)[found] / size[found, None, None]
    return np.asarray(apart.sum(axis=0) / max(found.sum(), 1))


def remove_offset(predicted: Array, offset: Array, size: Array) -> Array:
    """(N, K, 2) the points without their offset, which scales with the face's box."""
    return predicted - offset * size[:, None, None]


def scores(samples: Sequence[Sample], predicted: Array, subset: str) -> dict[str, float]:
    """The numbers of `KEPT`; the errors are means over the faces that were found."""
    ids = [sample.id for sample in samples]
    predictions = Predictions(ids, predicted.astype(np.float32), "official", markup="ibug68")
    report = score(samples, predictions, "300w", subset, "inter_ocular")
    return {name: getattr(report, name) for name in KEPT}


def truth(samples: Sequence[Sample]) -> Array:
    return np.stack([sample.landmarks for sample in samples]).astype(np.float64)


def sizes(samples: Sequence[Sample]) -> Array:
    """(N,) pixels, √(width · height) of the official boxes."""
    boxes = np.stack([sample.box for sample in samples]).astype(np.float64)
    return np.asarray(np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)))


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """This many of the samples, evenly spaced in their order."""
    places = np.linspace(0, len(samples) - 1, min(count, len(samples))).round().astype(int)
    return [samples[place] for place in places]
