"""A folder of images with a `.pts` file beside each, in sub-folders too. The points are 1-based.

Each box is that of the points. Faces of one image carry its name and a number: `a_1.pts`, `a_2.pts`
need `a_1.jpg`, `a_2.jpg`.
"""

from __future__ import annotations

from pathlib import Path

from facealign.datasets.formats.custom import ALL, DEFAULT_MARKUP, own_dataset
from facealign.datasets.reading import (
    IMAGE_SUFFIXES,
    Reading,
    build_sample,
    build_samples,
    check_subset,
    image_beside,
)
from facealign.errors import DataError
from facealign.formats.pts import read_pts
from facealign.markup import load_markup
from facealign.problems import report
from facealign.types import Sample


def read_folder(root: Path, subset: str = ALL, markup: str = DEFAULT_MARKUP) -> Reading:
    """The faces of a folder of images and `.pts` files; an image without one is a problem.

    Raises:
        DataError: no such folder, subset or markup, or no `.pts` file below it.

    """
    check_subset("pts", subset, (ALL,))
    count = load_markup(markup).count
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    labels = [path for path in files if path.suffix.lower() == ".pts"]
    if not labels:
        raise DataError(f"{root}: holds no .pts file")
    labelled = {path.with_suffix("") for path in labels}
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    alone = [path for path in images if path.with_suffix("") not in labelled]

    def build(path: Path) -> Sample:
        image = image_beside(path)
        return build_sample(
            str(path),
            id=image.relative_to(root).as_posix(),
            image=image,
            landmarks=read_pts(path, count),
            markup=markup,
            box=None,
        )

    samples = build_samples(labels, build)
    for path in alone:
        report(f"{path}: there is no .pts file of this name beside it")
    return Reading("pts", subset, samples)


DATASET = own_dataset(
    "pts", "A folder of images and .pts files", read_folder, origin=1, labels_apart=False
)
