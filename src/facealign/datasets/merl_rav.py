"""MERL-RAV: 68 points with visibility on the photos of AFLW, as its own script lays them out.

    root/merl_rav_organized/{frontal,lefthalf,righthalf,left,right}/{trainset,testset}/*.{jpg,pts}

In the `.pts` files (-1, -1) is a self-occluded point, not labelled; (-x, -y) an externally
occluded one at (x, y). The second counts in the error, the first does not. There are no boxes: each
is that of the points, which is also what the error is divided by (`box_size`).
"""

from pathlib import Path

import numpy as np

from facealign.datasets.reading import Dataset, Reading, build_sample, check_subset, read_records
from facealign.errors import DataError
from facealign.formats.pts import image_beside, read_pts
from facealign.types import Sample

POSES = {"frontal": ("frontal",), "half": ("lefthalf", "righthalf"), "profile": ("left", "right")}
EVERY_POSE = ("frontal", "lefthalf", "righthalf", "left", "right")
SUBSETS = {"train": 15449, "test": 3865, "frontal": 2195, "half": 1046, "profile": 624}


def read_merl_rav(root: Path, subset: str) -> Reading:
    """The faces of one subset of MERL-RAV.

    Args:
        root: the folder that holds `frontal`, `lefthalf` …, or holds `merl_rav_organized`.
        subset: "train", "test", or the test faces of one pose: "frontal", "half", "profile".

    Raises:
        DataError: no such subset, or a folder of it is missing.
    """
    check_subset("merl-rav", subset, SUBSETS)
    inside = root / "merl_rav_organized"
    top = inside if inside.is_dir() else root
    part = "trainset" if subset == "train" else "testset"
    folders = [top / pose / part for pose in POSES.get(subset, EVERY_POSE)]
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; --root must hold merl_rav_organized")
    paths = [path for folder in folders for path in sorted(folder.glob("*.pts"))]
    return read_records("merl-rav", subset, paths, lambda path: _merl_rav_sample(top, path))


def _merl_rav_sample(top: Path, path: Path) -> Sample:
    written = read_pts(path, 68) + 1
    hidden = (written == -1).all(axis=1)
    image = image_beside(path)
    return build_sample(
        str(path),
        id=image.relative_to(top).as_posix(),
        image=image,
        landmarks=np.abs(written) - 1,
        labelled=~hidden,
        occluded=(written < 0).any(axis=1),
        markup="ibug68",
        box=None,
        group=path.stem.split("_")[0],
    )


DATASET = Dataset(
    name="merl-rav",
    title="MERL-RAV (2020)",
    home="https://github.com/abhi1kumar/MERL-RAV_dataset",
    read=read_merl_rav,
    subsets=SUBSETS,
    markup="ibug68",
    box_source="landmarks",
    normalisers=("box_size",),
    origin=1,
)
