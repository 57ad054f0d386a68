"""The faces of a photo before their landmarks: `Found`, and how turned ones are found, too.

A detector trained on upright faces finds some turned ones and gives them a low score; landmarks
that take such a face for an upright one are useless. How the bundled detector searches at every
angle is in `yunet/`; where the landmarks doubt, `landmarker.py` looks again.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from facealign.detector import Detections, Detector
from facealign.geometry import box_size, to_box, turned_back
from facealign.types import Box, Floats, Pixels
from facealign.yunet import YuNet

QUARTERS = (1, 3, 2)
"""Quarter turns in the order in which they are tried: most turned photos lie on a side."""
COARSE = 640
"""The longer side of a photo is reduced to this before another detector sees it turned."""


@dataclass(frozen=True, eq=False)
class Found:
    """The faces of one image, before their landmarks.

    Attributes:
        image: (H, W, 3) RGB uint8.
        boxes: (N, 4) float32, x0 y0 x1 y1 in image pixels.
        scores: (N,) float32 in 0..1.
        angles: (N,) float32, degrees by which each leans clockwise, as far as the detector knows.
        lower: by how many box sizes the middle of each box lies below the middle of what the
            detector saw, which is what a face turns about where it leans by another angle.
        certain: whether each is a face, as the caller says; else the landmarks may deny it.
    """

    image: Pixels
    boxes: Floats
    scores: Floats
    angles: Floats
    lower: float = 0.0
    certain: bool = True

    def __len__(self) -> int:
        return len(self.boxes)

    def turned_box(self, i: int, turn: float) -> Box:
        """The box of a face that leans `turn` degrees further than the detector knows."""
        box, before = self.boxes[i], math.radians(self.angles[i])
        after = before + math.radians(turn)
        x = math.sin(before) - math.sin(after)
        y = math.cos(after) - math.cos(before)
        shift = self.lower * box_size(box) * np.array([x, y, x, y])
        return np.asarray(box + shift, dtype=np.float32)


def find_faces(detector: Detector, image: Pixels, turned: bool) -> tuple[Detections, Floats]:
    """The faces in a photo, and by how many degrees each leans clockwise.

    If `turned`, YuNet searches a photo without a sure face at every angle; with another detector, a
    photo without a face is reduced to `COARSE` pixels and turned by quarters until one is found.

    Returns:
        The faces, their boxes in the photo's pixels, and (N,) float32 degrees.

    Raises:
        ValueError: the detector returns an invalid box.
    """
    if isinstance(detector, YuNet):
        return detector.find(image, turned)
    found = checked(detector.detect(image))
    if turned and not len(found):
        return _find_by_quarters(detector, image)
    return found, np.zeros(len(found), np.float32)


def checked(found: Detections) -> Detections:
    """The detections, checked: the detector may be the caller's own."""
    for box in found.boxes:
        to_box(box)
    if not ((found.scores >= 0) & (found.scores <= 1)).all():  # also of NaN
        raise ValueError(f"the detector's scores must be in 0..1, not {found.scores.tolist()}")
    return found


def _find_by_quarters(detector: Detector, image: Pixels) -> tuple[Detections, Floats]:
    view, ratio = _reduced(image)
    for quarter in QUARTERS:
        found = checked(detector.detect(np.ascontiguousarray(np.rot90(view, quarter))))
        if len(found):
            boxes = turned_back(found.boxes, quarter, view.shape[1], view.shape[0])
            # Resizing keeps the corners of pixels in place, not their centres.
            boxes = ((boxes + 0.5) * np.tile(ratio, 2) - 0.5).astype(np.float32)
            angles = np.full(len(found), 90.0 * quarter, np.float32)
            return Detections(boxes, found.scores), angles
    return Detections.none(), np.zeros(0, np.float32)


def _reduced(image: Pixels) -> tuple[Pixels, Floats]:
    """The photo with at most `COARSE` pixels a side, and (2,) photo pixels per pixel of it."""
    height, width = image.shape[:2]
    scale = min(1.0, COARSE / max(height, width))
    if scale == 1.0:
        return image, np.ones(2, np.float32)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    view = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(view), np.array([width / size[0], height / size[1]], np.float32)
