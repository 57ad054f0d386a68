"""COCO keypoints (`.coco.json`): `images`, `annotations`, in results a category for each markup.

A keypoint is x, y, v: v is 2 for a visible point, 1 for a covered one, 0 for one that is not
labelled, which results never have. `bbox` is x, y, width, height. Pixels to 0.001, with the centre
of the first at (0, 0). The `scores` of the points and the `error` of a photo, for which COCO has no
field, are stored under these names. Labels without a `bbox` have the box of their labelled points.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.files import parsing
from facealign.formats.json import read_document
from facealign.formats.labels import Label, LabelReader, ParseLabel
from facealign.formats.survey import Survey
from facealign.markup import Markup, known_markup, load_markup


def write_coco(results: Iterable[ImageResult], file: IO[str], survey: Survey) -> None:
    """One document; the annotations are kept in a temporary file until the images are written."""
    categories = {name: number for number, name in enumerate(sorted(survey.markups), 1)}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as annotations:
        file.write('{"images": [')
        count = 0
        for number, result in enumerate(results, 1):
            file.write((",\n" if number > 1 else "\n") + _dumps(_image(result, number)))
            for face in result.faces:
                count += 1
                entry = _annotation(face, count, number, categories[face.markup])
                annotations.write((",\n" if count > 1 else "\n") + _dumps(entry))
        file.write('\n],\n"annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, file)
    content = [_category(name, number) for name, number in categories.items()]
    file.write('\n],\n"categories": ' + _dumps(content) + "}\n")


def _dumps(entry: Any) -> str:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False)


def _image(result: ImageResult, number: int) -> dict[str, Any]:
    entry = {"id": number, "file_name": result.source}
    entry |= {"width": result.width, "height": result.height}
    return entry | ({"error": result.error} if result.error else {})


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
    return annotation | ({"scores": entry["scores"]} if "scores" in entry else {})


def _category(markup: str, number: int) -> dict[str, Any]:
    names = list(load_markup(markup).names)
    return {"id": number, "name": markup, "supercategory": "face", "keypoints": names}


@dataclass(frozen=True)
class CocoFile:
    """The content of a COCO keypoints file.

    Attributes:
        path: of the file.
        images: its entries, each with an `id` and a `file_name`.
        names: image id → file name.
        annotations: its entries, unchecked.
        schemes: category id → name.

    """

    path: Path
    images: list[dict[str, Any]]
    names: dict[Any, str]
    annotations: list[Any]
    schemes: dict[Any, Any]


def load_coco(path: Path) -> CocoFile:
    """A COCO keypoints file, read at once.

    Raises:
        DataError: the file cannot be read or is not a COCO file.

    """
    content = read_document(path)
    images, annotations = content.get("images"), content.get("annotations")
    if not (isinstance(images, list) and isinstance(annotations, list)):
        raise DataError(f'{path}: not a COCO file: the lists "images" and "annotations" are needed')
    try:
        names = {entry["id"]: str(entry["file_name"]) for entry in images}
    except (LookupError, TypeError):
        raise DataError(f"{path}: one of the images lacks an id or a file_name") from None
    try:
        schemes = {entry["id"]: entry["name"] for entry in content.get("categories", ())}
    except (LookupError, TypeError):
        raise DataError(f"{path}: one of the categories lacks an id or a name") from None
    return CocoFile(path, images, names, annotations, schemes)


def is_coco(path: Path) -> bool:
    """Whether a JSON file is COCO's rather than of our own schema."""
    return "annotations" in read_document(path)


def read_labels(path: Path, scheme: Markup, subset: str) -> Iterator[ParseLabel]:
    """The faces of a COCO keypoints file, its keypoints in the order of the point scheme.

    Raises:
        DataError: the file cannot be read or is not a COCO file.

    """
    file = load_coco(path)
    for number in range(len(file.annotations)):
        yield partial(_parse_annotation, file, number)


LABELS = LabelReader(title="COCO keypoints (JSON)", read=read_labels)


def _parse_annotation(file: CocoFile, number: int) -> Label:
    entry = file.annotations[number]
    place = f"{file.path}: annotations[{number}]"
    needs = (
        "needs the image_id of an image, keypoints x, y, v …, and no bbox or one of four numbers"
    )
    with parsing(place, needs):
        name = file.names[entry["image_id"]]
        keypoints = np.array(entry["keypoints"], np.float64).reshape(-1, 3)
        box = np.array(entry["bbox"], np.float64) if entry.get("bbox") else None
        corners = None if box is None else [*box[:2], *(box[:2] + box[2:])]
        points, state = keypoints[:, :2], keypoints[:, 2]
        id = f"{entry.get('id', number)}/{name}"
    return Label(place, id, name, points, state > 0, state == 1, corners)


def read_coco(path: Path, markup: str) -> Iterator[ImageResult]:
    """The results in a COCO keypoints file; every point must be labelled.

    Args:
        path: the file.
        markup: the point scheme of categories that are not named after one.

    Raises:
        DataError: the file cannot be read, is not a COCO file, or a face lacks a point.

    """
    file = load_coco(path)
    faces: dict[Any, list[Face]] = defaultdict(list)
    for number, entry in enumerate(file.annotations):
        label = _parse_annotation(file, number)
        with parsing(label.place):
            name = file.schemes.get(entry.get("category_id"), markup)
            scheme = str(name) if known_markup(name) else markup
            face = label.to_face(entry.get("score", 1.0), scheme, entry.get("scores"))
            faces[entry["image_id"]].append(face)
    for number, image in enumerate(file.images):
        with parsing(f"{path}: images[{number}]"):
            width, height = (image.get(k) and int(image[k]) for k in ("width", "height"))
        found, error = faces.get(image["id"], []), image.get("error")
        yield ImageResult(file.names[image["id"]], width, height, found, error)
