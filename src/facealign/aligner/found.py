"""Faces of an image before their landmarks: `Found`."""

import math
from dataclasses import dataclass

import numpy as np

from facealign.geometry import box_size
from facealign.types import Box, Floats, Pixels


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
