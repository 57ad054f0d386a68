"""Pictures of results: points, outlines and boxes over a photo."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facealign.face import Face
from facealign.geometry import box_size
from facealign.markup import load_markup
from facealign.types import Floats, Pixels

SHARP = 3
"""Drawn this many times larger, then reduced: Pillow's lines are jagged."""
LARGEST = 24_000_000
"""Photos with more pixels are drawn on directly, to save memory."""
LINE, POINT, BOX = (0, 200, 255), (255, 255, 255), (255, 190, 0)


def draw_faces(image: Pixels, faces: Sequence[Face]) -> Pixels:
    """A copy of the photo with each face's box, outlines and points, and its track in a video.

    Args:
        image: (H, W, 3) uint8, the photo that was aligned.
        faces: the faces found in it.
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
    # In Pillow's drawing frame, whole numbers are pixel corners, not centres.
    points = (face.landmarks.astype(np.float64) + 0.5) * zoom
    box = (face.box.astype(np.float64) + 0.5) * zoom
    size = box_size(face.box) * zoom
    thin = max(1, round(size / 150))
    pen.rectangle(box.tolist(), outline=BOX, width=max(1, round(size / 100)))
    if face.track is not None:
        font = ImageFont.load_default(max(15 * zoom, size / 7))
        place, dark = (box[0], box[1] - zoom), (0, 0, 0)
        pen.text(place, str(face.track), BOX, font, "lb", stroke_width=2 * zoom, stroke_fill=dark)
    for line in load_markup(face.markup).polylines():
        pen.line([tuple(p) for p in points[line].tolist()], fill=LINE, width=thin, joint="curve")
    radius = max(0.6 * zoom, size / 90)
    for x, y in points.tolist():
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=POINT)


TILE, TITLE = 256, 24
"""Pixels of a map's side, and of the line above it."""
COLD_TO_HOT = np.array([[0, 0, 60], [90, 0, 130], [230, 60, 50], [255, 180, 30], [255, 255, 200]])


def draw_maps(image: Pixels, face: Face, stages: Sequence[int] = ()) -> Pixels:
    """A face as the network saw it, with its points, and its attention maps, in a row.

    The face was found in the image, (H, W, 3) uint8, with ``attention=True``. The maps' stages
    count from 1; empty takes 1 … S.

    Raises:
        ValueError: the face has no attention maps.
    """
    if face.attention is None or face.network_crop is None:
        raise ValueError("this face has no attention maps: align with attention=True")
    crop = face.network_crop.resized(TILE)
    seen = crop.warp(image)
    centre = crop.to_crop(((face.box[:2] + face.box[2:]) / 2).astype(np.float32))
    half = (face.box[2:] - face.box[:2]) / 2 * crop.scale  # upright, though the crop may be turned
    box = np.concatenate([centre - half, centre + half]).astype(np.float32)
    inside = replace(face, landmarks=crop.to_crop(face.landmarks), box=box)
    tiles = [draw_faces(seen, [inside]), *(_over(seen, values) for values in face.attention)]
    names = stages or range(1, len(face.attention) + 1)
    return _in_a_row(tiles, [face.markup, *(f"stage {stage}" for stage in names)])


def _over(seen: Pixels, values: Floats) -> Pixels:
    """A map (H, W) in 0 … 1 as colours over the gray crop, scaled to its own range."""
    low, high = float(values.min()), float(values.max())
    share = (values - low) / max(high - low, 1e-6)
    wide = np.asarray(Image.fromarray(share.astype(np.float32)).resize(seen.shape[1::-1]))
    steps = np.linspace(0, 1, len(COLD_TO_HOT))
    hot = np.stack([np.interp(wide, steps, column) for column in COLD_TO_HOT.T], axis=-1)
    gray = seen.mean(axis=2, keepdims=True)
    return np.asarray(np.clip(0.45 * gray + 0.6 * hot, 0, 255).astype(np.uint8))


def _in_a_row(tiles: Sequence[Pixels], titles: Sequence[str]) -> Pixels:
    picture = Image.new("RGB", (TILE * len(tiles), TILE + TITLE), "white")
    pen = ImageDraw.Draw(picture)
    for i, (tile, title) in enumerate(zip(tiles, titles, strict=True)):
        picture.paste(Image.fromarray(tile), (i * TILE, TITLE))
        pen.text((i * TILE + 6, 3), title, fill="black", font=ImageFont.load_default(15))
    return np.asarray(picture)
