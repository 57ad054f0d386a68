"""COCO keypoints, as `facealign.formats.coco` reads them, for training and evaluation.

Without a `bbox` the box is that of the points whose place is known. Numbers are taken as written:
pixels with the first one's centre at (0, 0).
"""

from __future__ import annotations

from pathlib import Path

from facealign.datasets.formats.custom import ALL, DEFAULT_MARKUP, find_image, own_dataset
from facealign.datasets.reading import Reading, build_sample, build_samples, check_subset
from facealign.formats.coco import CocoFile, load_coco, parse_annotation
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
    file = load_coco(root)
    numbers = range(len(file.annotations))
    samples = build_samples(numbers, lambda number: _build(file, number, markup, images))
    return Reading("coco", subset, samples)


def _build(file: CocoFile, number: int, markup: str, images: str | None) -> Sample:
    name, marks = parse_annotation(file, number)
    return build_sample(
        f"{file.path}: annotations[{number}]",
        id=f"{file.annotations[number].get('id', number)}/{name}",
        image=find_image(file.path, name, images),
        landmarks=marks.points,
        labelled=marks.placed,
        occluded=marks.occluded,
        markup=markup,
        box=marks.box,
        group=name,
    )


DATASET = own_dataset("coco", "COCO keypoints (JSON)", read_coco)
