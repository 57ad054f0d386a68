"""One labelled face of a label file, before it becomes a `Sample` (datasets/) or a `Face`.

A reader of labels, such as `coco.read_labels`, takes the file and the point scheme, and yields one
function for each face. Calling it, before the next is taken, parses the face or raises `DataError`:
so one bad record does not stop the rest.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.files import is_folder, parsing
from facealign.formats.json import build_face
from facealign.markup import MARKUPS, Markup, known_markup, load_markup, scheme_of_names
from facealign.problems import report
from facealign.types import Box, Doubles

OF_POINTS = "of the points"
"""The boxes of labels that have none of their own: the tightest around the points."""
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
        frame: number of the picture within a video, from 0; None for an image.
        track: number of the face within its video; None in an image.
        confidence: of the face, where the file holds results.
    """

    place: str
    id: str
    image: str
    points: Doubles
    labelled: NDArray[np.bool_]
    markup: str
    occluded: NDArray[np.bool_] | None = None
    box: Sequence[float] | None = None
    score: Any = 1.0
    scores: ArrayLike | None = None
    frame: int | None = None
    track: int | None = None
    confidence: Any = None

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
                confidence=self.confidence,
                visible=None if covered is None else ~covered,
                track=self.track,
            )


ParseLabel = Callable[[], Label]
"""Parses one face; raises DataError for a bad record."""


def to_faces(records: Iterable[ParseLabel]) -> list[Face]:
    """The records as results; a bad one is reported (`facealign.problems`)."""
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
        read: (file or folder, point scheme, subset) → a `ParseLabel` for each face; raises
            DataError where the file as a whole cannot be read, or does not fit the point scheme.
        schemes: (file or folder) → the point schemes that it names itself; raises DataError where
            its names are none.
        subsets: (file or folder) → the subsets that it names beside "all".
        read_boxes: (file or folder) → the boxes of each image by its name, also of faces without
            points; None where the results say them.
        origin: what the format calls the centre of the first pixel, 0 or 1; the reader shifts.
        images_apart: the images may be in another folder than the labels.
        boxes: where they come from, in words.
    """

    title: str
    read: Callable[[Path, Markup, str], Iterator[ParseLabel]]
    schemes: Callable[[Path], Sequence[Markup]] = lambda path: ()
    subsets: Callable[[Path], Iterable[str]] = lambda path: ()
    read_boxes: Callable[[Path], Mapping[str, list[Box]]] | None = None
    origin: int = 0
    images_apart: bool = True
    boxes: str = f"of the file, else {OF_POINTS}"

    def scheme_of(self, path: Path, markup: str | None) -> Markup:
        """The point scheme asked for, else the one that the labels name, else ibug68.

        Raises:
            DataError: the labels name several, or they cannot be read; no such scheme.
        """
        own = () if known_markup(markup) else self.schemes(path)  # by whose names it may be called
        if markup is None and len(own) > 1:
            names = ", ".join(f"{scheme.name} ({scheme.count} points)" for scheme in own)
            raise DataError(f"{path}: holds several point schemes, {names}: say which by --markup")
        return load_markup(markup or (own[0].name if own else DEFAULT_MARKUP))


def results_as_labels(
    title: str, read: Callable[[Path, str | None], Iterator[ImageResult]]
) -> LabelReader:
    """How results are read as a data set: each face is a labelled one, in its box.

    `read` takes a path, and a markup where the file does not say.
    """

    def read_labels(path: Path, scheme: Markup, subset: str) -> Iterator[ParseLabel]:
        for result in read(path, scheme.name):
            if result.error:
                report(f"{path}: {result.source}: {result.error}")
            for number, face in enumerate(result.faces, 1):
                yield partial(_as_label, face, number, result, path, scheme)

    def schemes(path: Path) -> list[Markup]:
        if is_folder(path) and not any(path.iterdir()):
            raise DataError(f"{path}: holds no results")
        names = (face.markup for result in read(path, None) for face in result.faces)
        return [load_markup(name) for name in dict.fromkeys(names)]

    return LabelReader(title=title, read=read_labels, schemes=schemes)


def _as_label(face: Face, number: int, result: ImageResult, path: Path, scheme: Markup) -> Label:
    place, source = f"{path}: {result.source}, face {number}", result.source
    id = f"{source}#{number}" + ("" if result.frame is None else f"@{result.frame}")
    try:
        same = face.to(scheme.name)
    except DataError as error:
        raise DataError(f"{place}: {error}") from None
    return Label(
        *(place, id, source, same.landmarks.astype(np.float64)),
        labelled=np.ones(scheme.count, np.bool_),
        markup=scheme.name,
        occluded=None if same.visible is None else ~same.visible,
        box=face.box.tolist(),
        frame=result.frame,
        track=face.track,
    )


def order_of(names: Sequence[str], scheme: Markup, place: str) -> list[int]:
    """(K,) Which of the points that a file names is which of the point scheme.

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
    if lacking := [name for i, name in enumerate(scheme.names) if i not in found]:
        raise other_names(place, names, scheme, lacking)
    return [found.index(i) for i in range(scheme.count)]


def other_names(
    place: str, names: Sequence[str], scheme: Markup, lacking: Sequence[str]
) -> DataError:
    """The error that a file names other points than a point scheme, which `lacking` are of."""
    words, others = (", ".join(some[:5]) + ", …" * (len(some) > 5) for some in (names, lacking))
    return DataError(
        f"{place}: names the points {words}, and {scheme.name} has others: {others}; leave "
        "--markup out to take the names of the file, or give the right one"
    )


def say_nothing(names: Sequence[str]) -> bool:
    """Whether the names of points are but numbers.

    >>> say_nothing(["1", "2", "3"]), say_nothing(["kp_0", "kp_1"]), say_nothing(["eye_1", "ear_1"])
    (True, True, False)
    """
    found = [NUMBERED.fullmatch(name) for name in names]
    return len({match and match[1] for match in found}) == 1 and None not in found


def scheme_of(
    kind: str, names: Sequence[str], place: str, skeleton: Iterable[tuple[str, str]] = ()
) -> Markup | None:
    """The point scheme that a file gives faces of a kind; None where their names say nothing.

    Raises:
        DataError: it cannot be told which points change places in a mirrored photo.
    """
    if named := named_after(kind, names):
        return named
    if not names or say_nothing(names):
        return None
    return scheme_of_names(kind, names, place, skeleton=skeleton)


def named_after(kind: str, points: Iterable[str]) -> Markup | None:
    """The point scheme that a file calls its faces after, if it has such points."""
    if not known_markup(kind):
        return None
    scheme = load_markup(kind)
    numbers = kind in MARKUPS  # a scheme that is not built in may be another file's
    fits = [scheme.find(p) is not None or (numbers and p.isdecimal()) for p in points]
    return scheme if all(fits) and (fits or numbers) else None
