"""Results as COCO keypoints (`.coco.json`): `images`, `annotations`, a category for each markup.

A keypoint is x, y, v: v is 2 for a point that is seen and 1 for one that is covered. `bbox` is
x, y, width, height. Pixels, with the first one's centre at (0, 0), to 0.001. What COCO has no word
for, `scores` of the points and a photo's `error`, stands under those names.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.formats.json import build_face, read_document
from facealign.formats.survey import Survey
from facealign.markup import load_markup


def write_coco(results: Iterable[ImageResult], file: IO[str], survey: Survey) -> None:
    """One document; the annotations wait on the disk until the images are written."""
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


def read_coco(path: Path, markup: str) -> Iterator[ImageResult]:
    """The results in a COCO keypoints file; the whole file is read at once.

    Args:
        path: the file.
        markup: the point scheme of categories that are not called after one.

    Raises:
        DataError: the file cannot be read or is no COCO file.

    """
    content = read_document(path)
    place = str(path)
    try:
        schemes = {c["id"]: c["name"] for c in content.get("categories", ())}
        faces: dict[Any, list[Face]] = defaultdict(list)
        for number, entry in enumerate(content["annotations"]):
            place = f"{path}: annotations[{number}]"
            faces[entry["image_id"]].append(_face(entry, schemes, markup))
        for number, image in enumerate(content["images"]):
            place = f"{path}: images[{number}]"
            size = image.get("width"), image.get("height")
            name, error = str(image["file_name"]), image.get("error")
            yield ImageResult(name, *size, faces.get(image["id"], []), error)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{place}: not as COCO keypoints have it ({type(error).__name__}: {error})"
        ) from None


def _face(entry: dict[str, Any], schemes: dict[Any, str], markup: str) -> Face:
    keypoints = np.array(entry["keypoints"], np.float64).reshape(-1, 3)
    name = schemes.get(entry.get("category_id"), markup)
    try:
        count = load_markup(name).count
    except DataError:
        name, count = markup, load_markup(markup).count
    if len(keypoints) != count:
        raise ValueError(f"{len(keypoints)} keypoints, but {name} has {count}")
    seen = keypoints[:, 2] == 2
    scores = entry.get("scores")
    return build_face(
        _box(entry.get("bbox"), keypoints[:, :2]),
        entry.get("score", 1.0),
        keypoints[:, :2],
        name,
        scores=None if scores is None else np.array(scores, np.float32),
        visible=None if seen.all() else seen,
    )


def _box(bbox: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The corners of a bbox x, y, width, height; without one those of the points."""
    if not bbox:
        return np.concatenate([points.min(axis=0), points.max(axis=0)])
    x, y, width, height = (float(value) for value in bbox)
    return np.array([x, y, x + width, y + height])
