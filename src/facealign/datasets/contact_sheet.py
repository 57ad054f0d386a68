"""A contact sheet: faces cut out by their boxes, with their points, to look at."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from facealign.datasets.pixels import stream_pixels
from facealign.geometry import CropTransform
from facealign.markup import load_markup
from facealign.markup.sides import side_of
from facealign.problems import collect
from facealign.types import Pixels, Sample

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
    tile = 192
    chosen = [
        samples[i] for i in np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(int)
    ]
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
