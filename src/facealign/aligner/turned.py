"""Finding faces that lie on their side or upside down, or in a photo that does.

A detector trained on upright faces finds some turned ones and gives them a medium score; landmarks
that take such a face for an upright one are useless. YuNet on the 168 faces of every twelfth image
of 300W's training part: 99 % of the upright ones score 0.9 or more; turned by 90° it finds 54 %, by
180° 88 %, and 97 % of these score less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facealign.detector import Detections, Detector
from facealign.geometry import CropTransform, to_box
from facealign.types import Box, Pixels
from facealign.yunet import YuNet

QUARTERS = (1, 3, 2)
"""Quarter turns in the order in which they are tried: most turned photos lie on a side."""
EIGHTHS = (0, 180, 90, 270, 45, 315, 135, 225)
"""Degrees by which a face with a low score may lean clockwise.

Upside down comes second and is always tried: eyes and mouth look alike either way up.
"""
SURE = 0.9
"""A face with at least this score of YuNet is taken to be upright."""
BETTER = 0.02
"""By how much the score must rise for a face to count as turned."""
COARSE = 640
"""The longer side of a photo is reduced to this before it is turned, to save time."""
PATCH, WIDER = 128, 2.5
"""Side of the patch around a face with a low score: in pixels, and in sides of its box."""

Array = NDArray[np.float32]


def find_faces(detector: Detector, image: Pixels, turned: bool) -> tuple[Detections, Array]:
    """The faces in a photo, and by how many degrees each leans clockwise.

    If `turned`, a photo without a face is reduced to `COARSE` pixels and turned by quarters until
    a face is found, and each face with a low score of YuNet is detected again turned by eighths.

    Returns:
        The faces, their boxes in the photo's pixels, and (N,) float32 degrees.

    Raises:
        ValueError: the detector returns an invalid box.

    """
    found, angle = checked(detector.detect(image)), 0.0
    if turned and not len(found):
        found, angle = _find_by_quarters(detector, image)
    angles = np.full(len(found), angle, np.float32)
    if turned and isinstance(detector, YuNet):
        boxes = found.boxes.copy()
        for i in np.flatnonzero(found.scores < SURE):
            boxes[i], angles[i] = _by_eighths(detector, image, boxes[i], angle)
        found = Detections(boxes, found.scores)
    return found, angles


def checked(found: Detections) -> Detections:
    """The detections, each box checked: the detector may be the caller's."""
    for box in found.boxes:
        to_box(box)
    if not ((found.scores >= 0) & (found.scores <= 1)).all():  # also of NaN
        raise ValueError(f"the detector's scores must be in 0..1, not {found.scores.tolist()}")
    return found


def _find_by_quarters(detector: Detector, image: Pixels) -> tuple[Detections, float]:
    view, ratio = _reduced(image)
    for quarter in QUARTERS:
        # np.rot90 turns counterclockwise: what is upright now leaned clockwise before.
        found = checked(detector.detect(np.ascontiguousarray(np.rot90(view, quarter))))
        if len(found):
            boxes = _turned_back(found.boxes, quarter, view.shape[1], view.shape[0])
            # Resizing keeps the corners of pixels in place, not their centres.
            boxes = ((boxes + 0.5) * np.tile(ratio, 2) - 0.5).astype(np.float32)
            return Detections(boxes, found.scores), 90.0 * quarter
    return Detections.none(), 0.0


def _reduced(image: Pixels) -> tuple[Pixels, Array]:
    """The photo with at most `COARSE` pixels a side, and (2,) photo pixels per pixel of it."""
    height, width = image.shape[:2]
    scale = min(1.0, COARSE / max(height, width))
    if scale == 1.0:
        return image, np.ones(2, np.float32)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    view = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(view), np.array([width / size[0], height / size[1]], np.float32)


def _turned_back(boxes: Array, quarter: int, width: int, height: int) -> Array:
    """Boxes (N, 4) of a photo turned `quarter` times counterclockwise, in pixels of the photo.

    Args:
        boxes: in the turned photo's pixels.
        quarter: 1 … 3.
        width: of the photo.
        height: of the photo.

    """
    x0, y0, x1, y1 = boxes.T
    right, bottom = width - 1, height - 1
    edges = {
        1: (right - y1, x0, right - y0, x1),
        2: (right - x1, bottom - y1, right - x0, bottom - y0),
        3: (y0, bottom - x1, y1, bottom - x0),
    }
    return np.stack(edges[quarter], axis=1)


def _by_eighths(detector: Detector, image: Pixels, box: Box, angle: float) -> tuple[Box, float]:
    """The box and the angle of a face with a low score at which the score is highest."""
    side = WIDER * float(np.sqrt(np.prod(box[2:] - box[:2])))
    centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    best, surest = (box, angle), 0.0
    for turn in EIGHTHS:
        patch = CropTransform.from_square(centre, side, PATCH, angle + turn)
        found = detector.detect(patch.warp(image))
        if len(found) and found.scores[0] > surest + BETTER:
            surest = float(found.scores[0])
            # Not turned: the box found in the whole photo is as good.
            best = (_box_in(patch, found.boxes[0]), angle + turn) if turn else (box, angle)
        if turn and surest >= SURE:
            break
    return best


def _box_in(patch: CropTransform, box: Box) -> Box:
    """A box in a turned patch → the box of the same size and centre in the photo."""
    centre = patch.to_image(((box[:2] + box[2:]) / 2).astype(np.float32))
    half = (box[2:] - box[:2]) / 2 / patch.scale
    return np.concatenate([centre - half, centre + half]).astype(np.float32)
