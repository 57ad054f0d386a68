"""Results as CVAT for images 1.1 (`.xml`): for each face a `<box>` and a `<skeleton>` of points.

The skeleton is labelled with the markup's name, its points are numbered from 1; a point that is not
visible is `occluded`. The face's score is an attribute of the box. CVAT measures from the image's
corner: its (0.5, 0.5) is the first pixel's centre, our (0, 0).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import IO

import numpy as np

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.formats.json import build_face
from facealign.formats.survey import Survey
from facealign.markup import MARKUPS, load_markup

CORNERS = ("xtl", "ytl", "xbr", "ybr")


def write_cvat(results: Iterable[ImageResult], file: IO[str], survey: Survey) -> None:
    """One document, an `<image>` at a time."""
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
    groups = count(1)
    for number, result in enumerate(results):
        image = ET.Element("image", id=str(number), name=_legal(result.source))
        if result.width is not None and result.height is not None:
            image.attrib |= {"width": str(result.width), "height": str(result.height)}
        for face in result.faces:
            _add_face(image, face, str(next(groups)))
        file.write(ET.tostring(image, encoding="unicode") + "\n")
    file.write("</annotations>\n")


def _legal(text: str) -> str:
    """The text without characters that no XML may hold."""
    return "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)


def _add_face(image: ET.Element, face: Face, group: str) -> None:
    entry = face.to_dict()
    places = {key: f"{value + 0.5:.3f}" for key, value in zip(CORNERS, entry["box"], strict=True)}
    about = {"source": "auto", "occluded": "0", "z_order": "0", "group_id": group}
    box = ET.SubElement(image, "box", {"label": "face"} | about | places)
    ET.SubElement(box, "attribute", name="score").text = str(entry["score"])
    skeleton = ET.SubElement(image, "skeleton", {"label": face.markup} | about)
    seen = entry.get("visible", [True] * len(entry["landmarks"]))
    for number, ((x, y), flag) in enumerate(zip(entry["landmarks"], seen, strict=True), 1):
        attributes = {"label": str(number), "source": "auto", "outside": "0"}
        attributes |= {"occluded": str(int(not flag)), "points": f"{x + 0.5:.3f},{y + 0.5:.3f}"}
        ET.SubElement(skeleton, "points", attributes)


def read_cvat(path: Path, markup: str) -> Iterator[ImageResult]:
    """The results in a CVAT file, an `<image>` at a time; every point must be placed.

    Args:
        path: the file.
        markup: the point scheme of skeletons that are not labelled with one.

    Raises:
        DataError: the file cannot be read, is no such XML, or a face lacks a point.

    """
    name = "no <image> yet"
    try:
        for _, element in ET.iterparse(path):
            if element.tag == "image":
                name = element.get("name", "")
                yield _result(element, markup)
                element.clear()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ET.ParseError as error:
        raise DataError(f"{path}: not XML ({error})") from None
    except (LookupError, ValueError, TypeError) as error:
        raise DataError(f"{path}: {name}: a number is missing or is none ({error})") from None


def _result(image: ET.Element, markup: str) -> ImageResult:
    width, height = (
        int(image.attrib[k]) if k in image.attrib else None for k in ("width", "height")
    )
    boxes = {box.get("group_id"): box for box in image.iterfind("box")}
    faces = []
    for skeleton in image.iterfind("skeleton"):
        label = skeleton.get("label", "")
        scheme = load_markup(label if label in MARKUPS else markup)
        faces.append(_face(skeleton, boxes.get(skeleton.get("group_id")), scheme.name))
    return ImageResult(image.get("name", ""), width, height, faces)


def _face(skeleton: ET.Element, box: ET.Element | None, markup: str) -> Face:
    scheme = load_markup(markup)
    found = {p.get("label", ""): p for p in skeleton.iterfind("points") if p.get("outside") != "1"}
    points = [
        found.get(name) if name in found else found[str(number)]
        for number, name in enumerate(scheme.names, 1)
    ]
    pairs = [p.attrib["points"].split(",") for p in points if p is not None]
    places = np.array(pairs, np.float64) - 0.5
    seen = np.array([p.get("occluded") != "1" for p in points if p is not None])
    score = None if box is None else box.findtext("attribute[@name='score']")
    corners = [*places.min(axis=0), *places.max(axis=0)]
    if box is not None:
        corners = [float(box.attrib[key]) - 0.5 for key in CORNERS]
    visible = None if seen.all() else seen
    return build_face(corners, score or 1.0, places, markup, visible=visible)
