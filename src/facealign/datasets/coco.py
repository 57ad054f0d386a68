"""COCO keypoints: `images` with `file_name`, `annotations` with `keypoints` and `bbox`.

A keypoint is x, y, v; v is 0 for a point of unknown place, 1 for one that is covered, 2 for one
that is seen. `bbox` is x, y, width, height; without it the box is that of the points. Numbers are
taken as written: pixels with the first one's centre at (0, 0).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from facealign.datasets.own import ALL, DEFAULT_MARKUP, find_image, own_dataset
from facealign.datasets.reading import Reading, build_sample, check_subset, collect
from facealign.errors import DataError
from facealign.markup import load_markup
from facealign.types import Sample


def read_coco(
    root: Path, subset: str = ALL, markup: str = DEFAULT_MARKUP, images: str | None = None
) -> Reading:
    """The faces of a COCO keypoints file; annotations without keypoints are problems.

    Args:
        root: the JSON file.
        subset: "all".
        markup: the point scheme, in the order of the keypoints.
        images: their folder, relative to the file; None looks in the usual places.

    Raises:
        DataError: the file cannot be read or is no COCO file, or no such subset or markup.

    """
    check_subset("coco", subset, (ALL,))
    load_markup(markup)
    content = _read_json(root)
    try:
        names = {entry["id"]: str(entry["file_name"]) for entry in content["images"]}
    except (KeyError, TypeError):
        raise DataError(f"{root}: one of the images lacks an id or a file_name") from None
    records = list(enumerate(content["annotations"]))
    samples, problems = collect(
        records, lambda record: _build(root, names, markup, images, *record)
    )
    return Reading("coco", subset, samples, problems)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:  # no JSON, or no UTF-8
        raise DataError(f"{path}: not JSON ({error})") from None
    lists = content if isinstance(content, dict) else {}
    if not all(isinstance(lists.get(key), list) for key in ("images", "annotations")):
        raise DataError(f'{path}: not a COCO file: the lists "images" and "annotations" are needed')
    return lists


def _build(
    path: Path, names: dict[Any, str], markup: str, images: str | None, number: int, entry: Any
) -> Sample:
    place = f"{path}: annotations[{number}]"
    try:
        name = names[entry["image_id"]]
        keypoints = np.array(entry["keypoints"], dtype=np.float64).reshape(-1, 3)
        box = np.array(entry["bbox"], dtype=np.float64) if entry.get("bbox") else None
        corners = None if box is None else [*box[:2], *(box[:2] + box[2:])]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{place}: needs the image_id of an image, keypoints x, y, v …, and a bbox of four "
            f"numbers or none ({type(error).__name__}: {error})"
        ) from None
    return build_sample(
        place,
        id=f"{entry.get('id', number)}/{name}",
        image=find_image(path, name, images),
        landmarks=keypoints[:, :2],
        visible=keypoints[:, 2] > 0,
        occluded=keypoints[:, 2] == 1,
        markup=markup,
        box=corners,
        group=name,
    )


DATASET = own_dataset("coco", "COCO keypoints (JSON)", read_coco)
