"""CVAT for images 1.1, as `facealign.formats.cvat` reads it, for training and evaluation.

A face without a box has that of the points whose place is known.
"""

from __future__ import annotations

from pathlib import Path

from facealign.datasets.formats.custom import ALL, DEFAULT_MARKUP, find_image, own_dataset
from facealign.datasets.reading import Reading, build_sample, check_subset
from facealign.errors import DataError
from facealign.formats.cvat import face_elements, parse_face, read_images
from facealign.formats.marks import Marks
from facealign.markup import load_markup
from facealign.problems import report
from facealign.types import Sample


def read_cvat(
    root: Path, subset: str = ALL, markup: str = DEFAULT_MARKUP, images: str | None = None
) -> Reading:
    """The faces of a CVAT file; an image without a face is a problem.

    Args:
        root: the XML file.
        subset: "all".
        markup: the point scheme.
        images: their folder, relative to the file; None looks in the usual places.

    Raises:
        DataError: the file cannot be read or is not "CVAT for images", or no such subset or markup.

    """
    check_subset("cvat", subset, (ALL,))
    scheme = load_markup(markup)
    samples: list[Sample] = []
    for image in read_images(root):
        name, faces = image.get("name", ""), face_elements(image)
        if not faces:
            report(f"{root}: {name}: has no points")
        for number, face in enumerate(faces, 1):
            try:
                marks = parse_face(image, face, scheme, _place(root, name, number))
                samples.append(_build(root, name, number, marks, markup, images))
            except DataError as error:
                report(str(error))
    return Reading("cvat", subset, samples)


def _place(root: Path, name: str, number: int) -> str:
    return f"{root}: {name}, face {number}"


def _build(
    root: Path, name: str, number: int, marks: Marks, markup: str, images: str | None
) -> Sample:
    return build_sample(
        _place(root, name, number),
        id=f"{name}#{number}",
        image=find_image(root, name, images),
        landmarks=marks.points,
        labelled=marks.placed,
        occluded=marks.occluded,
        markup=markup,
        box=marks.box,
        group=name,
    )


DATASET = own_dataset("cvat", "CVAT for images 1.1 (XML)", read_cvat)
