"""Faces that lie on their side or upside down, in a photo or as a photo.

A detector trained on upright faces finds some turned ones, gives them a box and a middling score;
landmarks in that box, taken for an upright face, are of no use. YuNet on the 168 faces of every
twelfth image of 300W's training part: upright 99 % score 0.9 or more; turned by 90° it finds 54 %,
by 180° 88 %, and of these 97 % score less.
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
"""Quarter turns in the order they are tried: most photos that are turned lie on a side."""
EIGHTHS = (0, 180, 90, 270, 45, 315, 135, 225)
"""Degrees by which a face that the detector doubts may lean clockwise.

Upside down comes second: an eye line and a mouth look alike either way, so both are always tried.
"""
SURE = 0.9
"""YuNet's score from which on a face is taken to be upright."""
BETTER = 0.02
"""By how much the score must rise for a face to be taken as turned."""
COARSE = 640
"""Longer side a photo is reduced to before it is turned: four searches of a large one take long."""
PATCH, WIDER = 128, 2.5
"""Pixels of the patch a doubted face is looked at in, and its side in sides of the box."""

Array = NDArray[np.float32]


def find(detector: Detector, image: Pixels, turned: bool) -> tuple[Detections, Array]:
    """The faces of a photo, and by how many degrees each leans clockwise.

    Where `turned`: a photo that shows no face is turned by quarters until it does, reduced to
    `COARSE` pixels, and each face that YuNet is not sure of is looked at turned by eighths.

    Returns:
        The faces, their boxes in the photo's pixels, and (N,) float32 degrees.

    Raises:
        ValueError: the detector gives a box that is none.

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
    """What a detector found; one of the caller's own may give boxes that are none."""
    for box in found.boxes:
        to_box(box)
    return found


def _find_by_quarters(detector: Detector, image: Pixels) -> tuple[Detections, float]:
    view, ratio = _reduced(image)
    for quarter in QUARTERS:
        # np.rot90 turns counterclockwise: what stands upright now leant clockwise before.
        found = checked(detector.detect(np.ascontiguousarray(np.rot90(view, quarter))))
        if len(found):
            boxes = _turned_back(found.boxes, quarter, view.shape[1], view.shape[0])
            # A pixel's corner, not its centre, is what a change of size keeps in place.
            boxes = ((boxes + 0.5) * np.tile(ratio, 2) - 0.5).astype(np.float32)
            return Detections(boxes, found.scores), 90.0 * quarter
    return Detections.none(), 0.0


def _reduced(image: Pixels) -> tuple[Pixels, Array]:
    """A photo of at most `COARSE` pixels a side, and (2,) its pixels in those of the photo."""
    height, width = image.shape[:2]
    scale = min(1.0, COARSE / max(height, width))
    if scale == 1.0:
        return image, np.ones(2, np.float32)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    view = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(view), np.array([width / size[0], height / size[1]], np.float32)


def _turned_back(boxes: Array, quarter: int, width: int, height: int) -> Array:
    """Boxes (N, 4) of a photo turned `quarter` times counterclockwise, in the photo's own pixels.

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
    """The box and the angle under which the detector is surest of a face that it doubts."""
    side = WIDER * float(np.sqrt(np.prod(box[2:] - box[:2])))
    centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    best, surest = (box, angle), 0.0
    for turn in EIGHTHS:
        patch = CropTransform.from_square(centre, side, PATCH, angle + turn)
        found = detector.detect(patch.warp(image))
        if len(found) and found.scores[0] > surest + BETTER:
            surest = float(found.scores[0])
            # Upright as it stands: the whole photo's box is as good.
            best = (_box_in(patch, found.boxes[0]), angle + turn) if turn else (box, angle)
        if turn and surest >= SURE:
            break
    return best


def _box_in(patch: CropTransform, box: Box) -> Box:
    """A box in a turned patch as a box of the same size and centre in the photo."""
    centre = patch.to_image(((box[:2] + box[2:]) / 2).astype(np.float32))
    half = (box[2:] - box[:2]) / 2 / patch.scale
    return np.concatenate([centre - half, centre + half]).astype(np.float32)
