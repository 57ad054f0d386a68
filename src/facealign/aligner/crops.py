"""The crop that a network sees of a face."""

import math

from facealign.geometry import CropTransform, box_size
from facealign.types import Floats

CROP_STEPS, ANGLE_STEPS = 1024, 8
"""A crop lies on a grid: at least this many steps a side, and this many a degree.

Boxes differ in their last bits from processor to processor. One gray level of one pixel is enough
to move the rounding in an 8-bit network, and points by up to 0.2 pixels; on the grid the crop stays
the same.
"""


def face_crop(box: Floats, size: int, margin: float, angle: float = 0.0) -> CropTransform:
    """The crop that a network sees of a face: `CropTransform.from_box`, on the grid."""
    centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
    return on_grid(centre, box_size(box) * (1 + 2 * margin), size, angle)


def on_grid(centre: tuple[float, float], side: float, size: int, angle: float) -> CropTransform:
    """The square of `side` image pixels around `centre`, on the grid."""
    step = 2.0 ** math.floor(math.log2(side / CROP_STEPS))
    x, y, side = (round(value / step) * step for value in (*centre, side))
    angle = round(angle * ANGLE_STEPS) / ANGLE_STEPS
    return CropTransform.from_square((x, y), side, size, angle)
