"""What the network sees of faces, their crops, and what it says about them, row by row."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facealign.aligner.confidence import percentile
from facealign.geometry import CropTransform, box_size
from facealign.types import Box, Floats, Pixels

CROP_STEPS, ANGLE_STEPS = 1024, 8
"""A crop lies on a grid: at least this many steps a side, and this many a degree.

Boxes differ in their last bits from processor to processor. One gray level of one pixel is enough
to move the rounding in an 8-bit network, and points by up to 0.2 pixels; on the grid the crop stays
the same.
"""
SURER = 75
"""Percentile of a face's point scores that says how sure the network is of it: one that no mask
lowers, as it takes the surest points to be unsure, too."""

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Views:
    """Looks at B faces.

    Attributes:
        images: in which they are, (H, W, 3) each.
        boxes: (4,) each, in image pixels.
        crops: that the network saw.
        values: its outputs by name, (B, …) each, the landmarks in image pixels.
    """

    images: list[Pixels]
    boxes: list[Box]
    crops: list[CropTransform]
    values: dict[str, Floats]

    def rows(self, rows: Rows) -> "Views":
        """Some of the faces."""
        values = {name: value[rows] for name, value in self.values.items()}
        images, boxes, crops = self.images, self.boxes, self.crops
        some = rows.tolist()
        return Views(
            [images[n] for n in some], [boxes[n] for n in some], [crops[n] for n in some], values
        )

    def put(self, rows: Rows, others: "Views") -> None:
        """Replace these rows with the looks of others."""
        for n, box, crop in zip(rows, others.boxes, others.crops, strict=True):
            self.boxes[n], self.crops[n] = box, crop
        for name, value in others.values.items():
            self.values[name][rows] = value

    def sureness(self) -> Floats:
        """(B,) how sure the network is of each face, 0..1."""
        return percentile(np.sort(self.values["scores"], axis=1), SURER).astype(np.float32)


See = Callable[[Sequence[Pixels], Sequence[Box], Sequence[CropTransform]], Views]
"""Images, and of each a box and a crop → what the network says."""


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
