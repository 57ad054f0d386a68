"""300W: AFW, HELEN, LFPW and iBUG with 68 points each, in the folders of the official archives.

    root/afw/*.{jpg,png,pts}      root/helen/{trainset,testset}/…
    root/lfpw/{trainset,testset}/…      root/ibug/…

The boxes are the official ones, made by a detector, never from the true points: either
`root/boxes.csv` (image,split,x0,y0,x1,y1; 1-based like the points) or the `bounding_boxes_*.mat`
of the official "Bounding Boxes" archive, anywhere below the root.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facealign.datasets.reading import Reading
from facealign.errors import DataError, MissingExtraError
from facealign.formats.pts import read_pts
from facealign.geometry import to_box
from facealign.markup import load_markup
from facealign.types import Box, Sample

TRAIN = ("afw", "helen/trainset", "lfpw/trainset")
COMMON = ("helen/testset", "lfpw/testset")
CHALLENGING = ("ibug",)
SUBSETS = {
    "train": TRAIN,
    "common": COMMON,
    "challenging": CHALLENGING,
    "full": COMMON + CHALLENGING,
}
OFFICIAL_COUNTS = {"train": 3148, "common": 554, "challenging": 135, "full": 689}
"""Faces in each subset of the official archives."""
IMAGE_SUFFIXES = (".jpg", ".png", ".jpeg")


def read_300w(root: Path, subset: str) -> Reading:
    """The faces of one subset of 300W.

    Args:
        root: the folder that holds `afw`, `helen`, `lfpw`, `ibug`.
        subset: "train", "common", "challenging" or "full".

    Raises:
        DataError: no such subset, a folder of it is missing, or there are no official boxes.

    """
    if subset not in SUBSETS:
        raise DataError(f'300w has no subset "{subset}": choose one of {", ".join(SUBSETS)}')
    folders = [root / name for name in SUBSETS[subset]]
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; --root must hold 300W's own folders")
    boxes = _read_boxes(root)
    samples: list[Sample] = []
    problems: list[str] = []
    for path in (path for folder in folders for path in sorted(folder.glob("*.pts"))):
        try:
            samples.append(_read_sample(root, path, boxes))
        except DataError as error:
            problems.append(str(error))
    if not samples and not problems:
        raise DataError(f"{folders[0]}: holds no .pts file; --root must hold 300W's own folders")
    return Reading("300w", subset, samples, problems)


def _read_sample(root: Path, path: Path, boxes: dict[str, Box]) -> Sample:
    markup = load_markup("ibug68")
    landmarks = read_pts(path, markup.count)
    image = next((f for s in IMAGE_SUFFIXES if (f := path.with_suffix(s)).is_file()), None)
    if image is None:
        raise DataError(f"{path}: there is no image of this name beside it (.jpg or .png)")
    name = image.relative_to(root).as_posix()
    box = boxes.get(path.relative_to(root).with_suffix("").as_posix())
    if box is None:
        raise DataError(f"{image}: has no official box; add it to boxes.csv")
    return Sample(
        id=name,
        image=image,
        landmarks=landmarks,
        visible=np.ones(markup.count, np.bool_),
        box=box,
        box_source="official",
        markup=markup.name,
        group=_photo(path.relative_to(root)),
    )


def _photo(path: Path) -> str:
    """The photo a face is from: AFW and HELEN cut several faces, `…_1`, `…_2`, out of one."""
    stem = path.stem if path.parts[0] == "lfpw" else path.stem.rsplit("_", 1)[0]
    return (path.parent / stem).as_posix()


def _read_boxes(root: Path) -> dict[str, Box]:
    """Image name without suffix, relative to the root → box, 0-based."""
    table = root / "boxes.csv"
    archives = sorted(root.rglob("bounding_boxes_*.mat"))
    if not table.is_file() and not archives:
        raise DataError(
            f"{root}: no official boxes: put boxes.csv or the bounding_boxes_*.mat files there"
        )
    rows = _csv_rows(table) if table.is_file() else (r for a in archives for r in _mat_rows(a))
    boxes: dict[str, Box] = {}
    for name, values, place in rows:
        try:
            boxes[name.rsplit(".", 1)[0]] = to_box(np.array(values, dtype=np.float64) - 1)
        except ValueError as error:
            raise DataError(f"{place}: {error}") from None
    return boxes


def _csv_rows(path: Path) -> Iterator[tuple[str, list[str], str]]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        missing = {"image", "x0", "y0", "x1", "y1"} - set(reader.fieldnames or ())
        if missing:
            raise DataError(f"{path}: the first line lacks the column {', '.join(sorted(missing))}")
        for row in reader:
            values = [row[key] or "" for key in ("x0", "y0", "x1", "y1")]
            yield row["image"] or "", values, f"{path}:{reader.line_num}"


MAT_FOLDERS = {
    "afw": "afw",
    "helen_trainset": "helen/trainset",
    "helen_testset": "helen/testset",
    "lfpw_trainset": "lfpw/trainset",
    "lfpw_testset": "lfpw/testset",
    "ibug": "ibug",
}


def _mat_rows(path: Path) -> Iterator[tuple[str, list[float], str]]:
    """Rows of one official file: a cell array of structs imgName, bb_detector, bb_ground_truth."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise MissingExtraError("reading MATLAB files", "data") from None
    folder = MAT_FOLDERS.get(path.stem.removeprefix("bounding_boxes_"))
    if folder is None:
        return
    try:
        cells = loadmat(path, simplify_cells=True)["bounding_boxes"]
        rows = [(str(c["imgName"]), list(c["bb_detector"])) for c in np.atleast_1d(cells)]
    except Exception as error:  # scipy raises of everything on a damaged file
        raise DataError(f"{path}: not an official 300W box file ({error})") from None
    for image, values in rows:
        yield f"{folder}/{image}", values, str(path)
