"""Label Studio's JSON (`.labelstudio.json`): a list of tasks, coordinates in percent of the image.

Read are the full export (`annotations` with a `result`) and JSON-MIN. Of several annotations of a
task the ground truth is taken, else the newest that was not cancelled. A face is the points of one
parent region (a rectangle is its box), or those within a rectangle; without rectangles all points
of the task. A region's note that says "occluded" is a covered point.

Results have a rectangle and a point for each landmark, linked to it, and a point scheme that is not
built in in the `meta` of its first task. Percent count from the image's corner, half a pixel before
the centre of the first.
"""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import parse_qs, unquote, urlsplit

from facealign.errors import DataError, OutputError
from facealign.face import Face, ImageResult
from facealign.formats.contents import Contents
from facealign.formats.json import dumps, read_content
from facealign.formats.label_tools.named import LabelledImage, NamedFace, NamedTool, image_or_fault
from facealign.formats.label_tools.regions import COVERED, Region, to_faces
from facealign.image import SUFFIXES
from facealign.markup import load_markup, own_scheme

LOG = logging.getLogger(__name__)


def write_labelstudio(results: Iterable[ImageResult], file: IO[str], contents: Contents) -> None:
    """One document, a task at a time.

    Raises:
        OutputError: the size of an image with faces is not known.
    """
    schemes = {name: own_scheme(name) for name in sorted(contents.markups)}
    file.write("[")
    for number, result in enumerate(results, 1):
        task: dict[str, Any] = {"id": number, "data": {"image": result.source}}
        for name in {face.markup for face in result.faces} & schemes.keys():
            if content := schemes.pop(name):
                task["meta"] = {"markup": content}
        regions = [r for k, face in enumerate(result.faces) for r in _regions(face, result, k)]
        task["annotations"] = [{"id": number, "was_cancelled": False, "result": regions}]
        file.write((",\n" if number > 1 else "\n") + dumps(task))
    file.write("\n]\n")


def _regions(face: Face, result: ImageResult, number: int) -> Iterator[dict[str, Any]]:
    """The rectangle of a face, then its points."""
    if not (result.width and result.height):
        raise OutputError(
            f"{result.source}: its size is unknown, but Label Studio stores coordinates in percent "
            "of it: convert from a format with sizes, such as .json"
        )
    width, height, id = result.width, result.height, f"face{number}"
    x0, y0, x1, y1 = face.box.tolist()
    common = {"to_name": "image", "original_width": width, "original_height": height}
    common |= {"image_rotation": 0}
    value: dict[str, Any] = _percent(x0, y0, width, height) | {"rotation": 0}
    value |= {"width": round(100 * (x1 - x0) / width, 6), "rectanglelabels": [face.markup]}
    value |= {"height": round(100 * (y1 - y0) / height, 6)}
    box = {"score": round(float(face.score), 4), "id": id, "type": "rectanglelabels"}
    yield common | box | {"from_name": "box", "value": value}
    names = load_markup(face.markup).names
    for i, ((x, y), name) in enumerate(zip(face.landmarks.tolist(), names, strict=True)):
        point = {"id": f"{id}-{i}", "parentID": id, "type": "keypointlabels", "from_name": "points"}
        place = _percent(x, y, width, height) | {"width": 0.5, "keypointlabels": [name]}
        covered = face.visible is not None and not face.visible[i]
        note = {"meta": {"text": list(COVERED[:1])}} if covered else {}
        yield common | point | {"value": place} | note


def _percent(x: float, y: float, width: int, height: int) -> dict[str, Any]:
    return {"x": round(100 * (x + 0.5) / width, 6), "y": round(100 * (y + 0.5) / height, 6)}


def is_labelstudio(path: Path) -> bool:
    """Whether a JSON file is Label Studio's: tasks with annotations, or flat ones with regions."""
    content = read_content(path)
    tasks = content if isinstance(content, list) else [content]
    first = tasks[0] if tasks else None
    if not isinstance(first, dict):
        return isinstance(content, list) and not content
    return ("data" in first and "annotations" in first) or bool(_flat(first))


def read_images(path: Path, subset: str) -> Iterator[LabelledImage]:
    """The images of the tasks."""
    if not is_labelstudio(path):
        raise DataError(f"{path}: not Label Studio's JSON: a list of tasks with annotations")
    content = read_content(path)
    tasks = content if isinstance(content, list) else [content]
    if several := sum(isinstance(task, dict) and len(_done(task)) > 1 for task in tasks):
        what = "have several annotations: the ground truth is taken, else the newest"
        LOG.warning("%s: %d tasks %s", path, several, what)
    for number, task in enumerate(tasks):
        place = f"{path}: tasks[{number}]"
        yield image_or_fault(place, "not a task of Label Studio", _parse_task, task, place, number)


def _parse_task(task: Mapping[str, Any], place: str, number: int) -> LabelledImage:
    name, id = _image_name(task), str(task.get("id", number))
    place = f"{place}: {name}"
    done, flat = _done(task), _flat(task)
    if not done and not flat:
        fault = "has only predictions" if task.get("predictions") else "is not labelled"
        if any(a.get("was_cancelled") for a in task.get("annotations") or ()):
            fault = "was skipped"
        return LabelledImage(name=name, faces=[NamedFace(place=place, id=id, fault=fault)])
    results = flat or max(reversed(done), key=_rank)["result"]  # the last of equals
    sizes = {(r["original_width"], r["original_height"]) for r in results if "original_width" in r}
    width, height = max(sizes, default=(None, None))
    regions = [region for entry in results if (region := _region(entry))]
    meta = task.get("meta")
    return LabelledImage(
        name=name,
        width=width,
        height=height,
        faces=to_faces(_linked(regions, results), place, id),
        markup=meta.get("markup") if isinstance(meta, dict) else None,
    )


def _done(task: Mapping[str, Any]) -> list[Any]:
    """The annotations that were not cancelled."""
    annotations = task.get("annotations") or task.get("completions") or ()
    return [a for a in annotations if isinstance(a, dict) and not a.get("was_cancelled")]


def _rank(annotation: Mapping[str, Any]) -> tuple[bool, str]:
    when = annotation.get("updated_at") or annotation.get("created_at") or ""
    return bool(annotation.get("ground_truth")), str(when)


def _flat(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The regions of a task of JSON-MIN, as those of the full export."""
    lists = [value for value in task.values() if isinstance(value, list)]
    entries = [entry for values in lists for entry in values if isinstance(entry, dict)]
    kinds = ("keypointlabels", "rectanglelabels")
    return [e | {"value": e, "type": kind} for e in entries for kind in kinds if kind in e]


def _image_name(task: Mapping[str, Any]) -> str:
    """The image of a task, as a path where the address tells one."""
    data = task.get("data", task)
    for address in (value for value in data.values() if isinstance(value, str)):
        parts, name = urlsplit(address), address  # uploaded
        if local := parse_qs(parts.query).get("d"):  # served from a local folder
            name = local[0]
        elif "://" in address and parts.scheme != "file":  # on the web
            name = unquote(parts.path)
        if PurePosixPath(name).suffix.lower() in SUFFIXES:
            return name
    raise ValueError("its data names no image")


def _region(entry: Mapping[str, Any]) -> tuple[str, Region] | None:
    """The id of a point or box, and itself; None for what is neither."""
    value, kind = entry.get("value"), str(entry.get("type", ""))
    if not isinstance(value, dict) or not kind.startswith(("keypoint", "rectangle")):
        return None
    if entry.get("image_rotation"):
        raise ValueError(
            "the image is rotated in Label Studio, which is not supported: rotate the file itself"
        )
    labels = [word for key, words in value.items() if key.endswith("labels") for word in words]
    scale = entry["original_width"] / 100, entry["original_height"] / 100
    x, y = (value[axis] * by - 0.5 for axis, by in zip("xy", scale, strict=True))
    corners = [x, y]
    if kind.startswith("rectangle"):
        sides = value["width"] * scale[0], value["height"] * scale[1]
        corners = _upright(x, y, *sides, math.radians(value.get("rotation") or 0))
    note = (entry.get("meta") or {}).get("text") or ()
    words = " ".join([note] if isinstance(note, str) else note).casefold()
    region = Region(
        label=str(labels[0]) if labels else "face",
        corners=corners,
        group=entry.get("parentID") or None,
        occluded=any(word in words for word in COVERED),
        score=entry.get("score") or 1.0,
    )
    return str(entry.get("id", "")), region


def _upright(x: float, y: float, width: float, height: float, turn: float) -> list[float]:
    """The box around a rectangle that is turned about its corner."""
    ends = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    xs = [x + a * math.cos(turn) - b * math.sin(turn) for a, b in ends]
    ys = [y + a * math.sin(turn) + b * math.cos(turn) for a, b in ends]
    return [min(xs), min(ys), max(xs), max(ys)]


def _linked(regions: Sequence[tuple[str, Region]], results: Sequence[Any]) -> list[Region]:
    """The regions, each box in a group with the points below it or related to it."""
    boxes = {id for id, region in regions if region.is_box}
    related: dict[str, str] = {}
    for entry in results:
        if entry.get("type") == "relation":
            ends = str(entry.get("from_id")), str(entry.get("to_id"))
            related |= {a: b for a, b in (ends, ends[::-1]) if b in boxes and a not in boxes}
    groups = {id: region.group or related.get(id) for id, region in regions}
    parents = {groups[id] for id, region in regions if not region.is_box}
    return [
        replace(region, group=(id if id in parents else None) if region.is_box else groups[id])
        for id, region in regions
    ]


TOOL = NamedTool(title="Label Studio (JSON)", images=read_images)
