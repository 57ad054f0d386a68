"""dlib's imglab XML: `<image file><box top left width height><part name x y/></box></image>`.

Parts are called by number from 0, or by the names of the point scheme; one that is not there has no
known place. dlib's boxes hold whole pixels: x0 = left − ½, x1 = left + width − ½ in our frame.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from facealign.datasets.formats.custom import ALL, DEFAULT_MARKUP, find_image, own_dataset
from facealign.datasets.reading import Reading, build_sample, build_samples, check_subset
from facealign.errors import DataError
from facealign.files import reading
from facealign.markup import load_markup
from facealign.problems import report
from facealign.types import Sample

Record = tuple[str, int, ET.Element]
"""Image name, number of the box on it (from 1), the box."""


def read_imglab(
    root: Path, subset: str = ALL, markup: str = DEFAULT_MARKUP, images: str | None = None
) -> Reading:
    """The faces of an imglab file; boxes marked `ignore` are left out, as dlib does.

    Args:
        root: the XML file.
        subset: "all".
        markup: the point scheme.
        images: their folder, relative to the file; None looks in the usual places.

    Raises:
        DataError: the file cannot be read or is no imglab file, or no such subset or markup.

    """
    check_subset("imglab", subset, (ALL,))
    load_markup(markup)
    records: list[Record] = []
    for image in _read_xml(root).iterfind("images/image"):
        name = image.get("file", "")
        boxes = list(image.iterfind("box"))
        records += [(name, i, b) for i, b in enumerate(boxes, 1) if b.get("ignore") != "1"]
        if not boxes:
            report(f"{root}: {name}: has no box")
    samples = build_samples(records, lambda record: _build(root, record, markup, images))
    return Reading("imglab", subset, samples)


def _read_xml(path: Path) -> ET.Element:
    """The root element of an XML file.

    Raises:
        DataError: the file cannot be read, is no XML, or is not imglab's.

    """
    try:
        with reading(path):
            root = ET.parse(path).getroot()
    except ET.ParseError as error:
        raise DataError(f"{path}: not XML ({error})") from None
    if root.tag != "dataset":
        raise DataError(f"{path}: begins with <{root.tag}>, but <dataset> is expected")
    return root


def _build(path: Path, record: Record, markup: str, images: str | None) -> Sample:
    name, number, box = record
    place = f"{path}: {name}, box {number}"
    scheme = load_markup(markup)
    points = np.full((scheme.count, 2), np.nan)
    try:
        for part in box.iterfind("part"):
            index = scheme.index_of(part.get("name", ""), first=0)
            points[index] = float(part.attrib["x"]), float(part.attrib["y"])
        left, top, width, height = (
            float(box.attrib[k]) for k in ("left", "top", "width", "height")
        )
    except (KeyError, ValueError) as error:
        raise DataError(f"{place}: a number is missing or is none ({error})") from None
    return build_sample(
        place,
        id=f"{name}#{number}",
        image=find_image(path, name, images),
        landmarks=points,
        labelled=~np.isnan(points).all(axis=1),
        markup=markup,
        box=(left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5),
        group=name,
    )


DATASET = own_dataset("imglab", "dlib's imglab (XML)", read_imglab)
