"""What the network says about faces, row by row, and where it looked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facealign.aligner.confidence import percentile
from facealign.geometry import CropTransform
from facealign.types import Box, Floats, Pixels

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
