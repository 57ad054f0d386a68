"""Names of array types, and `Sample`: one labelled face of a data set."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
"""(K, 2) x, y in image pixels; (0, 0) is the centre of the top-left pixel."""
Box = NDArray[np.float32]
"""(4,) x0, y0, x1, y1 in image pixels, in the frame of the points."""
Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB."""
Mask = NDArray[np.bool_]
"""(K,) one flag for each point."""
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
"""Both of any shape, which the docstring says."""
MOST_THREADS = 1024
"""Of one run; more are a slip, and a million end the process."""

Item = TypeVar("Item")


class Progress(Protocol):
    """Wraps the items of a long job and shows how far it has come, as `tqdm.tqdm` does."""

    def __call__(self, items: Iterable[Item], /, *, total: int | None = None) -> Iterable[Item]:
        """The same items, in order."""
        ...


def silent(items: Iterable[Item], /, *, total: int | None = None) -> Iterable[Item]:
    """A `Progress` that shows nothing."""
    return items


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled face of a data set.

    Attributes:
        id: names the face within its data set, stable between runs ("helen/testset/1.jpg").
        image: the file; if it holds many pictures (a video, COFW's .mat), `frame` says which.
        landmarks: (K, 2) float32, x y in image pixels, 0-based; finite, but meaningless
            where `labelled` is False.
        labelled: (K,) bool, the place of the point is known; other points take part in no loss
            and no metric.
        box: (4,) float32, x0 y0 x1 y1, from `box_source`; from the true points only if
            `box_source` says so.
        box_source: where the box comes from: "official", "detector", "landmarks", "image".
        markup: the name of the point scheme.
        group: shared by the faces of one image or person, which a split keeps together.
        occluded: (K,) bool, labelled as covered, its place known or not; None if the data set
            does not say.
        frame: number of the picture within the file, from 0; None if the file is one picture.
    """

    id: str
    image: Path
    landmarks: Points
    labelled: Mask
    box: Box
    box_source: str
    markup: str
    group: str
    occluded: Mask | None = None
    frame: int | None = None
