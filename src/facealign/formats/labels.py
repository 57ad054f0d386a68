"""One labelled face of a label file, before it becomes a `Sample` (datasets/) or a `Face`.

A reader of labels, such as `coco.read_labels`, takes the file and the point scheme, and yields one
function for each face. Calling it, before the next is taken, parses the face or raises `DataError`:
so one bad record does not stop the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facealign.face import Face
from facealign.formats.json import build_face
from facealign.markup import Markup

ALL = "all"
"""The subset that holds every face of a label file."""


@dataclass(frozen=True, eq=False)
class Label:
    """One face of a label file.

    Attributes:
        place: file and record, for messages.
        id: names the face within the file, stable between runs.
        image: path of the image as the file writes it, relative to the file or its folder.
        points: (K, 2) float64 x y, image pixels, 0-based; anything where `labelled` is False.
        labelled: (K,) bool, the point's place is known.
        occluded: (K,) bool, the point is covered; None where the file does not say.
        box: x0 y0 x1 y1, image pixels, 0-based; None where the file has none.

    """

    place: str
    id: str
    image: str
    points: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    occluded: NDArray[np.bool_] | None = None
    box: Sequence[float] | None = None

    def to_face(self, score: Any, markup: str, scores: ArrayLike | None = None) -> Face:
        """The label as a result. Without a box, the box of the points.

        Raises:
            ValueError, TypeError: a point is not labelled, or as in `build_face`.

        """
        if not self.labelled.all():
            missing = ", ".join(str(i) for i in np.flatnonzero(~self.labelled)[:5])
            raise ValueError(f"no place is known for point {missing}; results need every point's")
        corners = [*self.points.min(axis=0), *self.points.max(axis=0)]
        covered = None if self.occluded is None or not self.occluded.any() else self.occluded
        return build_face(
            corners if self.box is None else self.box,
            score,
            self.points,
            markup,
            scores=None if scores is None else np.asarray(scores, np.float32),
            visible=None if covered is None else ~covered,
        )


ParseLabel = Callable[[], Label]
"""Parses one face; raises DataError for a bad record."""


@dataclass(frozen=True, kw_only=True)
class LabelReader:
    """How the labels of a format are read.

    Attributes:
        title: the format in print.
        read: (file or folder, point scheme, subset) → a `ParseLabel` for each face. Raises
            DataError where the file as a whole cannot be read.
        subsets: (file or folder) → the subsets that it names besides "all".
        origin: what the format calls the centre of the first pixel, 0 or 1; the reader shifts.
        images_apart: the images may be in another folder than the labels.

    """

    title: str
    read: Callable[[Path, Markup, str], Iterator[ParseLabel]]
    subsets: Callable[[Path], Iterable[str]] = lambda path: ()
    origin: int = 0
    images_apart: bool = True
