"""Checks of a data set: counts, pictures, points, boxes. For a person to read."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from facealign.datasets import load_dataset
from facealign.datasets.pixels import stream_pixels
from facealign.datasets.reading import Reading
from facealign.geometry import box_size
from facealign.markup import is_own, load_markup
from facealign.metrics import normalisers_of
from facealign.problems import collect
from facealign.types import Progress, Sample, silent


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was found in one subset. Every list holds one line for each face, which names it.

    Attributes:
        dataset, subset: their names.
        markup: the point scheme of the faces.
        box_sources: where the boxes come from → how many boxes.
        normalisers: what the data set's errors are divided by.
        count: faces that were read.
        official_count: faces in the official files; None where no count is published.
        problems: records that were left out, and why.
        unreadable: pictures that cannot be read.
        outside: faces with points outside their picture; the official sets have some.
        duplicates: ids, or the same points on the same picture, that appear more than once.
        suspicious: signs of a wrong origin, a wrong box, or swapped sides; look at them.
    """

    dataset: str
    subset: str
    markup: str
    box_sources: dict[str, int]
    normalisers: list[str]
    count: int
    official_count: int | None
    problems: list[str]
    unreadable: list[str]
    outside: list[str]
    duplicates: list[str]
    suspicious: list[str]


def check_reading(
    reading: Reading, left_out: Sequence[str] = (), progress: Progress = silent
) -> Check:
    """Check what a reader gave, decoding every picture; `left_out` was reported meanwhile."""
    dataset = load_dataset(reading.dataset)
    outside: list[str] = []
    with collect() as unreadable:
        for sample, picture in stream_pixels(reading.samples, progress):
            if picture is not None:
                outside += _outside(sample, picture.shape[1], picture.shape[0])
    return Check(
        dataset=reading.dataset,
        subset=reading.subset,
        markup=reading.samples[0].markup if reading.samples else dataset.markup,
        box_sources=dict(Counter(sample.box_source for sample in reading.samples)),
        normalisers=list(usual_normalisers(reading)),
        count=len(reading.samples),
        official_count=dataset.subsets.get(reading.subset),
        problems=list(left_out),
        unreadable=unreadable,
        outside=outside,
        duplicates=_duplicates(reading.samples),
        suspicious=[
            line for sample in reading.samples for line in _suspicious(sample, dataset.origin)
        ],
    )


def usual_normalisers(reading: Reading) -> tuple[str, ...]:
    """The normalisers of these faces, the usual one first."""
    if not reading.samples or not is_own(reading.samples[0].markup):
        return load_dataset(reading.dataset).normalisers
    return normalisers_of(load_markup(reading.samples[0].markup))


def _outside(sample: Sample, width: int, height: int) -> list[str]:
    points = sample.landmarks[sample.labelled]
    beyond = np.maximum(-0.5 - points, points - (width - 0.5, height - 0.5)).max(axis=1)
    count = int((beyond > 0).sum())
    text = f"{sample.id}: {count} points outside the picture, by up to {beyond.max():.1f} pixels"
    return [text] if count else []


def _duplicates(samples: Iterable[Sample]) -> list[str]:
    lines: list[str] = []
    ids: set[str] = set()
    faces: dict[tuple[object, ...], str] = {}
    for sample in samples:
        first = faces.setdefault(
            (sample.image, sample.frame, sample.landmarks.tobytes()), sample.id
        )
        if sample.id in ids:
            lines.append(f"{sample.id}: this id appears more than once")
        elif first != sample.id:
            lines.append(f"{sample.id}: the same points on the same picture as {first}")
        ids.add(sample.id)
    return lines


def _suspicious(sample: Sample, origin: int) -> list[str]:
    lines = []
    points = sample.landmarks[sample.labelled]
    if origin == 1 and (np.abs(points + 1) < 0.5).any():
        lines.append(
            f"{sample.id}: a coordinate of 0, but this format counts from 1: a 0-based file?"
        )
    box = sample.box
    inside = ((points >= box[:2]) & (points <= box[2:])).all(axis=1).mean()
    if inside < 0.5:
        lines.append(f"{sample.id}: the box holds only {inside:.0%} of the points")
    if _sides_exchanged(sample):
        lines.append(f"{sample.id}: the face is its own mirror image: are left and right swapped?")
    return lines


def _sides_exchanged(sample: Sample) -> bool:
    """Whether eyes and mouth are in mirrored order, which no rotation of a face is."""
    scheme = load_markup(sample.markup)
    corners = ("right_mouth_corner", "left_mouth_corner")
    if scheme.eye_points is None or not set(corners) <= set(scheme.names):
        return False
    mouth = [scheme.names.index(corner) for corner in corners]
    eyes = [list(points) for points in scheme.eye_points]
    if not sample.labelled[[*mouth, *eyes[0], *eyes[1]]].all():
        return False
    right, left = (sample.landmarks[points].mean(axis=0) for points in eyes)
    across, down = left - right, sample.landmarks[mouth].mean(axis=0) - (right + left) / 2
    turn = float(across[0] * down[1] - across[1] * down[0])
    return turn < -0.02 * box_size(sample.box) ** 2
