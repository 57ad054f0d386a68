"""Checks of a data set, for a person to read, and a contact sheet of its faces to look at."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from facealign.datasets import load_dataset
from facealign.datasets.pixels import stream_pixels
from facealign.datasets.reading import Reading
from facealign.geometry import CropTransform, box_size
from facealign.markup import is_own, load_markup
from facealign.markup.sides import side_of
from facealign.metrics import normalisers_of
from facealign.problems import collect
from facealign.types import Pixels, Progress, Sample, silent


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
        suspicious=[s for face in reading.samples for s in _suspicious(face, dataset.origin)],
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
        face = (sample.image, sample.frame, sample.landmarks.tobytes())
        first = faces.setdefault(face, sample.id)
        if sample.id in ids:
            lines.append(f"{sample.id}: this id appears more than once")
        elif first != sample.id:
            lines.append(f"{sample.id}: the same points on the same picture as {first}")
        ids.add(sample.id)
    return lines


def _suspicious(sample: Sample, origin: int) -> list[str]:
    points, box = sample.landmarks[sample.labelled], sample.box
    inside = ((points >= box[:2]) & (points <= box[2:])).all(axis=1).mean()
    signs = {
        "a coordinate of 0, but this format counts from 1: a 0-based file?": origin == 1
        and (np.abs(points + 1) < 0.5).any(),
        f"the box holds only {inside:.0%} of the points": inside < 0.5,
        "the face is its own mirror image: are left and right swapped?": _sides_exchanged(sample),
    }
    return [f"{sample.id}: {sign}" for sign, shown in signs.items() if shown]


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


RIGHT, LEFT, MIDDLE = (255, 80, 80), (90, 220, 90), (255, 255, 255)
"""Colours of the subject's right side, left side and midline."""
BOX = (255, 190, 0)
MARGIN = 0.35
"""Margin around the box, as a fraction of its size."""
SHARP = 2
"""Drawn this many times larger, then reduced."""


def draw_sheet(samples: Sequence[Sample], count: int = 48, columns: int = 8) -> Pixels:
    """Up to `count` faces spread evenly over the samples: (H, W, 3) uint8, tiles of 192 pixels.

    The subject's right side is red, the left green, the midline white, the box orange; a point that
    is labelled as occluded is a ring, one that is not labelled is not drawn. An empty tile stands
    for a picture that cannot be read.
    """
    tile, count = 192, min(count, len(samples))
    chosen = [samples[i] for i in np.linspace(0, len(samples) - 1, count).astype(int)]
    rows = max(1, -(-len(chosen) // columns))
    sheet = np.full((rows * tile, columns * tile, 3), 40, np.uint8)
    with collect():  # the check has reported them
        for i, (sample, picture) in enumerate(stream_pixels(chosen)):
            if picture is not None:
                y, x = i // columns * tile, i % columns * tile
                sheet[y : y + tile, x : x + tile] = draw_tile(sample, picture, tile)
    return sheet


def draw_tile(sample: Sample, picture: Pixels, size: int) -> Pixels:
    """(size, size, 3) uint8, one face of a picture (H, W, 3) uint8 with its box and points."""
    crop = CropTransform.from_box(sample.box, size * SHARP, MARGIN)
    layer = Image.fromarray(crop.warp(picture))
    pen = ImageDraw.Draw(layer)
    # In Pillow's drawing frame, whole numbers are pixel corners, not centres.
    corners = crop.to_crop(sample.box.reshape(2, 2)) + 0.5
    pen.rectangle([tuple(corner) for corner in corners.tolist()], outline=BOX, width=SHARP)
    points = (crop.to_crop(sample.landmarks) + 0.5).tolist()
    colours = _colours(sample.markup)
    radius = size * SHARP / 110
    for i in np.flatnonzero(sample.labelled):
        x, y = points[i]
        fill = None if sample.occluded is not None and sample.occluded[i] else colours[i]
        around = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(around, fill=fill, outline=colours[i], width=SHARP)
    return np.asarray(layer.resize((size, size), Image.Resampling.LANCZOS))


def _colours(markup: str) -> list[tuple[int, int, int]]:
    """The colour of each point; where names give no side, the first of a mirror pair is right."""
    scheme = load_markup(markup)
    colours = []
    for index, (name, twin) in enumerate(zip(scheme.names, scheme.mirror.tolist(), strict=True)):
        side = side_of(name) or ("right" if index < twin else "left")
        colours.append(MIDDLE if index == twin else RIGHT if side == "right" else LEFT)
    return colours
