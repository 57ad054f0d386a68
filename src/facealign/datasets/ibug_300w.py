"""300W: AFW, HELEN, LFPW and iBUG with 68 points each, in the folders of the official archives.

    root/afw/*.{jpg,png,pts}      root/helen/{trainset,testset}/…
    root/lfpw/{trainset,testset}/…      root/ibug/…
    root/01_Indoor/indoor_001.{png,pts} …      root/02_Outdoor/outdoor_001.{png,pts} …

The boxes are the official ones, made by a detector, never from the true points: either
`root/boxes.csv` (image,split,x0,y0,x1,y1; 1-based like the points) or the `bounding_boxes_*.mat`
of the official "Bounding Boxes" archive, anywhere below the root. For the test set of 600 no boxes
were published: without its rows in `boxes.csv` each box is that of the points
(`box_source` "landmarks").
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facealign.datasets.matfile import read_mat
from facealign.datasets.reading import Dataset, Reading, build_sample, check_subset, read_records
from facealign.errors import DataError
from facealign.files import parsing
from facealign.formats.pts import image_beside, read_pts
from facealign.formats.tables import read_columns, read_rows
from facealign.geometry import to_box
from facealign.markup import load_markup
from facealign.types import Box, Sample

TRAIN = ("afw", "helen/trainset", "lfpw/trainset")
COMMON = ("helen/testset", "lfpw/testset")
CHALLENGING = ("ibug",)
TEST = ("01_Indoor", "02_Outdoor")
SUBSETS = {
    "train": TRAIN,
    "common": COMMON,
    "challenging": CHALLENGING,
    "full": COMMON + CHALLENGING,
    "test": TEST,
}
BOX_COLUMNS = ("x0", "y0", "x1", "y1")
OFFICIAL_COUNTS = {"train": 3148, "common": 554, "challenging": 135, "full": 689, "test": 600}
"""Faces in each subset of the official archives."""


def read_300w(root: Path, subset: str) -> Reading:
    """The faces of one subset of 300W.

    Args:
        root: the folder that holds `afw`, `helen`, `lfpw`, `ibug`.
        subset: "train", "common", "challenging", "full", or "test" (the 600 of 2013).

    Raises:
        DataError: no such subset, a folder of it is missing, or there are no official boxes.
        MissingExtraError: the boxes are MATLAB files and the "data" extra is not installed.
    """
    check_subset("300w", subset, SUBSETS)
    folders = [root / name for name in SUBSETS[subset]]
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; --root must hold 300W's own folders")
    boxes: dict[str, Box] | None = _read_boxes(root, needed=subset != "test")
    if subset == "test" and not any(name.startswith(TEST) for name in boxes or ()):
        boxes = None
    paths = [path for folder in folders for path in sorted(folder.glob("*.pts"))]
    if not paths:
        raise DataError(f"{folders[0]}: holds no .pts file; --root must hold 300W's own folders")
    return read_records("300w", subset, paths, lambda path: _image_sample(root, path, boxes))


def _image_sample(root: Path, path: Path, boxes: dict[str, Box] | None) -> Sample:
    """The face of one `.pts` file; without `boxes` in the box of its points."""
    name = path.relative_to(root).with_suffix("").as_posix()
    landmarks = read_pts(path, load_markup("ibug68").count)
    image = image_beside(path)
    if boxes is not None and name not in boxes:
        raise DataError(f"{image}: has no official box; add it to boxes.csv")
    return build_sample(
        str(path),
        id=image.relative_to(root).as_posix(),
        image=image,
        landmarks=landmarks,
        markup="ibug68",
        box=None if boxes is None else boxes[name],
        # AFW and HELEN hold several faces, `…_1`, `…_2`, of one photo.
        group=name if name.startswith(("lfpw/", *TEST)) else re.sub("_[^_/]*$", "", name),
    )


def _read_boxes(root: Path, needed: bool) -> dict[str, Box]:
    """Image name without suffix, relative to the root → box, 0-based."""
    table = root / "boxes.csv"
    archives = sorted(root.rglob("bounding_boxes_*.mat"))
    if needed and not table.is_file() and not archives:
        raise DataError(
            f"{root}: no official boxes: put boxes.csv or the bounding_boxes_*.mat files there"
        )
    rows = _csv_rows(table) if table.is_file() else (r for a in archives for r in _mat_rows(a))
    boxes: dict[str, Box] = {}
    for name, values, place in rows:
        with parsing(place):
            boxes[name.rsplit(".", 1)[0]] = to_box(np.array(values, dtype=np.float64) - 1)
    return boxes


def _csv_rows(path: Path) -> Iterator[tuple[str, list[str], str]]:
    missing = {"image", *BOX_COLUMNS} - set(read_columns(path))
    if missing:
        raise DataError(f"{path}: the first line lacks the column {', '.join(sorted(missing))}")
    for line, row in read_rows(path):
        image = row["image"].replace("\\", "/")  # as Windows writes folders
        yield image, [row[key] for key in BOX_COLUMNS], f"{path}:{line}"


def _mat_rows(path: Path) -> Iterator[tuple[str, list[float], str]]:
    """Rows of one official file: a cell array of structs imgName, bb_detector, bb_ground_truth."""
    folder = path.stem.removeprefix("bounding_boxes_").replace("_", "/")
    if folder not in (*TRAIN, *COMMON, *CHALLENGING):
        return
    found = read_mat(path, ("bounding_boxes.imgName", "bounding_boxes.bb_detector"))
    images, boxes = found.values()
    if np.shape(boxes) != (len(images), 4):
        raise DataError(f"{path}: not an official 300W box file")
    for image, values in zip(images, boxes, strict=True):
        yield f"{folder}/{image}", list(values), str(path)


DATASET = Dataset(
    name="300w",
    title="300W (2013)",
    home="https://ibug.doc.ic.ac.uk/resources/300-W/",
    read=read_300w,
    subsets=OFFICIAL_COUNTS,
    markup="ibug68",
    boxes="official; test: of the points",
    normalisers=("inter_ocular", "inter_pupil"),
    origin=1,
)
