"""AFLW with 19 points: the images of AFLW, the labels of Zhu et al. (CVPR 2016).

    root/AFLWinfo_release.mat      root/flickr/{0,2,3}/image….jpg (or root/data/flickr/…)

`bbox` is x0, x1, y0, y1; `data` is 19 x, then 19 y; `mask_new` is 1 where a point is seen;
`nameList` is relative to `flickr`; `ra` is a 1-based order, in which the first 20,000 faces train.
Points and boxes count from 1, as MATLAB does.

The release places hidden points too, and the published numbers are over all 19: such a point is
labelled (it counts) and occluded. A hidden point at (0, 0) is not labelled.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facealign.datasets.matfile import read_mat
from facealign.datasets.reading import Dataset, Reading, build_sample, check_subset, read_records
from facealign.errors import DataError
from facealign.types import Sample

FACES, TRAINING_FACES, POINTS = 24386, 20000, 19
LABELS = "AFLWinfo_release.mat"
FIELDS = {"bbox": 4, "data": 2 * POINTS, "mask_new": POINTS}
SUBSETS = {"train": TRAINING_FACES, "full": FACES - TRAINING_FACES, "frontal": 1314}


def read_aflw(root: Path, subset: str, training_faces: int | None = None) -> Reading:
    """The faces of one subset of AFLW.

    Args:
        root: the folder that holds `AFLWinfo_release.mat` and `flickr`.
        subset: "train", "full" (all test faces), "frontal" (those with all 19 points seen).
        training_faces: how many of `ra` train; needed for a part of AFLW, else 20,000.

    Raises:
        DataError: no such subset, or the label file or image folder is missing or damaged.
        MissingExtraError: the "data" extra is not installed.
    """
    check_subset("aflw", subset, SUBSETS)
    folder = next((f for f in (root / "flickr", root / "data" / "flickr") if f.is_dir()), None)
    if folder is None:
        raise DataError(f"{root / 'flickr'}: no such folder; --root must hold AFLW's flickr folder")
    path = root / LABELS
    labels = _read_labels(path)
    order = labels["ra"]
    if training_faces is None and len(order) != FACES:
        raise DataError(
            f"{path}: holds {len(order)} faces, not AFLW's {FACES}: say how many of them train "
            "with the option training_faces"
        )
    first = TRAINING_FACES if training_faces is None else training_faces
    chosen = order[:first] if subset == "train" else order[first:]
    if subset == "frontal":
        chosen = chosen[(labels["mask_new"][chosen] == 1).all(axis=1)]
    return read_records("aflw", subset, chosen, partial(_aflw_sample, labels, path, folder))


def _read_labels(path: Path) -> dict[str, Any]:
    labels = read_mat(path, (*FIELDS, "nameList", "ra"))
    count = len(labels["nameList"])
    for name, width in FIELDS.items():
        if (shape := np.shape(labels[name])) != (count, width):
            needs = f"{count} names need ({count}, {width})"
            raise DataError(f"{path}: {name} is {shape}, but {needs}")
    order = np.ravel(labels["ra"]).astype(np.int64) - 1
    if not np.array_equal(np.sort(order), np.arange(count)):
        raise DataError(f"{path}: ra does not list each of the faces 1 … {count} once")
    return {**labels, "ra": order}


def _aflw_sample(labels: dict[str, Any], path: Path, folder: Path, row: int) -> Sample:
    name = labels["nameList"][row]
    place = f"{path}: face {row + 1}"
    if not name:
        raise DataError(f"{place}: its name in nameList is not text")
    points = labels["data"][row].reshape(2, POINTS).T
    seen = labels["mask_new"][row] == 1
    x0, x1, y0, y1 = labels["bbox"][row]
    return build_sample(
        place,
        id=f"{row + 1}/{name}",
        image=folder / name,
        landmarks=points - 1,
        labelled=seen | (points != 0).any(axis=1),
        occluded=~seen,
        markup="aflw19",
        box=(x0 - 1, y0 - 1, x1 - 1, y1 - 1),
        group=name,
    )


DATASET = Dataset(
    name="aflw",
    title="AFLW, 19 points (2011, labels 2016)",
    home="https://www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/aflw",
    read=read_aflw,
    subsets=SUBSETS,
    markup="aflw19",
    normalisers=("box_size",),
    origin=1,
    options=("training_faces",),
)
