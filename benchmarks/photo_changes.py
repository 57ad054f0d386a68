"""Changes to a labelled photo: turned, reduced, blurred, dark, covered, cut. Only Pillow and NumPy.

A change takes a sample, its picture and a random generator; it returns both after the change,
points and box in the new picture's pixels. `CHANGES` lists all of them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from facealign.geometry import CropTransform, box_size
from facealign.markup import load_markup
from facealign.types import Box, Pixels, Points, Sample

Changed = tuple[Sample, Pixels]
Change = Callable[[Sample, Pixels, np.random.Generator], Changed]

NOISE = 20.0
"""Standard deviation of the noise, of 255."""
LENS = (0.4, 0.28)
"""Half width and height of a lens, in distances between the eyes and from eyes to mouth."""
DARK, CLOTH = (18, 18, 24), (150, 190, 205)
WIDTH, HEIGHT = 640, 480
"""Of the photo in which a tiny face lies."""
BLUR = 0.05
"""Standard deviation of the blur, in sizes of the box."""


def nothing(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    return sample, image


def turned(sample: Sample, image: Pixels, random: np.random.Generator, angle: float) -> Changed:
    """The whole photo clockwise by `angle` degrees, black around it; the box becomes an upright
    square around the same place of the face."""
    height, width = image.shape[:2]
    side = math.ceil(math.hypot(width, height))
    turn = CropTransform.from_square(((width - 1) / 2, (height - 1) / 2), side, side, -angle)
    box = square(turn.to_crop(centre(sample.box)), box_size(sample.box))
    return replace(sample, landmarks=turn.to_crop(sample.landmarks), box=box), turn.warp(image)


def reduced(sample: Sample, image: Pixels, random: np.random.Generator, factor: int) -> Changed:
    """The photo reduced by a whole factor, each pixel the mean of those it replaces."""
    small = np.asarray(Image.fromarray(image).reduce(factor))
    return moved(sample, np.full(2, 1 / factor), np.zeros(2)), small


def tiny(sample: Sample, image: Pixels, random: np.random.Generator, size: float) -> Changed:
    """The photo reduced until the face's box has this size, in a photo of 640 × 480; the face lies
    anywhere in it, and the rest has the photo's mean colour."""
    height, width = image.shape[:2]
    sides = np.maximum(1, np.round(np.array([width, height]) * size / box_size(sample.box)))
    scale = sides / (width, height)
    small = Image.fromarray(image).resize(tuple(sides.astype(int)), Image.Resampling.BOX)
    place = random.uniform(size, np.array([WIDTH, HEIGHT]) - size)
    corner = np.round(place - centre(sample.box) * scale).astype(int)
    red, green, blue = np.round(image.mean(axis=(0, 1))).astype(int).tolist()
    picture = Image.new("RGB", (WIDTH, HEIGHT), (red, green, blue))
    picture.paste(small, tuple(corner.tolist()))
    return moved(sample, scale, corner), np.asarray(picture)


def half_cut(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """The photo ends at the middle of the face, which side is left is chance; the points that are
    cut away are `occluded`."""
    middle = round(float(sample.landmarks[:, 0].mean()))
    beyond = sample.landmarks[:, 0] > middle - 0.5
    if random.random() < 0.5:
        return replace(sample, occluded=beyond), np.ascontiguousarray(image[:, :middle])
    rest = moved(sample, np.ones(2), np.array([-middle, 0]))
    return replace(rest, occluded=~beyond), np.ascontiguousarray(image[:, middle:])


def compressed(sample: Sample, image: Pixels, random: np.random.Generator, quality: int) -> Changed:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return sample, np.asarray(Image.open(file))


def noisy(
    sample: Sample, image: Pixels, random: np.random.Generator, deviation: float = NOISE
) -> Changed:
    values = image + random.normal(0, deviation, image.shape)
    return sample, np.clip(np.round(values), 0, 255).astype(np.uint8)


def gray(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    return sample, np.asarray(Image.fromarray(image).convert("L").convert("RGB"))


def blurred(
    sample: Sample, image: Pixels, random: np.random.Generator, share: float = BLUR
) -> Changed:
    """A Gaussian blur whose standard deviation is a share of the box's size."""
    soft = ImageFilter.GaussianBlur(share * box_size(sample.box))
    return sample, np.asarray(Image.fromarray(image).filter(soft))


def sunglasses(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """Dark lenses on the eyes and a bridge, in the frame of the true eyes and mouth."""
    right, left, mouth = anchors(sample)
    middle = (right + left) / 2
    across, down = left - right, mouth - middle
    turn = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    half = np.abs(np.stack([np.cos(turn), np.sin(turn)], axis=1)) ** 0.5  # squarer than an ellipse
    outline = half * np.sign(np.stack([np.cos(turn), np.sin(turn)], axis=1)) * LENS
    shapes = [
        middle + (outline[:, :1] + place) * across + (outline[:, 1:] + 0.03) * down
        for place in (-0.5, 0.5)
    ]
    bridge = np.array([[-0.15, -0.1], [0.15, -0.1], [0.15, 0.0], [-0.15, 0.0]])
    shapes.append(middle + bridge[:, :1] * across + bridge[:, 1:] * down)
    return sample, painted(image, shapes, DARK)


def face_mask(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """A mask from the bridge of the nose over the true jaw, which it covers a little beyond."""
    markup = load_markup(sample.markup)
    jaw = sample.landmarks[list(markup.groups["jaw"][2:-2])]
    nose = sample.landmarks[markup.names.index("nose_bridge_3")]
    return sample, painted(image, [np.vstack([nose + 1.06 * (jaw - nose), nose])], CLOTH)


def mask_and_sunglasses(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    return sunglasses(*face_mask(sample, image, random), random)


def covered(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """A rectangle of a quarter of the box, with blotches in all colours, anywhere in the box."""
    wide = random.uniform(0.35, 0.7)
    share = np.array([wide, 0.25 / wide])
    size = sample.box[2:] - sample.box[:2]
    corner = np.round(sample.box[:2] + random.uniform(0, 1, 2) * (1 - share) * size).astype(int)
    width, height = np.maximum(1, np.round(share * size)).astype(int)
    cells = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    patch = cells.resize((int(width), int(height)), Image.Resampling.BICUBIC)
    picture = Image.fromarray(image)
    picture.paste(patch, (int(corner[0]), int(corner[1])))
    return sample, np.asarray(picture)


def dark(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """The photo with so little light that its mean is 5 of 255."""
    return sample, np.round(image * min(1.0, 5 / max(image.mean(), 1.0))).astype(np.uint8)


def half_shadow(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """A fiftieth of the light left of the face's middle, with a soft edge."""
    middle, size = sample.landmarks[:, 0].mean(), sample.box[2] - sample.box[0]
    light = 0.02 + 0.98 / (1 + np.exp((middle - np.arange(image.shape[1])) / (0.05 * size)))
    return sample, np.round(image * light[None, :, None]).astype(np.uint8)


CHANGES: dict[str, Change] = {
    "none": nothing,
    "turned +15°": partial(turned, angle=15.0),
    "turned -15°": partial(turned, angle=-15.0),
    "turned +30°": partial(turned, angle=30.0),
    "turned -30°": partial(turned, angle=-30.0),
    "turned +45°": partial(turned, angle=45.0),
    "turned +90°": partial(turned, angle=90.0),
    "turned +135°": partial(turned, angle=135.0),
    "turned 180°": partial(turned, angle=180.0),
    "1/2 resolution": partial(reduced, factor=2),
    "1/4 resolution": partial(reduced, factor=4),
    "face of 30 px": partial(tiny, size=30.0),
    "face of 20 px": partial(tiny, size=20.0),
    "blurred": blurred,
    "JPEG 30": partial(compressed, quality=30),
    "JPEG 10": partial(compressed, quality=10),
    "noise": noisy,
    "gray": gray,
    "sunglasses": sunglasses,
    "face mask": face_mask,
    "mask and sunglasses": mask_and_sunglasses,
    "1/4 covered": covered,
    "half cut away": half_cut,
    "dark": dark,
    "half in shadow": half_shadow,
}
"""Every change by name; turns are clockwise."""


def moved(sample: Sample, scale: np.ndarray, shift: np.ndarray) -> Sample:
    """The sample in a photo scaled by (2,) and then shifted by (2,) pixels."""

    def place(points: Points) -> Points:  # a pixel's corner, not its centre, stays in place
        return ((points + 0.5) * scale - 0.5 + shift).astype(np.float32)

    box = place(sample.box.reshape(2, 2)).ravel()
    return replace(sample, landmarks=place(sample.landmarks), box=box)


def anchors(sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right eye, left eye, mouth: (2,) each."""
    markup = load_markup(sample.markup)
    corners = [markup.names.index(f"{side}_mouth_corner") for side in ("right", "left")]
    groups = (*markup.eye_points, corners)
    right, left, mouth = (sample.landmarks[list(points)].mean(axis=0) for points in groups)
    return right, left, mouth


def painted(image: Pixels, shapes: list[np.ndarray], colour: tuple[int, int, int]) -> Pixels:
    """The picture with filled outlines (n, 2), their edges smooth."""
    zoom = 4
    mask = Image.new("L", (zoom * image.shape[1], zoom * image.shape[0]))
    pen = ImageDraw.Draw(mask)
    for shape in shapes:
        # In Pillow's drawing frame, whole numbers are pixel corners, not centres.
        pen.polygon([(float(x), float(y)) for x, y in (shape + 0.5) * zoom], fill=255)
    picture = Image.fromarray(image)
    picture.paste(colour, mask=mask.reduce(zoom))
    return np.asarray(picture)


def centre(box: Box) -> Points:
    return ((box[:2] + box[2:]) / 2).astype(np.float32)


def square(middle: Points, side: float) -> Box:
    half = np.float32(side / 2)
    return np.concatenate([middle - half, middle + half]).astype(np.float32)
