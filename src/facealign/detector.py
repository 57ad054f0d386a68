"""Faces in an image: the `Detector` protocol, its result, and `WholeImage`."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from facealign.geometry import whole_image_box
from facealign.types import Floats, Pixels


@dataclass(frozen=True, eq=False)
class Detections:
    """The faces found, the highest score first.

    Attributes:
        boxes: (N, 4) float32, x0 y0 x1 y1 in image pixels.
        scores: (N,) float32 in 0..1.
    """

    boxes: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def none(cls) -> "Detections":
        """No face."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


class Detector(Protocol):
    """Finds faces. Pass your own to `FaceAligner(detector=…)`."""

    def detect(self, image: Pixels) -> Detections:
        """Find faces in an (H, W, 3) RGB uint8 image."""
        ...


class WholeImage:
    """Takes every image as one tight face crop."""

    def detect(self, image: Pixels) -> Detections:
        """One box: the whole image."""
        box = whole_image_box(image.shape[1], image.shape[0])
        return Detections(box[None], np.ones(1, np.float32))
