"""CVAT's XML 1.1 (`.xml`), for images, and for video the tracks.

A face is a `<skeleton>`, one `<points points="x,y;x,y…">`, or single `<points>` with the names of
points as labels and one `group_id`. The points of a skeleton are numbered from 1, or have names;
`outside="1"` is a point that is not labelled, which results never have, `occluded="1"` a covered
one. The box is the `<box>` with the same `group_id`, or the only one of an image with one face.
Labels without one have the box of their labelled points. Tracks: `cvat_tracks`; results of a video
are written as tracks, `cvat_write`.

Results have a box and a skeleton for each face, the skeleton labelled with the name of the markup,
score and confidence attributes of the box; the points of a scheme that is not built in have their
names. CVAT measures from the corner of the image: its (0.5, 0.5) is the centre of the first pixel,
our (0, 0).
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from facealign.files import parsing
from facealign.formats.label_tools.cvat_tracks import Video, read_frames
from facealign.formats.label_tools.cvat_write import CORNERS
from facealign.formats.label_tools.named import LabelledImage, NamedFace, NamedTool, face_or_fault
from facealign.formats.label_tools.xml_file import read_elements

KEYFRAMES = "keyframes"
"""The subset of the frames of a track that a person has set."""


def read_images(path: Path, subset: str) -> Iterator[LabelledImage]:
    """The images of a CVAT file, or the frames of its tracks.

    Raises:
        DataError: the file cannot be read, is not XML, or not CVAT's.
    """
    video = Video()
    for element in read_elements(path, "annotations", ("meta", "image", "track")):
        if element.tag == "image":
            yield _parse_image(element, path)
        elif element.tag == "meta":
            with parsing(f"{path}: meta", "a value is not a number"):
                video.read_meta(element)
        else:
            with parsing(f"{path}: track {element.get('id', '')}", "a number is missing, or none"):
                video.add_track(element, keyframes=subset == KEYFRAMES)
    for frame, image in read_frames(video):
        yield _parse_image(image, path, frame)


def subsets(path: Path) -> list[str]:
    """The subset of keyframes, where the file holds tracks."""
    tracks = read_elements(path, "annotations", ("track",))
    return [KEYFRAMES] if next(tracks, None) is not None else []


TOOL = NamedTool(
    title="CVAT 1.1 (XML), images and tracks", images=read_images, first=1, subsets=subsets
)


def _parse_image(image: ET.Element, path: Path, frame: int | None = None) -> LabelledImage:
    name = image.get("name", "")
    place = f"{path}: {name}" + ("" if frame is None else f", frame {frame}")
    with parsing(place):
        width, height = (
            int(image.attrib[k]) if k in image.attrib else None for k in ("width", "height")
        )
    groups = list(_face_groups(image))
    faces = []
    for number, elements in enumerate(groups, 1):
        where, id = f"{place}, face {number}", f"{name}#{number}"
        id = id if frame is None else f"{name}#{frame}#{number}"
        box = _box_of(image, elements[0], len(groups) == 1)
        parse = partial(_parse_face, elements, box, where, id, frame)
        faces.append(face_or_fault(parse, where, id, "a number is missing, or is not one"))
    return LabelledImage(name=name, width=width, height=height, faces=faces, frame=frame)


def _face_groups(image: ET.Element) -> Iterator[list[ET.Element]]:
    """The elements of each face: a `<skeleton>`, a row of points, the single ones of a group."""
    groups: dict[object, list[ET.Element]] = {}
    for element in (*image.iterfind("skeleton"), *image.iterfind("points")):
        single = element.tag == "points" and ";" not in element.get("points", ";")
        groups.setdefault(element.get("group_id", "") if single else element, []).append(element)
    yield from groups.values()


def _parse_face(
    elements: list[ET.Element], box: ET.Element | None, place: str, id: str, frame: int | None
) -> NamedFace:
    first = elements[0]
    row = first.tag == "points" and ";" in first.attrib["points"]
    parts = [first] if row else list(first.iterfind("points")) or elements
    parts = [part for part in parts if part.get("outside") != "1"]
    places = [place.split(",") for part in parts for place in part.attrib["points"].split(";")]
    pairs = [(float(x), float(y)) for x, y in places]
    names = [part.get("label", "") for part in parts]
    covered = [part.get("occluded") == "1" for part in parts]
    score, confidence = (
        None if box is None else box.findtext(f"attribute[@name='{name}']")
        for name in ("score", "confidence")
    )
    return NamedFace(
        place=place,
        id=id,
        names=[str(i) for i in range(1, len(pairs) + 1)] if row else names,
        points=[(x - 0.5, y - 0.5) for x, y in pairs],
        occluded=covered * len(pairs) if row else covered,
        box=None if box is None else [float(box.attrib[key]) - 0.5 for key in CORNERS],
        kind=first.get("label", "face") if first.tag == "skeleton" or row else "face",
        score=float(score or 1),
        confidence=float(confidence) if confidence else None,
        in_full=row,
        frame=frame,
        track=int(first.get("track", "")) if first.get("track", "").isdecimal() else None,
    )


def _box_of(image: ET.Element, face: ET.Element, alone: bool) -> ET.Element | None:
    """The `<box>` of the same group; without groups, the only box of the only face."""
    boxes = [box for box in image.iterfind("box") if box.get("outside") != "1"]
    group = face.get("group_id")
    if group:
        boxes = [box for box in boxes if box.get("group_id") == group]
    return boxes[0] if len(boxes) == 1 and (group or alone) else None
