"""WFLW: 98 points, and six attributes that name the test subsets.

    root/WFLW_images/0--Parade/….jpg
    root/WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{train,test}.txt

A line is 98 x y pairs, the rectangle x0 y0 x1 y1, the attributes pose, expression, illumination,
make-up, occlusion, blur (0 or 1), and the image's name.
"""

from pathlib import Path

import numpy as np

from facealign.datasets.reading import Dataset, Reading, build_sample, check_subset, read_records
from facealign.errors import DataError
from facealign.files import reading
from facealign.types import Sample

ATTRIBUTES = ("pose", "expression", "illumination", "makeup", "occlusion", "blur")
"""In the order of the file; each is a subset of the test set."""
COUNTS = (7500, 2500, 326, 314, 698, 206, 736, 773)
SUBSETS = dict(zip(("train", "test", *ATTRIBUTES), COUNTS, strict=True))
POINTS = 98
FIELDS = 2 * POINTS + 4 + len(ATTRIBUTES)
"""Numbers of a line, before the image's name."""


def read_wflw(root: Path, subset: str) -> Reading:
    """The faces of one subset of WFLW.

    Args:
        root: the folder that holds `WFLW_images` and `WFLW_annotations`.
        subset: "train", "test", or an attribute of test faces: "pose", "expression",
            "illumination", "makeup", "occlusion", "blur".

    Raises:
        DataError: no such subset, or the label file or image folder is missing.
    """
    check_subset("wflw", subset, SUBSETS)
    images = root / "WFLW_images"
    part = "train" if subset == "train" else "test"
    folder = root / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    path = folder / f"list_98pt_rect_attr_{part}.txt"
    if not images.is_dir():
        raise DataError(f"{images}: no such folder; --root must hold WFLW_images")
    with reading(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [(i, words) for i, line in enumerate(lines, 1) if (words := line.split())]
    chosen = [row for row in rows if _belongs(row[1], subset)]
    return read_records("wflw", subset, chosen, lambda row: _wflw_sample(path, images, *row))


def _belongs(words: list[str], subset: str) -> bool:
    """Whether a line is of the subset; one with a wrong length is, so that it is reported."""
    if subset not in ATTRIBUTES or len(words) != FIELDS + 1:
        return True
    return words[2 * POINTS + 4 + ATTRIBUTES.index(subset)] != "0"


def _wflw_sample(path: Path, images: Path, line: int, words: list[str]) -> Sample:
    place = f"{path}:{line}"
    if len(words) != FIELDS + 1:
        needs = f"{FIELDS + 1}: 98 points, rectangle, attributes, image"
        raise DataError(f"{place}: {len(words)} words instead of {needs}")
    try:
        values = np.array([float(word) for word in words[:FIELDS]])
    except ValueError:
        raise DataError(f"{place}: a value is not a number") from None
    return build_sample(
        place,
        id=f"{line}/{words[-1]}",
        image=images / words[-1],
        landmarks=values[: 2 * POINTS].reshape(POINTS, 2),
        markup="wflw98",
        box=values[2 * POINTS : 2 * POINTS + 4],
        group=words[-1],
    )


DATASET = Dataset(
    name="wflw",
    title="WFLW (2018)",
    home="https://wywu.github.io/projects/LAB/WFLW.html",
    read=read_wflw,
    subsets=SUBSETS,
    markup="wflw98",
    normalisers=("inter_ocular",),
)
