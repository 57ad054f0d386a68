"""dlib's imglab XML: `<image file><box top left width height><part name x y/></box></image>`.

Parts are numbered from 0, or have names, as those of a scheme that is not built in; a missing one
is not labelled. dlib's numbers are whole pixels: x0 = left − ½, x1 = left + width − ½ in our frame.
Results are rounded to them.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from facealign.face import ImageResult
from facealign.formats.contents import Contents
from facealign.formats.label_tools.named import LabelledImage, NamedFace, NamedTool, face_or_fault
from facealign.formats.label_tools.xml_file import legal_text, read_elements, top_tag
from facealign.markup import is_own, load_markup


def is_imglab(path: Path) -> bool:
    """Whether an XML file is imglab's: its first element is `<dataset>`."""
    return top_tag(path) == "dataset"


def write_imglab(results: Iterable[ImageResult], file: IO[str], contents: Contents) -> None:
    """One document, an `<image>` at a time."""
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<dataset>\n<images>\n')
    for result in results:
        image = ET.Element("image", file=legal_text(result.source))
        for face in result.faces:
            x0, y0, x1, y1 = face.box.tolist()
            place = {"top": y0 + 0.5, "left": x0 + 0.5, "width": x1 - x0, "height": y1 - y0}
            box = ET.SubElement(image, "box", {k: str(round(value)) for k, value in place.items()})
            ET.SubElement(box, "label").text = face.markup
            own = load_markup(face.markup).names if is_own(face.markup) else ()
            for i, (x, y) in enumerate(face.landmarks.tolist()):
                name = own[i] if own else f"{i:02d}"
                ET.SubElement(box, "part", name=name, x=str(round(x)), y=str(round(y)))
        file.write(ET.tostring(image, encoding="unicode") + "\n")
    file.write("</images>\n</dataset>\n")


def read_images(path: Path, subset: str) -> Iterator[LabelledImage]:
    """The images; boxes marked `ignore` are left out, as dlib does."""
    for image in read_elements(path, "dataset", ("image",)):
        name = image.get("file", "")
        boxes = []
        for number, box in enumerate(image.iterfind("box"), 1):
            if box.get("ignore") != "1":
                place, id = f"{path}: {name}, box {number}", f"{name}#{number}"
                boxes.append(face_or_fault(place, id, _parse_box, box))
        yield LabelledImage(name=name, faces=boxes)


def _parse_box(box: ET.Element) -> NamedFace:
    parts = list(box.iterfind("part"))
    left, top, width, height = (float(box.attrib[k]) for k in ("left", "top", "width", "height"))
    return NamedFace(
        names=[part.get("name", "") for part in parts],
        points=[(float(part.attrib["x"]), float(part.attrib["y"])) for part in parts],
        box=(left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5),
        kind=box.findtext("label", "face"),
    )


TOOL = NamedTool(title="dlib's imglab (XML)", images=read_images, first=0)
