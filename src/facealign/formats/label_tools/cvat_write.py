"""Writing CVAT's XML 1.1: photos as images, the frames of a video as the tracks of their faces."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from itertools import count, pairwise
from typing import IO

from facealign.errors import OutputError
from facealign.face import Face, ImageResult
from facealign.formats.contents import Contents
from facealign.formats.label_tools.xml_file import legal_text
from facealign.markup import is_own, load_markup

CORNERS = ("xtl", "ytl", "xbr", "ybr")
Marks = dict[str, str]
"""Attributes that a track's shapes have besides an image's."""


def write_cvat(results: Iterable[ImageResult], file: IO[str], contents: Contents) -> None:
    """One document: an `<image>` for each photo, or of a video two tracks for each face.

    Raises:
        OutputError: the results are of several videos.
    """
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
    if "frames" in contents.holds:
        _write_tracks(results, file)
    else:
        _write_images(results, file)
    file.write("</annotations>\n")


def _write_images(results: Iterable[ImageResult], file: IO[str]) -> None:
    groups = count(1)
    for number, result in enumerate(results):
        image = ET.Element("image", id=str(number), name=legal_text(result.source))
        if result.width is not None and result.height is not None:
            image.attrib |= {"width": str(result.width), "height": str(result.height)}
        for face in result.faces:
            common = {"source": "auto", "z_order": "0", "group_id": str(next(groups))}
            image.append(_box(face, common | {"label": "face"}, {}))
            image.append(_skeleton(face, common | {"label": face.markup}, {}))
        file.write(ET.tostring(image, encoding="unicode") + "\n")


def _write_tracks(results: Iterable[ImageResult], file: IO[str]) -> None:
    """A track of skeletons, whose number is the face's, and one of boxes, in one group.

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
    file.write(ET.tostring(_meta(first, len(frames)), encoding="unicode") + "\n")
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
        for track in (points, boxes):
            file.write(ET.tostring(track, encoding="unicode") + "\n")


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
