"""Faces that lie on their side or upside down, in a photo or as a photo.

A detector trained on upright faces finds some turned ones, gives them a box and a middling score;
landmarks in that box, taken for an upright face, are of no use. YuNet on the 168 faces of every
twelfth image of 300W's training part: upright 99 % score 0.9 or more; turned by 90° it finds 54 %,
by 180° 88 %, and of these 97 % score less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facealign.detector import Detections, Detector, YuNet
from facealign.geometry import CropTransform, to_box
from facealign.types import Box, Pixels

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
PATCH, WIDER = 128, 2.5
"""Pixels of the patch a doubted face is looked at in, and its side in sides of the box."""

Array = NDArray[np.float32]


def find(detector: Detector, image: Pixels, turned: bool) -> tuple[Detections, Array]:
    """The faces of a photo, and by how many degrees each leans clockwise.

    Where `turned`: a photo that shows no face is turned by quarters until it does, and each face
    that YuNet is not sure of is looked at turned by eighths.

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
    for quarter in QUARTERS:
        view = np.ascontiguousarray(np.rot90(image, quarter))
        found = checked(detector.detect(view))
        if len(found):
            boxes = _turned_back(found.boxes, quarter, view.shape[1], view.shape[0])
            # np.rot90 turns counterclockwise: what stands upright now leant clockwise before.
            return Detections(boxes, found.scores), 90.0 * quarter
    return Detections.none(), 0.0


def _turned_back(boxes: Array, quarter: int, width: int, height: int) -> Array:
    """Boxes (N, 4) of a photo turned `quarter` times counterclockwise, in the photo's own pixels.

    Args:
        boxes: in the turned photo's pixels.
        quarter: 0 … 3.
        width: of the turned photo.
        height: of the turned photo.

    """
    for _ in range(quarter):
        x0, y0, x1, y1 = boxes.T
        # A turn clockwise: the first row becomes the last column.
        boxes = np.stack([height - 1 - y1, x0, height - 1 - y0, x1], axis=1)
        width, height = height, width
    return np.ascontiguousarray(boxes, dtype=np.float32)


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
