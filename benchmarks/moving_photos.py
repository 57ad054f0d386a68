"""Videos of photos of faces whose every movement is known: camera, eyelids, mouth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from photo_changes import centre, square
from PIL import Image
from script import PHOTO

from facealign import FaceAligner, read_image
from facealign.datasets import read_dataset, read_pixels
from facealign.face.measures import EYES, INNER_LIPS
from facealign.geometry import CropTransform, box_size
from facealign.markup import load_markup
from facealign.metrics import Array, inter_ocular
from facealign.types import Box, Pixels, Points

SIDE, FACE = 320, 112
"""Pixels of a frame and of the face's box in it."""
FINER = 1.15
"""Least photo pixels per frame pixel for a face, so that no photo is enlarged."""
NOISE = 4.0
"""Standard deviation of a still camera's noise, of 255."""
RATE = 30
"""Frames a second."""


@dataclass(frozen=True)
class Step:
    """What a frame shows: the photo under a camera, its eyes and mouth moved.

    Attributes:
        x, y: shift in the frame's pixels.
        zoom: 1 for the photo's own size.
        turn: clockwise, of the photo, in degrees.
        lids: how far the upper eyelids are on their way to the lower ones, 0..1.
        jaw: how far the mouth is opened, 0..1.

    """

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    turn: float = 0.0
    lids: float = 0.0
    jaw: float = 0.0


def wave(t: float) -> float:
    return math.sin(2 * math.pi * t)


def blink(t: float) -> float:
    """One blink of a fifth of the path."""
    return 0.85 * math.sin(math.pi * (t - 0.4) / 0.2) ** 2 if 0.4 < t < 0.6 else 0.0


PATHS: dict[str, Callable[[float], Step]] = {
    "pan": lambda t: Step(12 * wave(t), 8 * wave(2 * t)),
    "zoom": lambda t: Step(zoom=math.exp(0.1 * wave(t))),
    "turn": lambda t: Step(turn=10 * wave(t)),
    "all": lambda t: Step(12 * wave(t), 8 * wave(2 * t), math.exp(0.1 * wave(2 * t)), 10 * wave(t)),
    "fast": lambda t: Step(36 * wave(t), 20 * wave(2 * t), turn=15 * wave(t)),
    "noise": lambda t: Step(),
    "blink": lambda t: Step(lids=blink(t)),
    "talk": lambda t: Step(jaw=(1 - math.cos(10 * math.pi * t)) / 2),
}
"""Each over t in 0..1, a second of 30 frames, back where it began. "noise" stands still, with a
camera's noise; in "blink" the eyes close for 0.2 s, in "talk" the mouth opens 5 times."""


@dataclass(frozen=True, eq=False)
class Filmed:
    """A photo to video.

    Attributes:
        name: of the photo.
        image: (H, W, 3) RGB uint8.
        box: (4,) of the face, in its pixels.
        landmarks: (68, 2) of the face, in its pixels.

    """

    name: str
    image: Pixels
    box: Box
    landmarks: Points

    @property
    def inter_ocular(self) -> float:
        """Distance of the outer eye corners."""
        truth = self.landmarks[None].astype(np.float64)
        return float(inter_ocular(truth, np.zeros((1, 4)), load_markup("ibug68"))[0])

    def camera(self, step: Step) -> CropTransform:
        """From the photo to a frame."""
        size = box_size(self.box)
        side = SIDE * max(size / FACE, FINER) / step.zoom
        place = centre(self.box) - np.array([step.x, step.y]) * side / SIDE
        return CropTransform.from_square((float(place[0]), float(place[1])), side, SIDE, -step.turn)

    def acted(self, step: Step) -> Pixels:
        """The photo with eyes and mouth moved."""
        image = self.image
        if step.lids:
            for eye in EYES.values():
                image = moved_lid(image, self.landmarks[list(eye)].astype(float), step.lids)
        if step.jaw:
            image = opened_mouth(image, self.landmarks[list(INNER_LIPS)].astype(float), step.jaw)
        return image


def video(image: Pixels, camera: CropTransform) -> Pixels:
    """A frame, bicubic from finer pixels than its own and then reduced: clean of aliasing."""
    factor = math.ceil(1 / camera.scale)
    fine = camera.resized(factor * camera.size)
    inverse = fine.inverse_matrix()
    # Pillow hands pixel centres (u + ½) to the matrix and takes its answer as x + ½.
    shift = inverse[:, 2] - inverse[:, :2] @ [0.5, 0.5] + 0.5
    frame = Image.fromarray(image).transform(
        (fine.size, fine.size),
        Image.Transform.AFFINE,
        data=tuple(np.column_stack([inverse[:, :2], shift]).ravel()),
        resample=Image.Resampling.BICUBIC,
    )
    return np.asarray(frame.reduce(factor))


def moved_lid(image: Pixels, eye: Array, amount: float) -> Pixels:
    """The photo with an eye's upper lid moved towards the lower one, the skin above it stretched.

    Args:
        image: (H, W, 3) uint8.
        eye: (6, 2) from one corner over the upper lid to the other and back.
        amount: 0..1 of the way.

    """

    def source(y: Array, upper: Array, lower: Array, width: float) -> Array:
        lid, reach = upper + amount * (lower - upper), 0.4 * width
        skin = upper - reach + (y - upper + reach) * reach / (reach + lid - upper)
        inside = upper + (y - lid) / (1 - amount)
        between = np.where(y < lid, skin, inside)
        return np.where((y < upper - reach) | (y > lower), y, between)

    return _moved(image, eye[[0, 1, 2, 3]], eye[[0, 5, 4, 3]], source)


def opened_mouth(image: Pixels, lips: Array, amount: float) -> Pixels:
    """The photo with the lower lip let down by up to a third of the mouth's width.

    Args:
        image: (H, W, 3) uint8.
        lips: (8, 2) the inner outline from one corner over the upper lip to the other and back.
        amount: 0..1 of the way.

    """

    def source(y: Array, upper: Array, lower: Array, width: float) -> Array:
        drop, reach = amount * (lower - upper + 0.3 * width) * 0.6, 0.8 * width
        gap = np.maximum(lower - upper, 0.02 * width)
        inside = upper + (y - upper) * gap / (gap + drop)
        chin = lower + (y - lower - drop) * reach / np.maximum(reach - drop, 0.1 * width)
        below = np.where(y < lower + drop, inside, chin)
        return np.where((y < upper) | (y > lower + reach), y, below)

    return _moved(image, lips[[0, 1, 2, 3, 4]], lips[[0, 7, 6, 5, 4]], source)


def _moved(
    image: Pixels,
    upper: Array,
    lower: Array,
    source: Callable[[Array, Array, Array, float], Array],
) -> Pixels:
    """Pixels moved across the line between two corners, within their columns.

    `source` says from where each comes: (y, the two curves' y at its x, the corners' distance) in
    the frame of the corners, x along their line and y across it.
    """
    start, along = upper[0], upper[-1] - upper[0]
    width = float(np.linalg.norm(along))
    axes = np.stack([along, [-along[1], along[0]]]) / width
    curves = [(curve - start) @ axes.T for curve in (upper, lower)]
    middle, reach = start + along / 2, math.ceil(1.5 * width)
    x0, y0 = np.maximum(np.floor(middle).astype(int) - reach, 0)
    part = image[y0 : y0 + 2 * reach, x0 : x0 + 2 * reach]
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    x, y = np.moveaxis((np.stack([columns + x0, rows + y0], axis=-1) - start) @ axes.T, -1, 0)
    heights = [np.interp(x, curve[:, 0], curve[:, 1]) for curve in curves]
    taper = np.clip(4 * np.minimum(x, width - x) / width, 0, 1)
    moved = y + taper * (source(y, *heights, width) - y)
    places = np.stack([x, moved], axis=-1) @ axes + start - [x0, y0]
    changed = image.copy()
    changed[y0 : y0 + 2 * reach, x0 : x0 + 2 * reach] = _sampled(part, places)
    return changed


def _sampled(image: Pixels, places: Array) -> Pixels:
    """The bilinear values of an image at places (..., 2) x y."""
    last = np.array(image.shape[1::-1]) - 1
    places = np.clip(places, 0, last)
    low = np.minimum(np.floor(places).astype(int), np.maximum(last - 1, 0))
    (u, v), (x, y) = np.moveaxis(places - low, -1, 0)[..., None], np.moveaxis(low, -1, 0)
    top = (1 - u) * image[y, x] + u * image[y, x + 1]
    bottom = (1 - u) * image[y + 1, x] + u * image[y + 1, x + 1]
    return np.asarray(np.round((1 - v) * top + v * bottom).astype(np.uint8))


def moved_box(camera: CropTransform, box: Box) -> Box:
    """The box in the frame: an upright square round the same place, as large as the face is."""
    return square(camera.to_crop(centre(box)), box_size(box) * camera.scale)


def filmed_faces(root: Path | None, count: int) -> list[Filmed]:
    """Evenly out of the training part's faces that have the pixels, or the one of the example."""
    if root is None:
        image = read_image(PHOTO)
        (face,) = FaceAligner(threads=1).align(image)
        return [Filmed(PHOTO.name, image, face.box, face.landmarks)]
    samples = read_dataset("300w", root, "train").samples
    large = [s for s in samples if box_size(s.box) >= FINER * FACE] or samples
    chosen = [large[i] for i in np.unique(np.linspace(0, len(large) - 1, count).astype(int))]
    return [Filmed(s.id, read_pixels(s), s.box, s.landmarks) for s in chosen]
