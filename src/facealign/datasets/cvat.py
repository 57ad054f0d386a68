"""CVAT for images 1.1: a face is a `<skeleton>` of points, or one `<points points="x,y;x,y…">`.

A skeleton's points are called by number from 1, or by the names of the point scheme; `outside="1"`
is a point of unknown place, `occluded="1"` a covered one. The box is the `<box>` of the same
`group_id`; or the image's only one, where it has one face; else that of the points.

CVAT measures from the image's corner: its (0.5, 0.5) is the first pixel's centre, our (0, 0).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facealign.datasets.own import (
    ALL,
    DEFAULT_MARKUP,
    find_image,
    own_dataset,
    point_index,
    read_xml,
)
from facealign.datasets.reading import Reading, build_sample, check_subset, collect
from facealign.errors import DataError
from facealign.markup import load_markup
from facealign.types import Sample

Record = tuple[ET.Element, int, ET.Element]
"""The image, number of the face on it (from 1), its skeleton or points."""


def read_cvat(
    root: Path, subset: str = ALL, markup: str = DEFAULT_MARKUP, images: str | None = None
) -> Reading:
    """The faces of a CVAT file; an image without a face is a problem.

    Args:
        root: the XML file.
        subset: "all".
        markup: the point scheme.
        images: their folder, relative to the file; None looks in the usual places.

    Raises:
        DataError: the file cannot be read or is not "CVAT for images", or no such subset or markup.

    """
    check_subset("cvat", subset, (ALL,))
    load_markup(markup)
    top = read_xml(root, "annotations")
    if top.find("track") is not None:
        raise DataError(f'{root}: holds tracks of a video; export it as "CVAT for images 1.1"')
    records: list[Record] = []
    problems: list[str] = []
    for image in top.iterfind("image"):
        faces = [*image.iterfind("skeleton"), *image.iterfind("points")]
        records += [(image, number, face) for number, face in enumerate(faces, 1)]
        if not faces:
            problems.append(f"{root}: {image.get('name')}: has no points")
    samples, bad = collect(records, lambda record: _build(root, record, markup, images))
    return Reading("cvat", subset, samples, problems + bad)


def _build(path: Path, record: Record, markup: str, images: str | None) -> Sample:
    image, number, face = record
    name = image.get("name", "")
    place = f"{path}: {name}, face {number}"
    try:
        points, visible, occluded = (
            _skeleton(place, face, markup) if face.tag == "skeleton" else _row_of_points(face)
        )
        box = _box(image, face)
    except (KeyError, ValueError) as error:
        raise DataError(f"{place}: a number is missing or is none ({error})") from None
    return build_sample(
        place,
        id=f"{name}#{number}",
        image=find_image(path, name, images),
        landmarks=points - 0.5,
        visible=visible if len(visible) == len(points) else None,
        occluded=occluded,
        markup=markup,
        box=box,
        group=name,
    )


Labels = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]
"""(K, 2) points in CVAT's frame, (K,) visible, (K,) occluded."""


def _skeleton(place: str, face: ET.Element, markup: str) -> Labels:
    scheme = load_markup(markup)
    points = np.zeros((scheme.count, 2))
    visible, occluded = np.zeros((2, scheme.count), np.bool_)
    for point in face.iterfind("points"):
        index = point_index(place, point.get("label", ""), scheme, first=1)
        points[index] = _pairs(point)[0]
        visible[index] = point.get("outside") != "1"
        occluded[index] = point.get("occluded") == "1"
    return points, visible, occluded


def _row_of_points(face: ET.Element) -> Labels:
    points = np.array(_pairs(face))
    everywhere = np.ones(len(points), np.bool_)
    return points, everywhere, everywhere & (face.get("occluded") == "1")


def _pairs(element: ET.Element) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in element.attrib["points"].split(";")]
    return [(float(x), float(y)) for x, y in pairs]


def _box(image: ET.Element, face: ET.Element) -> list[float] | None:
    boxes = list(image.iterfind("box"))
    faces = len(image.findall("skeleton")) + len(image.findall("points"))
    group = face.get("group_id")
    if group:
        boxes = [box for box in boxes if box.get("group_id") == group]
    if len(boxes) != 1 or not (group or faces == 1):
        return None
    return [float(boxes[0].attrib[key]) - 0.5 for key in ("xtl", "ytl", "xbr", "ybr")]


DATASET = own_dataset("cvat", "CVAT for images 1.1 (XML)", read_cvat)
