"""CelebA with 5 points, in the official text files, whole photos or the aligned pictures.

    root/[Img/]img_celeba/*.jpg         root/[Anno/]list_landmarks_celeba.txt, list_bbox_celeba.txt
    root/[Img/]img_align_celeba/*.jpg   root/[Anno/]list_landmarks_align_celeba.txt
    root/[Eval/]list_eval_partition.txt: 0 train, 1 val, 2 test

CelebA's "lefteye" is the one on the left of the photo: the subject's right eye, as in `celeba5`.
`list_bbox` is x, y, width, height. The aligned pictures hold one face each: the box is the picture.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from facealign.datasets.reading import Dataset, Reading, build_sample, check_subset, read_records
from facealign.errors import DataError
from facealign.files import is_file, reading
from facealign.problems import report
from facealign.types import Sample

PARTS = {"train": "0", "val": "1", "test": "2", "trainval": "01"}
SUBSETS = {"train": 162770, "val": 19867, "test": 19962, "trainval": 182637}
WHOLE = (-0.5, -0.5, 177.5, 217.5)
"""The box of every picture of img_align_celeba, of 178 × 218 pixels."""


@dataclass(frozen=True)
class Table:
    """An official text file: its path; image name → the row's other words, its line number."""

    path: Path
    rows: dict[str, tuple[list[str], int]]

    @classmethod
    def read(cls, path: Path, header: int) -> "Table":
        """Read a file; with two header lines, the first counts the rows."""
        with reading(path):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        rows: dict[str, tuple[list[str], int]] = {}
        for number, words in enumerate((line.split() for line in lines[header:]), header + 1):
            if words and words[0] in rows:
                raise DataError(f"{path}:{number}: {words[0]} is listed twice")
            if words:
                rows[words[0]] = (words[1:], number)
        count = lines[0].strip() if lines else "missing"
        if header and count != str(len(rows)):
            raise DataError(
                f"{path}:1: the count is {count!r}, but {len(rows)} images follow: the file is cut "
                "short or changed; get it again"
            )
        return cls(path, rows)

    def numbers(self, name: str, count: int) -> tuple[list[float], str]:
        """The numbers of an image, and their place for messages."""
        if name not in self.rows:
            raise DataError(f"{self.path}: {name} is not listed")
        words, line = self.rows[name]
        place = f"{self.path}:{line}"
        try:
            values = [float(word) for word in words]
        except ValueError:
            raise DataError(f"{place}: {name}: a value is not a number") from None
        if len(values) != count:
            raise DataError(f"{place}: {name}: {len(values)} values instead of {count}")
        return values, place


def read_celeba(root: Path, subset: str, aligned: bool = False) -> Reading:
    """The faces of one subset of CelebA.

    Args:
        root: the folder of the official files.
        subset: "train", "val", "test" or "trainval" (the first two).
        aligned: the pictures of img_align_celeba instead of the whole photos.

    Raises:
        DataError: no such subset, or an official file or folder is missing or damaged.
    """
    name = "celeba-aligned" if aligned else "celeba"
    check_subset(name, subset, PARTS)
    partition, middle = _find(root, "list_eval_partition.txt"), "_align" if aligned else ""
    points_file = _find(root, f"list_landmarks{middle}_celeba.txt")
    boxes_file = None if aligned else _find(root, "list_bbox_celeba.txt")
    images = _find(root, f"img{middle}_celeba")
    points = Table.read(points_file, 2)
    boxes = Table.read(boxes_file, 2) if boxes_file else None
    parts = Table.read(partition, 0).rows
    chosen = [name for name, (words, _) in parts.items() if words and words[0] in PARTS[subset]]
    found = read_records(name, subset, chosen, partial(_build, images, points, boxes))
    for odd, (words, line) in parts.items():
        if words not in (["0"], ["1"], ["2"]):
            report(f"{partition}:{line}: {odd}: its part must be 0, 1 or 2")
    if missing := len(points.rows.keys() - parts.keys()):
        report(f"{partition}: {missing} images of {points_file} have no part: get it again")
    if not chosen:
        raise DataError(f'{partition}: no image is in "{subset}"')
    return found


def _find(root: Path, name: str) -> Path:
    """A file or folder of CelebA, at the root or in the official sub-folders."""
    for folder in (root, root / "Anno", root / "Eval", root / "Img"):
        if (folder / name).exists():
            return folder / name
    raise DataError(f"{root / name}: does not exist; --root must hold CelebA's own files")


def _build(images: Path, points: Table, boxes: Table | None, name: str) -> Sample:
    values, place = points.numbers(name, 10)
    image, box = images / name, WHOLE
    if boxes:
        (x, y, w, h), at = boxes.numbers(name, 4)
        if w <= 0 or h <= 0:
            raise DataError(f"{at}: the box of {name} is empty")
        box = (x, y, x + w, y + h)
    elif not is_file(image):  # the aligned pictures come as .jpg or, under the same names, as .png
        image = image.with_suffix(".png")
    return build_sample(
        place,
        id=name,
        image=image,
        landmarks=np.reshape(values, (5, 2)),
        markup="celeba5",
        box=box,
        box_source="official" if boxes else "image",
    )


DATASET = Dataset(
    name="celeba",
    title="CelebA, whole photos (2015)",
    home="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    read=read_celeba,
    subsets=SUBSETS,
    markup="celeba5",
    normalisers=("inter_pupil",),
)
ALIGNED = replace(
    DATASET,
    name="celeba-aligned",
    title="CelebA, aligned pictures (2015)",
    read=partial(read_celeba, aligned=True),
    box_source="image",
)
