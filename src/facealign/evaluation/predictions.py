"""Landmarks predicted for a data set, in memory and as a file, to compute any metric from."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facealign.aligner import FaceAligner
from facealign.datasets import stream_pixels
from facealign.datasets.pixels import read_frames
from facealign.errors import DataError, FaceAlignError, SettingsError
from facealign.face import Face
from facealign.files import brief, reading, write_file
from facealign.geometry import box_of_points, iou
from facealign.markup import load_markup
from facealign.problems import report
from facealign.tracking import FaceTracker
from facealign.types import Box, Floats, Pixels, Progress, Sample, silent

SAME_FACE = 0.3
"""Least IoU with the box of the true points for a detected face to be the labelled one."""
TRACKER, RATE = "tracker", 25.0
"""Boxes from the frames before, and frames per second, which labels of videos do not say."""
WORDS = ("box_source", "model", "markup", "dataset", "subset")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Landmarks predicted for the faces of a data set, in the order of its samples.

    Attributes:
        ids: of the samples.
        landmarks: (N, K, 2) float32, image pixels; NaN where no face was found.
        box_source: where the boxes came from: "official", "detector" …
        model: name of the model.
        markup: name of the point scheme of the landmarks; empty where it is not known.
        dataset, subset: which faces they are.
    """

    ids: list[str]
    landmarks: Floats
    box_source: str
    model: str = ""
    markup: str = ""
    dataset: str = ""
    subset: str = ""

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N,) whether the face was found at all."""
        return np.asarray(np.isfinite(self.landmarks).all(axis=(1, 2)))


def predict(
    samples: Sequence[Sample],
    aligner: FaceAligner,
    boxes: str = "official",
    progress: Progress = silent,
    dataset: str = "",
    subset: str = "",
) -> Predictions:
    """Landmarks for every sample whose image can be read; the others are reported.

    Args:
        samples: the labelled faces.
        aligner: what predicts.
        boxes: "official" aligns in the samples' own boxes; "detector" runs the aligner's detector
            and takes the face with the highest IoU with the true points, or counts it as missed;
            "tracker" follows the faces of videos through every frame up to the last labelled one,
            smoothed by the frames before, like `facealign video --smoothing live`.
        progress: wraps the loop over the samples.
        dataset: of the samples, kept with the predictions.
        subset: likewise.

    Raises:
        SettingsError: "tracker", and the samples are not frames of videos.
    """
    if boxes == TRACKER:
        found = list(progress(_followed(samples, aligner), total=len(samples)))
    else:
        found = [
            (sample, predict_face(sample, image, aligner, boxes))
            for sample, image in stream_pixels(samples, progress)
            if image is not None
        ]
    count = load_markup(aligner.markup).count
    landmarks = np.array([points for _, points in found], np.float32).reshape(-1, count, 2)
    source = samples[0].box_source if samples and boxes == "official" else boxes
    model, markup = aligner.facts.name, aligner.markup
    ids = [sample.id for sample, _ in found]
    return Predictions(ids, landmarks, source, model, markup, dataset, subset)


def predict_face(
    sample: Sample, image: Pixels, aligner: FaceAligner, boxes: str = "official"
) -> Floats:
    """(K, 2) landmarks of one labelled face in its picture; NaN where it was missed.

    The picture, (H, W, 3) uint8, may be another than the sample's file; `boxes` as of `predict`.
    """
    if boxes == "official":
        return aligner.align(image, boxes=sample.box[None])[0].landmarks
    return _points_of(aligner.align(image), sample, aligner)


def _points_of(faces: list[Face], sample: Sample, aligner: FaceAligner) -> Floats:
    """(K, 2) of the detected face that is the labelled one; NaN where none is."""
    true_box = box_of_points(sample.landmarks[sample.labelled])
    chosen = same_face([face.box for face in faces], true_box)
    if chosen is not None:
        return faces[chosen].landmarks
    return np.full((load_markup(aligner.markup).count, 2), np.nan, np.float32)


def _followed(samples: Sequence[Sample], aligner: FaceAligner) -> Iterator[tuple[Sample, Floats]]:
    """Each labelled face with the landmarks of the track that is on it in its frame."""
    for video, run in groupby(samples, key=lambda sample: sample.image):
        labelled: dict[int | None, list[Sample]] = {}
        for sample in run:
            labelled.setdefault(sample.frame, []).append(sample)
        numbers = [number for number in labelled if number is not None]
        if len(numbers) < len(labelled) or video.suffix == ".mat":
            raise SettingsError(f"{video}: not a video to follow faces in; use other boxes")
        tracker = FaceTracker(aligner)
        try:
            for number, image in enumerate(read_frames(video, range(max(numbers) + 1))):
                faces = tracker.step(image, number / RATE)
                for sample in labelled.get(number, ()):
                    yield sample, _points_of(faces, sample, aligner)
        except FaceAlignError as error:
            report(str(error))


def same_face(boxes: Sequence[Box], true_box: Box) -> int | None:
    """The box with the highest IoU with a face's true one; None if it fits another face better."""
    if not boxes:
        return None
    shared = iou(true_box, np.stack(boxes))
    return int(shared.argmax()) if shared.max() >= SAME_FACE else None


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write predictions as an `.npz` file: `ids`, `landmarks` and the names that describe them.

    Raises:
        OutputError: it cannot be written.
    """
    content = io.BytesIO()
    entries: dict[str, Any] = {name: np.array(getattr(predictions, name)) for name in WORDS}
    entries |= {"ids": np.array(predictions.ids, str), "landmarks": predictions.landmarks}
    np.savez_compressed(content, **entries)
    write_file(path, content.getvalue())


def read_predictions(path: Path) -> Predictions:
    """Read predictions that `write_predictions` wrote.

    Raises:
        DataError: the file cannot be read or does not hold them.
    """
    try:
        with reading(path), np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            ids = [str(name) for name in file["ids"]]
            landmarks = np.asarray(file["landmarks"], np.float32)
            words = {name: str(file[name]) for name in WORDS}
    except Exception as error:  # zipfile, NumPy and a missing entry each raise their own error
        raise DataError(
            f"{path}: not predictions ({brief(error)}); "
            "write them with: facealign eval --predictions"
        ) from None
    if landmarks.shape != (len(ids), *landmarks.shape[1:2], 2):
        raise DataError(f"{path}: {len(ids)} ids, but landmarks of shape {landmarks.shape}")
    return Predictions(ids, landmarks, **words)
