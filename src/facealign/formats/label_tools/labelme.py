"""labelme's JSON: a file for each image, with `shapes` of the type point, and rectangles as boxes.

Shapes of one `group_id` are a face; points without one are in the only rectangle around them, or
without rectangles one face. The flag "occluded" of a shape is a covered point. labelme counts from
the corner of the image, half a pixel before the centre of the first.

Results are written into a folder, with a point scheme that is not built in under `markup`.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.files import is_file, is_folder
from facealign.formats.contents import Contents, path_of
from facealign.formats.folders import write_into
from facealign.formats.json import dumps, read_content
from facealign.formats.label_tools.named import LabelledImage, NamedTool, image_or_fault
from facealign.formats.label_tools.regions import COVERED, Region, to_faces
from facealign.formats.pts import image_beside
from facealign.markup import load_markup, own_scheme


def write_labelme(results: Iterable[ImageResult], path: Path, contents: Contents) -> None:
    """A file for each image, in a folder; folders are kept below the one that holds every photo."""
    names = contents.names()
    with write_into(path, "**/*.json") as apart:
        for result in results:
            photo = path_of(result.source)
            content = _document(result, (path / names[photo]).parent)
            apart.write(f"{names[photo]}.json", dumps(content, indent=1), photo)


def _document(result: ImageResult, folder: Path) -> dict[str, Any]:
    source = result.source  # of another machine, if it is no file
    source = os.path.relpath(source, folder) if is_file(source) else source
    own = {content["name"]: content for f in result.faces if (content := own_scheme(f.markup))}
    faces = enumerate(result.faces, 1)
    shapes = [shape for number, face in faces for shape in _shapes(face, number)]
    content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": source}
    content |= {"imageData": None, "imageHeight": result.height, "imageWidth": result.width}
    return content | ({"markup": next(iter(own.values()))} if own else {})


def _shapes(face: Face, group: int) -> Iterator[dict[str, Any]]:
    """The rectangle of a face, then its points."""
    x0, y0, x1, y1 = (round(float(value) + 0.5, 3) for value in face.box)
    common = {"group_id": group, "description": ""}
    box = {"label": face.markup, "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle"}
    yield common | box | {"flags": {}, "score": round(float(face.score), 4)}
    names = load_markup(face.markup).names
    for i, (name, (x, y)) in enumerate(zip(names, face.landmarks.tolist(), strict=True)):
        covered = face.visible is not None and not face.visible[i]
        point = {"label": name, "points": [[round(x + 0.5, 3), round(y + 0.5, 3)]]}
        flags = {COVERED[0]: True} if covered else {}
        yield common | point | {"shape_type": "point", "flags": flags}


def is_labelme(path: Path) -> bool:
    """Whether a JSON file, or the first of a folder, is labelme's."""
    if is_folder(path):
        files = sorted(path.rglob("*.json"))
        return bool(files) and is_labelme(files[0])
    content = read_content(path)
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def read_images(path: Path, subset: str) -> Iterator[LabelledImage]:
    """The images of one file, or of those of a folder and its sub-folders."""
    files, home = (sorted(path.rglob("*.json")), path) if is_folder(path) else ([path], path.parent)
    if not is_folder(path):
        read_content(path)
    if not files:
        raise DataError(f"{path}: holds no .json file")
    needs = "not labelme's JSON, which has shapes with label and points"
    for file in files:
        yield image_or_fault(str(file), needs, _parse_file, file, home)


def _parse_file(file: Path, home: Path) -> LabelledImage:
    content = read_content(file)
    shapes = content["shapes"]
    below = file.parent.relative_to(home).as_posix()
    image = str(content.get("imagePath") or image_beside(file).name)
    name = image if below == "." else f"{below}/{image}"
    width, height = (content.get(k) and int(content[k]) for k in ("imageWidth", "imageHeight"))
    regions = [region for shape in shapes if (region := _region(shape))]
    return LabelledImage(
        name=name,
        width=width,
        height=height,
        faces=to_faces(regions, str(file), name),
        markup=content.get("markup"),
    )


def _region(shape: Mapping[str, Any]) -> Region | None:
    """A point or a rectangle; None for other shapes."""
    kind, points = shape.get("shape_type"), shape["points"]
    if (kind, len(points)) not in (("point", 1), ("rectangle", 2)):
        return None
    xs, ys = zip(*points, strict=True)
    corners = [min(xs), min(ys), max(xs), max(ys)] if kind == "rectangle" else [xs[0], ys[0]]
    flags = shape.get("flags") or {}
    return Region(
        label=str(shape["label"]),
        corners=[value - 0.5 for value in corners],
        group=shape.get("group_id"),
        occluded=any(flags.get(word) for word in COVERED),
        score=shape.get("score") or 1.0,
    )


TOOL = NamedTool(title="labelme (a JSON file for each image)", images=read_images)
