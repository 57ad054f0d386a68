"""dlib's imglab XML: `<image file><box top left width height><part name x y/></box></image>`.

Parts are numbered from 0, or have the names of the point scheme; a missing one is not labelled.
dlib's numbers are whole pixels: x0 = left − ½, x1 = left + width − ½ in our frame. Results are
rounded to them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.files import BAD_CONTENT, parsing, reading
from facealign.formats.label_tools.cvat import legal_text
from facealign.formats.labels import DEFAULT_MARKUP, Label, LabelReader, ParseLabel, to_faces
from facealign.formats.survey import Survey
from facealign.markup import Markup, known_markup, load_markup
from facealign.problems import report


def is_imglab(path: Path) -> bool:
    """Whether an XML file is imglab's: its first element is `<dataset>`."""
    try:
        with reading(path):
            _, top = next(ET.iterparse(path, ("start",)))
    except (StopIteration, *BAD_CONTENT):
        return False
    return bool(top.tag == "dataset")


def write_imglab(results: Iterable[ImageResult], file: IO[str], survey: Survey) -> None:
    """One document, an `<image>` at a time."""
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<dataset>\n<images>\n')
    for result in results:
        image = ET.Element("image", file=legal_text(result.source))
        for face in result.faces:
            _add_box(image, face)
        file.write(ET.tostring(image, encoding="unicode") + "\n")
    file.write("</images>\n</dataset>\n")


def _add_box(image: ET.Element, face: Face) -> None:
    x0, y0, x1, y1 = face.box.tolist()
    place = {"top": y0 + 0.5, "left": x0 + 0.5, "width": x1 - x0, "height": y1 - y0}
    box = ET.SubElement(image, "box", {name: str(round(value)) for name, value in place.items()})
    ET.SubElement(box, "label").text = face.markup
    for number, (x, y) in enumerate(face.landmarks.tolist()):
        ET.SubElement(box, "part", name=f"{number:02d}", x=str(round(x)), y=str(round(y)))


def _read_images(path: Path) -> Iterator[ET.Element]:
    """The `<image>` elements.

    Raises:
        DataError: the file cannot be read, is not XML, or not imglab's.

    """
    with reading(path), parsing(path, "not XML"):
        root = ET.parse(path).getroot()
    if root.tag != "dataset":
        raise DataError(f"{path}: starts with <{root.tag}> instead of <dataset>")
    return root.iterfind("images/image")


def _face_boxes(image: ET.Element) -> list[tuple[int, ET.Element]]:
    """The boxes with their numbers, from 1; without those marked `ignore`, as dlib does."""
    boxes = enumerate(image.iterfind("box"), 1)
    return [(number, box) for number, box in boxes if box.get("ignore") != "1"]


def read_labels(path: Path, scheme: Markup, subset: str) -> Iterator[ParseLabel]:
    """The faces of an imglab file; an image without a box is reported.

    Raises:
        DataError: the file cannot be read or is not imglab's.

    """
    for image in _read_images(path):
        if image.find("box") is None:
            report(f"{path}: {image.get('file', '')}: has no box")
        for number, box in _face_boxes(image):
            yield partial(_parse_box, path, image.get("file", ""), number, box, scheme)


def _parse_box(path: Path, name: str, number: int, box: ET.Element, scheme: Markup) -> Label:
    place = f"{path}: {name}, box {number}"
    points = np.full((scheme.count, 2), np.nan)
    with parsing(place, "a number is missing, or is not one"):
        for part in box.iterfind("part"):
            index = scheme.index_of(part.get("name", ""), first=0)
            points[index] = float(part.attrib["x"]), float(part.attrib["y"])
        left, top, width, height = (
            float(box.attrib[name]) for name in ("left", "top", "width", "height")
        )
    corners = (left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5)
    labelled = ~np.isnan(points).all(axis=1)
    return Label(place, f"{name}#{number}", name, points, labelled, scheme.name, box=corners)


LABELS = LabelReader(title="dlib's imglab (XML)", read=read_labels)


def read_imglab(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in an imglab file, read at once; a box without every point is reported.

    Args:
        path: the file.
        markup: the point scheme of boxes whose `<label>` names none.

    Raises:
        DataError: the file cannot be read, or is not imglab's.

    """
    for image in _read_images(path):
        name, faces = image.get("file", ""), []
        for number, box in _face_boxes(image):
            label = box.findtext("label", "")
            scheme = load_markup(label if known_markup(label) else markup or DEFAULT_MARKUP)
            faces.append(partial(_parse_box, path, name, number, box, scheme))
        yield ImageResult(name, None, None, to_faces(faces))
