"""The two things that travel through facealign: a `Face` found, a `Sample` labelled."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
"""(K, 2) x, y in image pixels; (0, 0) is the centre of the top-left pixel."""
Box = NDArray[np.float32]
"""(4,) x0, y0, x1, y1 in image pixels, the same frame as the points."""
Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB."""
Mask = NDArray[np.bool_]
"""(K,) one flag a point."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face of one image.

    Attributes:
        box: (4,) float32, x0 y0 x1 y1 in image pixels, as the detector or the caller gave it.
        score: the detector's confidence in 0..1; 1.0 for a box that was given.
        landmarks: (K, 2) float32, x y in image pixels; may lie outside the image.
        markup: the name of the point scheme, such as ``"ibug68"``.
        attention: (S, H, W) float32 in 0..1, the attention map of each stage, over the crop and
            resized to the network's input; only when asked for, else None.
        scores: (K,) float32 in 0..1, the confidence in each point; None where the model gives none.
        visible: (K,) bool, whether each point is seen and not covered; None where the model does
            not say.

    """

    box: Box
    score: float
    landmarks: Points
    markup: str
    attention: NDArray[np.float32] | None = field(default=None, repr=False)
    scores: NDArray[np.float32] | None = field(default=None, repr=False)
    visible: Mask | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The face as plain numbers, ready for JSON (schema ``facealign/1``)."""
        entry: dict[str, Any] = {
            "box": [round(float(v), 3) for v in self.box],
            "score": round(float(self.score), 4),
            "markup": self.markup,
            "landmarks": [[round(float(x), 3), round(float(y), 3)] for x, y in self.landmarks],
        }
        if self.scores is not None:
            entry["scores"] = [round(float(score), 4) for score in self.scores]
        if self.visible is not None:
            entry["visible"] = [bool(flag) for flag in self.visible]
        return entry


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled face of a data set.

    Attributes:
        id: names the face within its data set, stable between runs ("helen/testset/1.jpg").
        image: the file; where it holds many pictures (a video, COFW's .mat), `frame` says which.
        landmarks: (K, 2) float32, x y in image pixels, 0-based; finite, but without meaning
            where `visible` is False.
        visible: (K,) bool, the point's place is known; one that is not takes part in no loss
            and no metric.
        box: (4,) float32, x0 y0 x1 y1, from `box_source`; never from the true points unless
            `box_source` says so.
        box_source: where the box comes from: "official", "detector", "landmarks", "image".
        markup: the name of the point scheme.
        group: faces of one image or person share it, and so never part in a split.
        occluded: (K,) bool, labelled as covered, its place known or not; None where the data set
            does not say.
        frame: number of the picture within the file, from 0; None where the file is one picture.

    """

    id: str
    image: Path
    landmarks: Points
    visible: Mask
    box: Box
    box_source: str
    markup: str
    group: str
    occluded: Mask | None = None
    frame: int | None = None


@dataclass(frozen=True, eq=False)
class ImageResult:
    """What came of one image.

    Attributes:
        source: the path as it was given.
        width, height: of the upright image, in pixels; None where it could not be read.
        faces: what was found; empty when there is none.
        error: why the image could not be done, else None.

    """

    source: str
    width: int | None
    height: int | None
    faces: list[Face]
    error: str | None = None
