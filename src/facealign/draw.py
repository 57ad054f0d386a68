"""Pictures of results: points, outlines and boxes over a photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from facealign.face import Face
from facealign.geometry import box_size
from facealign.markup import load_markup
from facealign.types import Pixels

SHARP = 3
"""Drawn this many times larger, then reduced: Pillow's own lines are jagged."""
LARGEST = 24_000_000
"""Pixels above which a photo is drawn on directly, to save memory."""
LINE, POINT, BOX = (0, 200, 255), (255, 255, 255), (255, 190, 0)


def draw_faces(image: Pixels, faces: Sequence[Face]) -> Pixels:
    """A copy of the photo with each face's box, outlines and points.

    Args:
        image: (H, W, 3) uint8, the photo that was aligned.
        faces: what was found on it.

    """
    if not faces:
        return image.copy()
    zoom = SHARP if image.shape[0] * image.shape[1] * SHARP**2 <= LARGEST else 1
    picture = Image.fromarray(image).convert("RGBA")
    layer = Image.new("RGBA", (picture.width * zoom, picture.height * zoom))
    pen = ImageDraw.Draw(layer)
    for face in faces:
        _draw_face(pen, face, zoom)
    picture.alpha_composite(layer.resize(picture.size, Image.Resampling.BOX))
    return np.asarray(picture.convert("RGB"))


def _draw_face(pen: ImageDraw.ImageDraw, face: Face, zoom: int) -> None:
    # Pillow draws in a frame where a pixel's corner, not its centre, is at whole numbers.
    points = (face.landmarks.astype(np.float64) + 0.5) * zoom
    box = (face.box.astype(np.float64) + 0.5) * zoom
    size = box_size(face.box) * zoom
    thin = max(1, round(size / 150))
    pen.rectangle(box.tolist(), outline=BOX, width=max(1, round(size / 100)))
    for line in load_markup(face.markup).polylines():
        pen.line([tuple(p) for p in points[line].tolist()], fill=LINE, width=thin, joint="curve")
    radius = max(0.6 * zoom, size / 90)
    for x, y in points.tolist():
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=POINT)
