"""CelebA with 5 points, in the official text files, whole photos or the aligned pictures.

    root/[Img/]img_celeba/*.jpg         root/[Anno/]list_landmarks_celeba.txt, list_bbox_celeba.txt
    root/[Img/]img_align_celeba/*.jpg   root/[Anno/]list_landmarks_align_celeba.txt
    root/[Eval/]list_eval_partition.txt: 0 train, 1 val, 2 test

CelebA's "lefteye" is the one on the left of the photo: the subject's right eye, as in `celeba5`.
`list_bbox` is x, y, width, height. The aligned pictures hold one face each: the box is the picture.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from facealign.datasets.reading import Dataset, Reading, build_sample, build_samples, check_subset
from facealign.errors import DataError
from facealign.files import is_file, reading
from facealign.problems import report
from facealign.types import Sample

PARTS = {"train": "0", "val": "1", "test": "2", "trainval": "01"}
SUBSETS = {"train": 162770, "val": 19867, "test": 19962, "trainval": 182637}
ALIGNED_SIZE = (178, 218)
"""Width and height of every picture of img_align_celeba, in pixels."""
Rows = dict[str, tuple[list[str], int]]
"""Image name → (the row's other words, its line number)."""


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
    partition = _find(root, "list_eval_partition.txt")
    middle = "_align" if aligned else ""
    points = _find(root, f"list_landmarks{middle}_celeba.txt")
    boxes = None if aligned else _find(root, "list_bbox_celeba.txt")
    files = _Files(
        images=_find(root, f"img{middle}_celeba"),
        points=points,
        point_rows=_read_rows(points, 2),
        boxes=boxes,
        box_rows=_read_rows(boxes, 2) if boxes else {},
    )
    parts = _read_rows(partition, 0)
    chosen = [name for name, (words, _) in parts.items() if words and words[0] in PARTS[subset]]
    samples = build_samples(chosen, files.build)
    for odd, (words, line) in parts.items():
        if words not in (["0"], ["1"], ["2"]):
            report(f"{partition}:{line}: {odd}: its part must be 0, 1 or 2")
    if missing := len(files.point_rows.keys() - parts.keys()):
        report(f"{partition}: {missing} images of {points} have no part: get it again")
    if not chosen:
        raise DataError(f'{partition}: no image is in "{subset}"')
    return Reading(name, subset, samples)


@dataclass(frozen=True)
class _Files:
    """The official files: their paths and rows."""

    images: Path
    points: Path
    point_rows: Rows
    boxes: Path | None
    box_rows: Rows

    def build(self, name: str) -> Sample:
        values, line = _numbers(self.points, self.point_rows, name, 10)
        return build_sample(
            f"{self.points}:{line}",
            id=name,
            image=self._image(name),
            landmarks=np.reshape(values, (5, 2)),
            markup="celeba5",
            box=self._box(name),
            box_source="official" if self.boxes else "image",
        )

    def _image(self, name: str) -> Path:
        """The file; the aligned pictures come as .jpg or, under the same names, as .png."""
        path = self.images / name
        return path if is_file(path) or self.boxes else path.with_suffix(".png")

    def _box(self, name: str) -> tuple[float, float, float, float]:
        if self.boxes is None:
            width, height = ALIGNED_SIZE
            return (-0.5, -0.5, width - 0.5, height - 0.5)
        (x, y, w, h), line = _numbers(self.boxes, self.box_rows, name, 4)
        if w <= 0 or h <= 0:
            raise DataError(f"{self.boxes}:{line}: the box of {name} is empty")
        return (x, y, x + w, y + h)


def _find(root: Path, name: str) -> Path:
    """A file or folder of CelebA, at the root or in the official sub-folders."""
    for folder in (root, root / "Anno", root / "Eval", root / "Img"):
        if (folder / name).exists():
            return folder / name
    raise DataError(f"{root / name}: does not exist; --root must hold CelebA's own files")


def _read_rows(path: Path, header: int) -> Rows:
    """Rows by image name; with two header lines, the first counts the rows."""
    with reading(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows: Rows = {}
    for number, words in enumerate((line.split() for line in lines[header:]), header + 1):
        if words and words[0] in rows:
            raise DataError(f"{path}:{number}: {words[0]} is listed twice")
        if words:
            rows[words[0]] = (words[1:], number)
    if header and (not lines or lines[0].strip() != str(len(rows))):
        raise DataError(
            f"{path}:1: the count is {lines[0].strip() if lines else 'missing'!r}, but {len(rows)} "
            "images follow: the file is cut short or changed; get it again"
        )
    return rows


def _numbers(path: Path, rows: Rows, name: str, count: int) -> tuple[list[float], int]:
    if name not in rows:
        raise DataError(f"{path}: {name} is not listed")
    words, line = rows[name]
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise DataError(f"{path}:{line}: {name}: a value is not a number") from None
    if len(values) != count:
        raise DataError(f"{path}:{line}: {name}: {len(values)} values instead of {count}")
    return values, line


DATASET = Dataset(
    name="celeba",
    title="CelebA, whole photos (2015)",
    home="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    read=read_celeba,
    subsets=SUBSETS,
    markup="celeba5",
    box_source="official",
    normalisers=("inter_pupil",),
)
ALIGNED = Dataset(
    name="celeba-aligned",
    title="CelebA, aligned pictures (2015)",
    home=DATASET.home,
    read=partial(read_celeba, aligned=True),
    subsets=SUBSETS,
    markup="celeba5",
    box_source="image",
    normalisers=("inter_pupil",),
)
