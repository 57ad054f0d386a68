"""COCO keypoints (`.coco.json`): `images`, `annotations`, in results a category for each markup.

A keypoint is x, y, v: v is 2 for a visible point, 1 for a covered one, 0 for one that is not
labelled, which results never have. `bbox` is x, y, width, height. Pixels to 0.001, with the centre
of the first at (0, 0). The `scores` of the points and the `error` of a photo, for which COCO has no
field, are stored under these names, a point scheme that is not built in under `markup` of its
category. Labels without a `bbox` have the box of their labelled points.

Points go by the names in `keypoints` of their category, whose points and `skeleton` are a point
scheme where no other is asked for.
"""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.files import parsing
from facealign.formats.contents import Contents
from facealign.formats.json import build_result, dumps, read_content, read_document
from facealign.formats.labels import (
    DEFAULT_MARKUP,
    Label,
    LabelReader,
    ParseLabel,
    named_after,
    order_of,
    scheme_of,
    to_faces,
)
from facealign.geometry import to_box
from facealign.markup import Markup, load_markup, own_scheme, scheme_of_dict
from facealign.types import Box


@dataclass(frozen=True)
class Category:
    """A category; its `content` is the point scheme in full, where facealign wrote it."""

    name: str
    points: tuple[str, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    content: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Category":
        """A category from its entry in the file."""
        points = tuple(map(str, entry.get("keypoints") or ()))
        pairs = np.array(entry.get("skeleton") or (), int).reshape(-1, 2)
        pairs = pairs - 1 if pairs.size and pairs.min() > 0 else pairs  # COCO counts from 1
        lines = [(points[one], points[other]) for one, other in pairs.tolist()] if points else []
        return cls(str(entry["name"]), points, tuple(lines), entry.get("markup"))

    def own(self, place: str) -> Markup | None:
        """The point scheme that it gives, as `scheme_of` has it."""
        if self.content:
            return scheme_of_dict(self.content, place)
        return scheme_of(self.name, self.points, place, self.lines)

    def order(self, scheme: Markup, place: str) -> list[int]:
        """Which of its points, which have names, is which of a point scheme (`order_of`)."""
        return order_of(self.points, scheme, f"{place}: category {self.name}")


@dataclass(frozen=True)
class CocoFile:
    """The content of a COCO keypoints file: its entries, those of the annotations unchecked.

    `names` has the file name of each image by its id; the categories go by theirs.
    """

    path: Path
    images: list[dict[str, Any]]
    names: dict[Any, str]
    annotations: list[Any]
    categories: dict[Any, Category]

    @cached_property
    def used(self) -> list[Category]:
        """The categories with named points of which there is an annotation with points."""
        found = {key_of(entry, "category_id") for entry in self.annotations if has_points(entry)}
        return [each for id, each in self.categories.items() if id in found and each.points]


def load_coco(path: Path) -> CocoFile:
    """A COCO keypoints file, read at once.

    Raises:
        DataError: the file cannot be read or is not a COCO file.
    """
    content = read_document(path)
    images, annotations = content.get("images"), content.get("annotations")
    if not (isinstance(images, list) and isinstance(annotations, list)):
        raise DataError(f'{path}: not a COCO file: the lists "images" and "annotations" are needed')
    with parsing(path, "one of the images lacks an id or a file_name"):
        names = {entry["id"]: str(entry["file_name"]) for entry in images}
    with parsing(path, "one of the categories lacks an id or a name, or is damaged"):
        categories = {e["id"]: Category.of(e) for e in content.get("categories") or ()}
    return CocoFile(path, images, names, annotations, categories)


def has_points(entry: Any) -> bool:
    """Whether an annotation places a point."""
    values = entry.get("keypoints") if isinstance(entry, dict) else None
    return isinstance(values, list) and any(values[2::3])


def key_of(entry: Any, name: str) -> str | int | None:
    """What an entry says of an id; None where it says nothing that can be one."""
    value = entry.get(name) if isinstance(entry, dict) else None
    return value if isinstance(value, str | int) else None


def write_coco(results: Iterable[ImageResult], file: IO[str], contents: Contents) -> None:
    """One document; the annotations are kept in a temporary file until the images are written."""
    categories = {name: number for number, name in enumerate(sorted(contents.markups), 1)}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as annotations:
        file.write('{"images": [')
        count = 0
        for number, result in enumerate(results, 1):
            image = {"id": number, "file_name": result.source}
            image |= {"width": result.width, "height": result.height}
            image |= {"error": result.error} if result.error else {}
            file.write((",\n" if number > 1 else "\n") + dumps(image))
            for face in result.faces:
                count += 1
                entry = _annotation(face, count, number, categories[face.markup])
                annotations.write((",\n" if count > 1 else "\n") + dumps(entry))
        file.write('\n],\n"annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, file)
    content = [_category(name, number) for name, number in categories.items()]
    file.write('\n],\n"categories": ' + dumps(content) + "}\n")


def _annotation(face: Face, number: int, image: int, category: int) -> dict[str, Any]:
    entry = face.to_dict()
    x0, y0, x1, y1 = entry["box"]
    width, height = round(x1 - x0, 3), round(y1 - y0, 3)
    seen = entry.get("visible", [True] * len(entry["landmarks"]))
    triples = zip(entry["landmarks"], seen, strict=True)
    annotation = {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [x0, y0, width, height],
        "area": round(width * height, 3),
        "iscrowd": 0,
        "score": entry["score"],
        "num_keypoints": len(entry["landmarks"]),
        "keypoints": [value for (x, y), flag in triples for value in (x, y, 1 + flag)],
    }
    return annotation | {name: entry[name] for name in ("confidence", "scores") if name in entry}


def _category(markup: str, number: int) -> dict[str, Any]:
    scheme, own = load_markup(markup), own_scheme(markup)
    lines = [[one + 1, other + 1] for line in scheme.polylines() for one, other in pairwise(line)]
    entry = {"id": number, "name": markup, "supercategory": "face"}
    entry |= {"keypoints": list(scheme.names), "skeleton": lines}
    return entry | ({"markup": own} if own else {})


def is_coco(path: Path) -> bool:
    """Whether a JSON file is COCO's: it has annotations beside images."""
    content = read_content(path)
    return isinstance(content, dict) and "annotations" in content and "images" in content


def own_schemes(path: Path) -> list[Markup]:
    """The point schemes of the categories that the file has points of."""
    found = [category.own(str(path)) for category in load_coco(path).used]
    return list(dict.fromkeys(scheme for scheme in found if scheme))


def read_labels(path: Path, scheme: Markup, subset: str) -> Iterator[ParseLabel]:
    """The faces; DataError where the points of every category have other names than the scheme."""
    file = load_coco(path)
    faults = []
    for category in file.used:
        try:
            category.order(scheme, str(path))
        except DataError as error:
            faults.append(error)
    if faults and len(faults) == len(file.used):
        raise faults[0]
    for number in range(len(file.annotations)):
        yield partial(_parse_annotation, file, number, scheme)


def read_coco_boxes(path: Path) -> dict[str, list[Box]]:
    """The `bbox` of each image's annotations, of the categories with points where there are any.

    Raises:
        DataError: the file cannot be read, or is not a COCO file.
    """
    file = load_coco(path)
    found: dict[str, list[Box]] = {name: [] for name in file.names.values()}
    for number, entry in enumerate(file.annotations):
        category = file.categories.get(key_of(entry, "category_id"))
        with parsing(f"{path}: annotations[{number}]", "needs an image_id and a bbox"):
            if entry.get("iscrowd") or (file.used and category not in file.used):
                continue
            x, y, width, height = entry["bbox"]
            found[file.names[entry["image_id"]]].append(to_box([x, y, x + width, y + height]))
    return found


LABELS = LabelReader(
    title="COCO keypoints (JSON)", read=read_labels, schemes=own_schemes, read_boxes=read_coco_boxes
)


def _parse_annotation(file: CocoFile, number: int, scheme: Markup) -> Label:
    entry = file.annotations[number]
    place = f"{file.path}: annotations[{number}]"
    needs = "needs the image_id of an image, keypoints x, y, v …, and no bbox or one of four"
    with parsing(place, f"{needs} numbers"):
        name = file.names[entry["image_id"]]
        category = file.categories.get(key_of(entry, "category_id"), Category("face"))
        if not has_points(entry) and (entry.get("iscrowd") or not entry.get("keypoints")):
            kind = "a crowd" if entry.get("iscrowd") else "only a box"
            raise DataError(f"{place}: {name}: no point is marked ({kind}, {category.name})")
        keypoints = np.array(entry["keypoints"], np.float64).reshape(-1, 3)
        box = np.array(entry["bbox"], np.float64) if entry.get("bbox") else None
        corners = None if box is None else [*box[:2], *(box[:2] + box[2:])]
        id = f"{entry.get('id', number)}/{name}"
        score, scores = entry.get("score", 1.0), entry.get("scores")
    if category.points:
        order, count = category.order(scheme, place), len(category.points)
        with parsing(place, f"category {category.name} names {count} points"):
            if len(keypoints) != count:
                raise ValueError(f"{len(keypoints)} values")
            keypoints = keypoints[order]
            scores = scores and np.reshape(np.asarray(scores, np.float64), count)[order]
    points, state = keypoints[:, :2], keypoints[:, 2]
    known = (place, id, name, points, state > 0, scheme.name, state == 1, corners, score, scores)
    return Label(*known, confidence=entry.get("confidence"))


def read_coco(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in a COCO keypoints file; an annotation that is no face is reported.

    `markup` is the point scheme of categories that are not named after one; None takes their own.

    Raises:
        DataError: the file cannot be read, is not a COCO file, or its points have other names than
            the point scheme.
    """
    file = load_coco(path)
    schemes = {id: _scheme_of(each, markup, file) for id, each in file.categories.items()}
    default = load_markup(markup or DEFAULT_MARKUP)
    faces: dict[Any, list[ParseLabel]] = defaultdict(list)
    for number, entry in enumerate(file.annotations):
        scheme = schemes.get(key_of(entry, "category_id"), default)
        parse = partial(_parse_annotation, file, number, scheme)
        faces[key_of(entry, "image_id")].append(parse)
    to_faces(parse for id, parses in faces.items() if id not in file.names for parse in parses)
    for number, image in enumerate(file.images):
        found = to_faces(faces.get(image["id"], ()))
        with parsing(f"{path}: images[{number}]"):  # 0 is how others say that it is not known
            size = image.get("width") or None, image.get("height") or None
            result = build_result(file.names[image["id"]], *size, found, image.get("error"))
        yield result


def _scheme_of(category: Category, markup: str | None, file: CocoFile) -> Markup:
    """The point scheme of a category: of results as they say, else the one asked for, else own."""
    place, used = str(file.path), category in file.used
    says = category.content or named_after(category.name, category.points)
    own = category.own(place) if says or (used and not markup) else None
    scheme = own or load_markup(markup or DEFAULT_MARKUP)
    if used:
        category.order(scheme, place)
    return scheme
