"""Faces in photos that lie on their side or upside down."""

from __future__ import annotations

import numpy as np

from facealign.aligner.landmarker import Found
from facealign.detector import Detections, Detector
from facealign.geometry import to_box
from facealign.types import Pixels

QUARTERS = (0, 1, 3, 2)
"""Quarter turns in the order they are tried: most photos that are turned lie on a side."""


def find(detector: Detector, image: Pixels, turned: bool) -> Found:
    """The faces of a photo; where none is found and `turned`, of the photo turned by quarters.

    Raises:
        ValueError: the detector gives a box that is none.

    """
    for quarter in QUARTERS if turned else QUARTERS[:1]:
        view = np.ascontiguousarray(np.rot90(image, quarter)) if quarter else image
        found = checked(detector.detect(view))
        if len(found):
            boxes = _turned_back(found.boxes, quarter, view.shape[1], view.shape[0])
            # np.rot90 turns counterclockwise: what stands upright now leant clockwise before.
            return Found(image, boxes, found.scores, 90.0 * quarter)
    return Found(image, Detections.none().boxes, Detections.none().scores)


def checked(found: Detections) -> Detections:
    """What a detector found; one of the caller's own may give boxes that are none."""
    for box in found.boxes:
        to_box(box)
    return found


def _turned_back(boxes: np.ndarray, quarter: int, width: int, height: int) -> np.ndarray:
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
