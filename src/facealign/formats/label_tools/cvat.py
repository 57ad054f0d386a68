"""CVAT for images 1.1 (`.xml`): a face is a `<skeleton>`, or one `<points points="x,y;x,y…">`.

The points of a skeleton are numbered from 1, or have the names of the point scheme; `outside="1"`
is a point that is not labelled, which results never have, `occluded="1"` a covered one. The box is
the `<box>` with the same `group_id`, or the only one of an image with one face. Labels without one
have the box of their labelled points.

Results have a box and a skeleton for each face, the skeleton labelled with the name of the markup,
the score an attribute of the box. CVAT measures from the corner of the image: its (0.5, 0.5) is the
centre of the first pixel, our (0, 0).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.files import parsing, reading
from facealign.formats.json import build_result
from facealign.formats.labels import DEFAULT_MARKUP, Label, LabelReader, ParseLabel, to_faces
from facealign.formats.survey import Survey
from facealign.markup import Markup, known_markup, load_markup
from facealign.problems import report

CORNERS = ("xtl", "ytl", "xbr", "ybr")


def write_cvat(results: Iterable[ImageResult], file: IO[str], survey: Survey) -> None:
    """One document, an `<image>` at a time."""
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
    groups = count(1)
    for number, result in enumerate(results):
        image = ET.Element("image", id=str(number), name=legal_text(result.source))
        if result.width is not None and result.height is not None:
            image.attrib |= {"width": str(result.width), "height": str(result.height)}
        for face in result.faces:
            _add_face(image, face, str(next(groups)))
        file.write(ET.tostring(image, encoding="unicode") + "\n")
    file.write("</annotations>\n")


def legal_text(text: str) -> str:
    """The text without the characters that XML forbids."""
    return "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)


def _add_face(image: ET.Element, face: Face, group: str) -> None:
    entry = face.to_dict()
    places = {key: f"{value + 0.5:.3f}" for key, value in zip(CORNERS, entry["box"], strict=True)}
    common = {"source": "auto", "occluded": "0", "z_order": "0", "group_id": group}
    box = ET.SubElement(image, "box", {"label": "face"} | common | places)
    ET.SubElement(box, "attribute", name="score").text = str(entry["score"])
    skeleton = ET.SubElement(image, "skeleton", {"label": face.markup} | common)
    seen = entry.get("visible", [True] * len(entry["landmarks"]))
    for number, ((x, y), flag) in enumerate(zip(entry["landmarks"], seen, strict=True), 1):
        attributes = {"label": str(number), "source": "auto", "outside": "0"}
        attributes |= {"occluded": str(int(not flag)), "points": f"{x + 0.5:.3f},{y + 0.5:.3f}"}
        ET.SubElement(skeleton, "points", attributes)


def read_images(path: Path) -> Iterator[ET.Element]:
    """The `<image>` elements of a CVAT file, one at a time; each is emptied before the next.

    Raises:
        DataError: the file cannot be read, is not XML, or not "CVAT for images".

    """
    with reading(path), parsing(path, "not XML"):
        events = ET.iterparse(path, ("start", "end"))
        _, top = next(events)
        if top.tag != "annotations":
            raise DataError(f"{path}: starts with <{top.tag}> instead of <annotations>")
        for event, element in events:
            if element.tag == "track":
                raise DataError(
                    f'{path}: holds tracks of a video; export it as "CVAT for images 1.1"'
                )
            if (event, element.tag) == ("end", "image"):
                yield element
                element.clear()


def face_elements(image: ET.Element) -> list[ET.Element]:
    """The faces of an image: each `<skeleton>`, then each `<points>`."""
    return [*image.iterfind("skeleton"), *image.iterfind("points")]


def read_labels(path: Path, scheme: Markup, subset: str) -> Iterator[ParseLabel]:
    """The faces of a CVAT file; an image without a face is reported.

    Raises:
        DataError: the file cannot be read or is not "CVAT for images".

    """
    for image in read_images(path):
        name, faces = image.get("name", ""), face_elements(image)
        if not faces:
            report(f"{path}: {name}: has no points")
        for number, face in enumerate(faces, 1):
            place, id = f"{path}: {name}, face {number}", f"{name}#{number}"
            yield partial(_parse_element, image, face, scheme, place, id)


LABELS = LabelReader(title="CVAT for images 1.1 (XML)", read=read_labels)


def _parse_element(
    image: ET.Element, face: ET.Element, scheme: Markup, place: str, id: str = ""
) -> Label:
    with parsing(place, "a number is missing, or is not one"):
        parse = _parse_skeleton if face.tag == "skeleton" else _parse_points
        points, labelled, occluded = parse(face, scheme)
        box = _box_of(image, face)
        corners = None if box is None else [float(box.attrib[key]) - 0.5 for key in CORNERS]
        said = None if box is None else box.findtext("attribute[@name='score']")
        score = float(said or 1)
    name = image.get("name", "")
    return Label(*(place, id, name, points - 0.5, labelled, scheme.name, occluded, corners, score))


Parsed = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]
"""(K, 2) points in CVAT's frame, (K,) labelled, (K,) occluded."""


def _parse_skeleton(face: ET.Element, scheme: Markup) -> Parsed:
    points = np.zeros((scheme.count, 2))
    labelled, occluded = np.zeros((2, scheme.count), np.bool_)
    for point in face.iterfind("points"):
        index = scheme.index_of(point.get("label", ""), first=1)
        points[index] = _pairs(point)[0]
        labelled[index] = point.get("outside") != "1"
        occluded[index] = labelled[index] and point.get("occluded") == "1"
    return points, labelled, occluded


def _parse_points(face: ET.Element, scheme: Markup) -> Parsed:
    points = np.array(_pairs(face))
    everywhere = np.ones(len(points), np.bool_)
    return points, everywhere, everywhere & (face.get("occluded") == "1")


def _pairs(element: ET.Element) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in element.attrib["points"].split(";")]
    return [(float(x), float(y)) for x, y in pairs]


def _box_of(image: ET.Element, face: ET.Element) -> ET.Element | None:
    """The `<box>` of the same group; without groups, the only box of the only face."""
    boxes = list(image.iterfind("box"))
    group = face.get("group_id")
    if group:
        boxes = [box for box in boxes if box.get("group_id") == group]
    return boxes[0] if len(boxes) == 1 and (group or len(face_elements(image)) == 1) else None


def read_cvat(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in a CVAT file, an `<image>` at a time; a face without every point is reported.

    Args:
        path: the file.
        markup: the point scheme of faces that are not labelled with one.

    Raises:
        DataError: the file cannot be read, or is not such XML.

    """
    for image in read_images(path):
        place = f"{path}: {image.get('name')}"
        with parsing(place):
            width, height = (
                int(image.attrib[k]) if k in image.attrib else None for k in ("width", "height")
            )
        faces = [
            partial(_parse_element, image, face, _scheme_of(face, markup), place)
            for face in face_elements(image)
        ]
        found = to_faces(faces)
        with parsing(place):
            result = build_result(image.get("name", ""), width, height, found)
        yield result


def _scheme_of(face: ET.Element, markup: str | None) -> Markup:
    label = face.get("label", "")
    return load_markup(label if known_markup(label) else markup or DEFAULT_MARKUP)
