"""Faces as label tools write them: points with names, or with numbers, in any order.

A tool's module yields the images of a file; `NamedTool` makes of them a data set, results, and,
where the names say anything, a point scheme.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facealign.errors import DataError, FaceAlignError
from facealign.face import ImageResult
from facealign.files import parsing
from facealign.formats.json import build_result
from facealign.formats.labels import (
    ALL,
    DEFAULT_MARKUP,
    Label,
    LabelReader,
    ParseLabel,
    named_after,
    other_names,
    scheme_of,
    to_faces,
)
from facealign.geometry import box_of_points, to_box
from facealign.markup import Markup, load_markup, scheme_of_dict
from facealign.problems import report
from facealign.types import Box

LOG = logging.getLogger(__name__)
RARE = 10
"""A name on this many times fewer faces than another may be a typo."""
Pair = Sequence[float]


@dataclass(frozen=True, kw_only=True)
class NamedFace:
    """A face of a label file.

    Attributes:
        place, id: as in `Label`, like box, score, confidence, frame and track.
        names: of the points that are placed.
        points: x, y of each in image pixels, 0-based.
        occluded: whether each is covered; empty where the tool does not say.
        kind: what the tool calls such a face; the name of a point scheme where it is one.
        fault: why this is no face; empty where it is one.
        in_full: a tool without names must place every point.
    """

    place: str = ""
    id: str = ""
    names: Sequence[str] = ()
    points: Sequence[Pair] = ()
    occluded: Sequence[bool] = ()
    box: Sequence[float] | None = None
    kind: str = "face"
    score: Any = 1.0
    confidence: Any = None
    fault: str = ""
    in_full: bool = False
    frame: int | None = None
    track: int | None = None

    def to_label(self, image: str, scheme: Markup, first: int) -> Label:
        """The face with its points in the order of the point scheme.

        Raises:
            DataError: it has no points, one twice, or one that the scheme does not have.
        """
        if self.fault or not self.names:
            raise DataError(f"{self.place}: {self.fault or 'no point is marked (only a box)'}")
        if self.in_full and len(self.names) != scheme.count:
            raise DataError(
                f"{self.place}: {len(self.names)} points, but the markup {scheme.name} has "
                f"{scheme.count}: name the right one with --markup (a name, or a .toml file)"
            )
        points = np.zeros((scheme.count, 2))
        labelled, covered = np.zeros((2, scheme.count), np.bool_)
        states = self.occluded or [False] * len(self.names)
        for name, point, state in zip(self.names, self.points, states, strict=True):
            with parsing(self.place):
                index = scheme.index_of(name, first)
            if labelled[index]:
                raise DataError(f'{self.place}: two points called "{name}"')
            points[index], labelled[index], covered[index] = point, True, state
        return Label(
            *(self.place, self.id, image, points, labelled, scheme.name),
            occluded=covered if self.occluded else None,
            box=self.box,
            score=self.score,
            confidence=self.confidence,
            frame=self.frame,
            track=self.track,
        )


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """An image of a label file.

    Attributes:
        name: its path as the file writes it.
        width, height: in pixels; None where the file does not say.
        faces: on it.
        markup: a point scheme that the file carries, `Markup.to_dict`.
        frame: of a video.
    """

    name: str
    width: int | None = None
    height: int | None = None
    faces: Sequence[NamedFace] = ()
    markup: Mapping[str, Any] | None = None
    frame: int | None = None


def face_or_fault(
    place: str,
    id: str,
    parse: Callable[..., NamedFace],
    *record: Any,
    needs: str = "a number is missing, or is not one",
) -> NamedFace:
    """What `parse` makes of a record; of a damaged one its fault, with what it `needs`."""
    try:
        with parsing(place, needs):
            return replace(parse(*record), place=place, id=id)
    except DataError as error:
        return NamedFace(place=place, id=id, fault=str(error).removeprefix(f"{place}: "))


def image_or_fault(
    place: str, needs: str, parse: Callable[..., LabelledImage], *record: Any
) -> LabelledImage:
    """The same of an image, which has no name if it is damaged as a whole."""
    try:
        with parsing(place, needs):
            return parse(*record)
    except FaceAlignError as error:
        fault = str(error).removeprefix(f"{place}: ")
        return LabelledImage(name="", faces=[NamedFace(place=place, fault=fault)])


@dataclass(frozen=True, kw_only=True)
class NamedTool:
    """How the files of a tool are read.

    Attributes:
        title: the tool in print.
        images: (file or folder, subset) → its images; raises DataError where the file as a whole
            cannot be read, or is not the tool's.
        first: what the first point is called where points are numbered; None: 0 where any face
            has a point 0, else 1.
        subsets: (file or folder) → the subsets that it names besides "all".
        declared: (file or folder) → the point scheme that it declares, None where it declares none.
        check: (file or folder, point scheme asked for) raises DataError where it says otherwise.
    """

    title: str
    images: Callable[[Path, str], Iterable[LabelledImage]]
    first: int | None = None
    subsets: Callable[[Path], Iterable[str]] = lambda path: ()
    declared: Callable[[Path], Markup | None] = lambda path: None
    check: Callable[[Path, Markup], object] = lambda path, scheme: None

    @property
    def labels(self) -> LabelReader:
        """How it is read as a data set."""
        return LabelReader(
            title=self.title,
            read=self.read_labels,
            schemes=self.schemes,
            subsets=self.subsets,
            read_boxes=self.read_boxes,
        )

    def read_boxes(self, path: Path) -> dict[str, list[Box]]:
        """The boxes of each image by its name: the faces' own, else those of their points."""
        found: dict[str, list[Box]] = {}
        for image in self.images(path, ALL):
            here = found.setdefault(image.name, [])
            for face in image.faces:
                if face.fault:
                    report(f"{face.place}: {face.fault}")
                    continue
                with parsing(face.place):
                    points = np.array(face.points, np.float32).reshape(-1, 2)
                    here.append(box_of_points(points) if face.box is None else to_box(face.box))
        return found

    def schemes(self, path: Path) -> list[Markup]:
        """The point schemes of the file: what it declares, carries, or its names make."""
        kinds = _kinds(self.images(path, ALL), path).items()
        found = [self.declared(path) or scheme_of(*kind, str(path)) for kind in kinds]
        return list(dict.fromkeys(scheme for scheme in found if scheme))

    def read_labels(self, path: Path, scheme: Markup, subset: str) -> Iterator[ParseLabel]:
        """The faces; an image without one is reported.

        Raises:
            DataError: the file names no point of the scheme.
        """
        self.check(path, scheme)
        images = list(self.images(path, subset))
        first, names = self._first(images), _names(images)
        if names and not any(n.isdecimal() or scheme.find(n) is not None for n in names):
            raise other_names(str(path), names, scheme, scheme.names)
        for image in images:
            if not image.faces:
                report(f"{path}: {image.name}: has no points")
            for face in image.faces:
                yield partial(face.to_label, image.name, scheme, first)

    def read_results(self, path: Path, markup: str | None) -> Iterator[ImageResult]:
        """The results; a face without every point is reported.

        `markup` is the point scheme of faces whose kind names none; None takes their names.
        """
        images = list(self.images(path, ALL))
        first, default = self._first(images), load_markup(markup or DEFAULT_MARKUP)
        schemes: dict[str, Markup] = {}
        for kind, names in _kinds(images, path).items():
            own = None if markup else self.declared(path) or scheme_of(kind, names, str(path))
            schemes[kind] = named_after(kind, names) or own or default
        for image in images:
            found = to_faces(
                partial(face.to_label, image.name, schemes.get(face.kind, default), first)
                for face in image.faces
            )
            if image.name:  # else a record that is damaged as a whole
                with parsing(f"{path}: {image.name}"):  # 0 is how some say that it is not known
                    size = image.width or None, image.height or None
                    result = build_result(image.name, *size, found, frame=image.frame)
                yield result

    def _first(self, images: Iterable[LabelledImage]) -> int:
        guessed = 0 if {"0", "00"} & set(_names(images)) else 1
        return guessed if self.first is None else self.first


def _names(images: Iterable[LabelledImage]) -> list[str]:
    """The names of all points, each once, in the order of their first use."""
    names = (name for image in images for face in image.faces for name in face.names)
    return list(dict.fromkeys(names))


def _kinds(images: Iterable[LabelledImage], path: Path) -> dict[str, list[str]]:
    """Kind of face → the names of its points; point schemes that the file carries become known.

    A name on few faces, which may be a typo, is logged as a warning.
    """
    kinds: dict[str, Counter[str]] = {}
    for image in images:
        if image.markup:
            scheme_of_dict(image.markup, str(path))
        for face in image.faces:
            if face.names:
                kinds.setdefault(face.kind, Counter()).update(face.names)
    for names in kinds.values():
        most = max(names.values())
        for name, count in names.items():
            if count * RARE < most:
                found = path, name, count, most
                LOG.warning('%s: "%s" is marked on %d of %d faces: a typo?', *found)
    return {kind: list(names) for kind, names in kinds.items()}
