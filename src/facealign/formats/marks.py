"""A face as a label file has it: what COCO and CVAT say of points, before any of it is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facealign.face import Face
from facealign.formats.json import build_face


@dataclass(frozen=True, eq=False)
class Marks:
    """One face of a label file.

    Attributes:
        points: (K, 2) float64 x y, image pixels, 0-based; anything where `placed` is False.
        placed: (K,) bool, the point's place is known.
        occluded: (K,) bool, the point is covered.
        box: x0 y0 x1 y1, image pixels, 0-based; None where the file has none.

    """

    points: NDArray[np.float64]
    placed: NDArray[np.bool_]
    occluded: NDArray[np.bool_]
    box: Sequence[float] | None

    def to_face(self, score: Any, markup: str, scores: ArrayLike | None = None) -> Face:
        """The face of a result, where each point has a place; without a box in that of its points.

        Raises:
            ValueError, TypeError: a point has no place, or as `build_face` has it.

        """
        if not self.placed.all():
            missing = ", ".join(str(i) for i in np.flatnonzero(~self.placed)[:5])
            raise ValueError(f"no place is known for point {missing}; results need every point's")
        corners = [*self.points.min(axis=0), *self.points.max(axis=0)]
        return build_face(
            corners if self.box is None else self.box,
            score,
            self.points,
            markup,
            scores=None if scores is None else np.asarray(scores, np.float32),
            visible=~self.occluded if self.occluded.any() else None,
        )
