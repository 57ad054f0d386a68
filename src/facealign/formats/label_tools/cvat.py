"""CVAT's XML 1.1 (`.xml`), for images, and for video the tracks.

A face is a `<skeleton>`, one `<points points="x,y;x,y…">`, or single `<points>` with the names of
points as labels and one `group_id`. The points of a skeleton are numbered from 1, or have names;
`outside="1"` is a point that is not labelled, which results never have, `occluded="1"` a covered
one. The box is the `<box>` with the same `group_id`, or the only one of an image with one face.
Labels without one have the box of their labelled points.

A track is a face, a box or a single point through the video, with a shape for each frame: an
`outside` one where it is not there, a `keyframe` where a person has set it; CVAT fills in the
others. The frames are numbered in the task, which may start later in the video and leave frames
out. Each becomes an `<image>`, as CVAT for images has them.

Results have a box and a skeleton for each face, the skeleton labelled with the name of the markup,
score and confidence attributes of the box; the points of a scheme that is not built in have their
names. Those of a video are tracks. CVAT measures from the corner of the image: its (0.5, 0.5) is
the centre of the first pixel, our (0, 0).
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import count, pairwise
from pathlib import Path
from typing import IO

from facealign.errors import OutputError
from facealign.face import Face, ImageResult
from facealign.files import parsing
from facealign.formats.contents import Contents
from facealign.formats.label_tools.named import LabelledImage, NamedFace, NamedTool, face_or_fault
from facealign.formats.label_tools.xml_file import legal_text, read_elements
from facealign.markup import is_own, load_markup

KEYFRAMES = "keyframes"
"""The subset of the frames of a track that a person has set."""
STEP = re.compile(r"step\s*=\s*(\d+)")
STILL = "frame_{:06d}.png"
"""A frame of a task that names no video, or one that lies beside its video as an image."""
CORNERS = ("xtl", "ytl", "xbr", "ybr")
Marks = dict[str, str]
"""Attributes that a track's shapes have besides an image's."""


def read_images(path: Path, subset: str) -> Iterator[LabelledImage]:
    """The images of a CVAT file, or the frames of its tracks, those with boxes alone left out."""
    meta: dict[str, str] = {}
    frames: dict[int, list[ET.Element]] = {}
    for element in read_elements(path, "annotations", ("meta", "image", "track")):
        if element.tag == "image":
            yield _parse_image(element, path)
        elif element.tag == "meta":
            meta = {child.tag: (child.text or "").strip() for child in element.iter()}
        else:
            with parsing(f"{path}: track {element.get('id', '')}", "a number is missing, or none"):
                for shape in _shapes_of(element, keyframes=subset == KEYFRAMES):
                    frames.setdefault(int(shape.attrib["frame"]), []).append(shape)
    size = {k: meta[k] for k in ("width", "height") if meta.get(k, "").isdecimal()}
    step = STEP.search(meta.get("frame_filter", ""))
    with parsing(f"{path}: meta", "a value is not a number"):
        start = int(meta.get("start_frame") or 0)
    for number, shapes in sorted(frames.items()):
        if any(shape.tag != "box" for shape in shapes):
            frame, video = start + number * (int(step[1]) if step else 1), meta.get("source")
            image = ET.Element("image", {"name": video or STILL.format(frame)} | size)
            image.extend(shapes)
            yield _parse_image(image, path, frame if video else None)


def _shapes_of(track: ET.Element, keyframes: bool) -> Iterator[ET.Element]:
    """The shapes of a track as those of an image; with `keyframes` only those that a person set."""
    common = {name: track.get(name, "") for name in ("label", "group_id")}
    common["track"] = track.get("id", "")
    for shape in track:
        if shape.tag not in ("skeleton", "points", "box") or shape.get("outside") == "1":
            continue
        if shape.tag == "skeleton" and all(p.get("outside") == "1" for p in shape):
            continue  # the face has left
        marked = (shape, *shape.iterfind("points"))
        if not keyframes or any(element.get("keyframe") == "1" for element in marked):
            copy = deepcopy(shape)  # as the track is emptied
            copy.attrib = common | copy.attrib
            yield copy


def subsets(path: Path) -> list[str]:
    """The subset of keyframes, where the file holds tracks."""
    tracks = read_elements(path, "annotations", ("track",))
    return [KEYFRAMES] if next(tracks, None) is not None else []


TOOL = NamedTool(
    title="CVAT 1.1 (XML), images and tracks", images=read_images, first=1, subsets=subsets
)


def _parse_image(image: ET.Element, path: Path, frame: int | None = None) -> LabelledImage:
    name, at = image.get("name", ""), "" if frame is None else f"#{frame}"
    place = f"{path}: {name}" + ("" if frame is None else f", frame {frame}")
    with parsing(place):
        sides = (image.get(name) for name in ("width", "height"))
        width, height = (None if side is None else int(side) for side in sides)
    groups: dict[object, list[ET.Element]] = {}  # of a face: a skeleton, a row, or single points
    for element in (*image.iterfind("skeleton"), *image.iterfind("points")):
        single = element.tag == "points" and ";" not in element.get("points", ";")
        groups.setdefault(element.get("group_id", "") if single else element, []).append(element)
    boxes = [box for box in image.iterfind("box") if box.get("outside") != "1"]
    faces = []
    for number, elements in enumerate(groups.values(), 1):
        group = elements[0].get("group_id")
        own = [box for box in boxes if not group or box.get("group_id") == group]
        box = own[0] if len(own) == 1 and (group or len(groups) == 1) else None
        where, id = f"{place}, face {number}", f"{name}{at}#{number}"
        faces.append(face_or_fault(where, id, _parse_face, elements, box, frame))
    return LabelledImage(name=name, width=width, height=height, faces=faces, frame=frame)


def _parse_face(elements: list[ET.Element], box: ET.Element | None, frame: int | None) -> NamedFace:
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


def write_cvat(results: Iterable[ImageResult], file: IO[str], contents: Contents) -> None:
    """One document: an `<image>` for each photo, or of a video two tracks for each face.

    Raises:
        OutputError: the results are of several videos.
    """
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
    elements = _tracks(results) if "frames" in contents.holds else _images(results)
    for element in elements:
        file.write(ET.tostring(element, encoding="unicode") + "\n")
    file.write("</annotations>\n")


def _images(results: Iterable[ImageResult]) -> Iterator[ET.Element]:
    groups = count(1)
    for number, result in enumerate(results):
        image = ET.Element("image", id=str(number), name=legal_text(result.source))
        if result.width is not None and result.height is not None:
            image.attrib |= {"width": str(result.width), "height": str(result.height)}
        for face in result.faces:
            common = {"source": "auto", "z_order": "0", "group_id": str(next(groups))}
            image.append(_box(face, common | {"label": "face"}, {}))
            image.append(_skeleton(face, common | {"label": face.markup}, {}))
        yield image


def _tracks(results: Iterable[ImageResult]) -> Iterator[ET.Element]:
    """The facts, and of each face a track of skeletons, whose number is the face's, and of boxes.

    CVAT fills the frames between two keyframes, so that a face that leaves is `outside` in the
    next frame.
    """
    frames: list[int] = []
    tracks: dict[int, dict[int, Face]] = {}
    first: ImageResult | None = None
    for result in results:
        first = first or result
        if result.source != first.source:
            raise OutputError(
                f"a CVAT file holds the tracks of one video, not of {first.source} and "
                f"{result.source}: convert the results of each by themselves"
            )
        frames.append(result.frame or 0)
        for face in result.faces:
            number = face.track if face.track is not None else max(tracks, default=-1) + 1
            tracks.setdefault(number, {})[frames[-1]] = face
    if first is None:
        return
    yield _meta(first, len(frames))
    box_tracks = count(max(tracks, default=-1) + 1)
    following = dict(pairwise(frames))
    for number, faces in sorted(tracks.items()):
        markup = next(iter(faces.values())).markup
        common = {"source": "auto", "group_id": str(number + 1)}
        points = ET.Element("track", {"id": str(number), "label": markup} | common)
        boxes = ET.Element("track", {"id": str(next(box_tracks)), "label": "face"} | common)
        for frame, face in faces.items():
            after = following.get(frame)
            gone = after is not None and after not in faces
            for at, outside in [(frame, "0"), *([(after, "1")] if gone else [])]:
                marks = {"frame": str(at), "keyframe": "1", "outside": outside}
                points.append(_skeleton(face, {"z_order": "0"}, marks))
                boxes.append(_box(face, {"z_order": "0"}, marks))
        yield from (points, boxes)


def _meta(first: ImageResult, frames: int) -> ET.Element:
    meta = ET.Element("meta")
    task = ET.SubElement(meta, "task")
    facts = {"size": str(frames), "mode": "interpolation", "start_frame": "0"}
    for name, value in (facts | {"source": legal_text(first.source)}).items():
        ET.SubElement(task, name).text = value
    if first.width is not None and first.height is not None:
        size = ET.SubElement(task, "original_size")
        ET.SubElement(size, "width").text = str(first.width)
        ET.SubElement(size, "height").text = str(first.height)
    return meta


def _box(face: Face, common: Marks, marks: Marks) -> ET.Element:
    entry = face.to_dict()
    places = {key: f"{value + 0.5:.3f}" for key, value in zip(CORNERS, entry["box"], strict=True)}
    box = ET.Element("box", common | {"occluded": "0"} | marks | places)
    for name in ("score", "confidence"):
        if name in entry:
            ET.SubElement(box, "attribute", name=name).text = str(entry[name])
    return box


def _skeleton(face: Face, common: Marks, marks: Marks) -> ET.Element:
    entry = face.to_dict()
    skeleton = ET.Element("skeleton", common | {"occluded": "0"} | marks)
    seen = entry.get("visible", [True] * len(entry["landmarks"]))
    own = load_markup(face.markup).names if is_own(face.markup) else ()
    shape = {name: value for name, value in marks.items() if name != "frame"}
    for i, ((x, y), flag) in enumerate(zip(entry["landmarks"], seen, strict=True)):
        attributes = {"label": own[i] if own else str(i + 1), "source": "auto", "outside": "0"}
        attributes |= {"occluded": str(int(not flag)), "points": f"{x + 0.5:.3f},{y + 0.5:.3f}"}
        ET.SubElement(skeleton, "points", attributes | shape)
    return skeleton
