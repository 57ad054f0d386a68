"""COFW in colour: 29 points with occlusion; the pictures lie inside the MATLAB 7.3 files.

    root/COFW_train_color.mat: IsTr, phisTr, bboxesTr
    root/COFW_test_color.mat: IsT, phisT, bboxesT

A row of `phis` is 29 x, 29 y, 29 flags (1: occluded), 1-based; of `bboxes` x, y, width, height.
The first 845 training faces are of LFPW. An occluded point has a place, and counts in the error.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from facealign.datasets.matfile import Matrix, is_hdf5, read_mat, read_pictures
from facealign.datasets.reading import Dataset, Reading, build_sample, check_subset, read_records
from facealign.errors import DataError
from facealign.image import read_image
from facealign.types import Pixels, Sample

SUBSETS = {"train": 1345, "test": 507}
ENDING = {"train": "Tr", "test": "T"}
"""Of the variables in each file."""
POINTS = 29


def read_cofw(root: Path, subset: str) -> Reading:
    """The faces of one subset of COFW.

    Args:
        root: the folder that holds `COFW_train_color.mat` and `COFW_test_color.mat`.
        subset: "train" or "test".

    Raises:
        DataError: no such subset, or the file is missing, damaged or of another MATLAB format.
        MissingExtraError: the "data" extra is not installed.
    """
    check_subset("cofw", subset, SUBSETS)
    path = root / f"COFW_{subset}_color.mat"
    if not is_hdf5(path):
        raise DataError(f"{path}: not the official MATLAB 7.3 file; get it again")
    points, boxes = f"phis{ENDING[subset]}", f"bboxes{ENDING[subset]}"
    rows, corners = read_mat(path, (points, boxes)).values()
    count = len(rows)
    if np.shape(rows) != (count, 3 * POINTS) or np.shape(corners) != (count, 4):
        raise DataError(
            f"{path}: {points} is {np.shape(rows)} and {boxes} is {np.shape(corners)}: "
            f"(N, {3 * POINTS}) and (N, 4) are expected"
        )
    records = zip(range(count), rows, corners, strict=True)
    return read_records("cofw", subset, records, lambda record: _cofw_sample(path, *record))


def _cofw_sample(path: Path, index: int, row: Matrix, corner: Matrix) -> Sample:
    x, y, width, height = corner
    return build_sample(
        f"{path}: face {index + 1}",
        id=f"{path.stem}/{index + 1}",
        image=path,
        landmarks=row[: 2 * POINTS].reshape(2, POINTS).T - 1,
        occluded=row[2 * POINTS :] > 0,
        markup="cofw29",
        box=(x - 1, y - 1, x - 1 + width, y - 1 + height),
        frame=index,
    )


def read_cofw_images(path: Path, indices: Sequence[int]) -> Iterator[Pixels]:
    """Pictures (H, W, 3) RGB uint8 out of a COFW file by their indices, one at a time.

    Raises:
        ImageError: the file is damaged or does not hold such a picture.
        MissingExtraError: the "data" extra is not installed.
    """
    ending = ENDING["train" if "train" in path.name else "test"]
    yield from map(read_image, read_pictures(path, f"Is{ending}", indices))


DATASET = Dataset(
    name="cofw",
    title="COFW, colour (2013)",
    home="https://data.caltech.edu/records/bc0bf-nc666",
    read=read_cofw,
    subsets=SUBSETS,
    markup="cofw29",
    normalisers=("inter_pupil", "inter_ocular"),
    origin=1,
)
