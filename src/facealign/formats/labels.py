"""One labelled face of a label file, before it becomes a `Sample` (datasets/) or a `Face`.

A reader of labels, such as `coco.read_labels`, takes the file and the point scheme, and yields one
function for each face. Calling it, before the next is taken, parses the face or raises `DataError`:
so one bad record does not stop the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facealign.errors import DataError
from facealign.face import Face
from facealign.files import parsing
from facealign.formats.json import build_face
from facealign.markup import Markup, load_markup
from facealign.problems import report

ALL = "all"
"""The subset that holds every face of a label file."""
DEFAULT_MARKUP = "ibug68"
"""The point scheme where neither the file nor the user names one."""
NUMBERED = re.compile(r"(.*?)\d+")
"""A name that says nothing but a number: "7", "kp_7"."""


@dataclass(frozen=True, eq=False)
class Label:
    """One face of a label file.

    Attributes:
        place: file and record, for messages.
        id: names the face within the file, stable between runs.
        image: path of the image as the file writes it, relative to the file or its folder.
        points: (K, 2) float64 x y, image pixels, 0-based; anything where `labelled` is False.
        labelled: (K,) bool, the point's place is known.
        markup: name of the point scheme.
        occluded: (K,) bool, the point is covered; None where the file does not say.
        box: x0 y0 x1 y1, image pixels, 0-based; None where the file has none.
        score: the detector's, where the file holds results.
        scores: (K,) of the points, where the file holds results.

    """

    place: str
    id: str
    image: str
    points: NDArray[np.float64]
    labelled: NDArray[np.bool_]
    markup: str
    occluded: NDArray[np.bool_] | None = None
    box: Sequence[float] | None = None
    score: Any = 1.0
    scores: ArrayLike | None = None

    def to_face(self) -> Face:
        """The label as a result. Without a box, the box of the points.

        Raises:
            DataError: a point is not labelled, or as in `build_face`.

        """
        if not self.labelled.all():
            missing = ", ".join(str(i) for i in np.flatnonzero(~self.labelled)[:5])
            raise DataError(
                f"{self.place}: no place is known for point {missing}; results need every point's"
            )
        covered = None if self.occluded is None or not self.occluded.any() else self.occluded
        with parsing(self.place):
            corners = [*self.points.min(axis=0), *self.points.max(axis=0)]
            return build_face(
                corners if self.box is None else self.box,
                self.score,
                self.points,
                self.markup,
                scores=self.scores,
                visible=None if covered is None else ~covered,
            )


ParseLabel = Callable[[], Label]
"""Parses one face; raises DataError for a bad record."""


def to_faces(records: Iterable[ParseLabel]) -> list[Face]:
    """The records as results; one that is none is reported (`facealign.problems`)."""
    faces = []
    for parse in records:
        try:
            faces.append(parse().to_face())
        except DataError as error:
            report(str(error))
    return faces


@dataclass(frozen=True, kw_only=True)
class LabelReader:
    """How the labels of a format are read.

    Attributes:
        title: the format in print.
        read: (file or folder, point scheme, subset) → a `ParseLabel` for each face. Raises
            DataError where the file as a whole cannot be read.
        schemes: (file or folder) → the point schemes that it names itself.
        subsets: (file or folder) → the subsets that it names beside "all".
        origin: what the format calls the centre of the first pixel, 0 or 1; the reader shifts.
        images_apart: the images may be in another folder than the labels.

    """

    title: str
    read: Callable[[Path, Markup, str], Iterator[ParseLabel]]
    schemes: Callable[[Path], Sequence[Markup]] = lambda path: ()
    subsets: Callable[[Path], Iterable[str]] = lambda path: ()
    origin: int = 0
    images_apart: bool = True

    def scheme_of(self, path: Path, markup: str | None) -> Markup:
        """The point scheme asked for, else the one that the labels name, else ibug68.

        Raises:
            DataError: the labels name several, or they cannot be read; no such scheme.

        """
        own = self.schemes(path) if markup is None or not markup.endswith(".toml") else ()
        if markup is None and len(own) > 1:
            names = ", ".join(f"{scheme.name} ({scheme.count} points)" for scheme in own)
            raise DataError(f"{path}: holds several point schemes, {names}: say which by --markup")
        return load_markup(markup or (own[0].name if own else DEFAULT_MARKUP))


def places_of(names: Sequence[str], scheme: Markup, place: str) -> list[int | None]:
    """Where each point that a file names stands in the point scheme; None where it does not.

    Names that say nothing, such as "1" or "kp_1", keep their order.

    Raises:
        DataError: the scheme has points that the file does not name; the message starts with
            `place`.

    """
    if say_nothing(names):
        if len(names) == scheme.count:
            return list(range(scheme.count))
        raise DataError(f"{place}: names {len(names)} points, but {scheme.name} has {scheme.count}")
    found = [scheme.find(name) for name in names]
    if lacking := sorted(set(range(scheme.count)).difference(i for i in found if i is not None)):
        raise DataError(
            f"{place}: names the points {_some(names)}, and {scheme.name} has others: "
            f"{_some([scheme.names[i] for i in lacking])}; leave --markup out to take the names of "
            "the file, or give the right one"
        )
    return found


def in_order(values: ArrayLike, places: Sequence[int | None]) -> NDArray[np.float64]:
    """The values of a file's points, (K', …), in the order of the point scheme, (K, …).

    Args:
        values: one for each point that the file names.
        places: of `places_of`.

    Raises:
        ValueError: another number of values.

    """
    order = [places.index(i) for i in range(sum(place is not None for place in places))]
    rows = np.asarray(values, np.float64)
    if len(rows) != len(places):
        raise ValueError(f"{len(rows)} values")
    return np.asarray(rows[order])


def say_nothing(names: Sequence[str]) -> bool:
    """Whether the names of points are but numbers.

    >>> say_nothing(["1", "2", "3"]), say_nothing(["kp_0", "kp_1"]), say_nothing(["eye_1", "ear_1"])
    (True, True, False)

    """
    found = [NUMBERED.fullmatch(name) for name in names]
    return len({match and match[1] for match in found}) == 1 and None not in found


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
