"""CelebA: whole photos and aligned pictures, the counts in the files' heads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets import read_dataset
from facealign.datasets.celeba import read_celeba
from facealign.errors import DataError

NAMES = [f"00000{i}.jpg" for i in range(1, 5)]
HEAD = (
    "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x"
)


@pytest.fixture
def root(tmp_path: Path, points: Any, draw: Any) -> Any:
    """Four faces in the official layout: two train, one val, one test."""
    landmarks = points("celeba5").astype(int)
    rows = [f"{name} {'  '.join(map(str, landmarks.ravel()))}" for name in NAMES]
    for folder, middle in (("img_celeba", ""), ("img_align_celeba", "_align")):
        for name in NAMES:
            draw(tmp_path / "Img" / folder / name)
        path = tmp_path / "Anno" / f"list_landmarks{middle}_celeba.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(["4", HEAD, *rows]) + "\n")
    boxes = [
        "4",
        "image_id x_1 y_1 width height",
        *(f"{name}    30  20   50   70" for name in NAMES),
    ]
    (tmp_path / "Anno" / "list_bbox_celeba.txt").write_text("\n".join(boxes))
    (tmp_path / "Eval").mkdir()
    parts = zip(NAMES, "0012", strict=True)
    text = "\n".join(f"{name} {part}" for name, part in parts)
    (tmp_path / "Eval" / "list_eval_partition.txt").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("subset", "numbers"), [("train", "12"), ("val", "3"), ("test", "4"), ("trainval", "123")]
)
@pytest.mark.parametrize("name", ["celeba", "celeba-aligned"])
def test_subsets(reported: list[str], root: Path, name: Any, subset: str, numbers: Any) -> None:
    reading = read_dataset(name, root, subset)
    assert [s.id for s in reading.samples] == [f"00000{n}.jpg" for n in numbers]
    assert (reading.dataset, reported) == (name, [])


def test_values_and_the_box_is_x_y_width_height(root: Path, points: Any) -> None:
    face = read_celeba(root, "val").samples[0]
    assert np.array_equal(face.landmarks, points("celeba5").astype(int))
    assert face.box.tolist() == [30, 20, 80, 90]
    assert (face.markup, face.box_source, face.image.parent.name) == (
        "celeba5",
        "official",
        "img_celeba",
    )


def test_the_box_of_an_aligned_picture_is_the_picture(root: Path) -> None:
    face = read_celeba(root, "val", aligned=True).samples[0]
    assert face.box.tolist() == [-0.5, -0.5, 177.5, 217.5]
    assert (face.box_source, face.image.parent.name) == ("image", "img_align_celeba")


def test_files_may_lie_at_the_root(root: Path) -> None:
    for path in [*root.glob("*/*")]:
        path.rename(root / path.name)
    assert len(read_celeba(root, "train").samples) == 2


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_wrong_count_in_the_head_is_an_error_naming_the_file(root: Path) -> None:
    _edit(root / "Anno" / "list_bbox_celeba.txt", "4\n", "5\n")
    with pytest.raises(DataError, match=r"list_bbox_celeba\.txt:1: the count is '5', but 4"):
        read_celeba(root, "train")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("000001.jpg 4", "000001.jpg x4", "list_landmarks_celeba.txt:3: 000001.jpg: a value"),
        ("000001.jpg ", "000001.jpg nan ", "000001.jpg: 11 values instead of 10"),
    ],
)
def test_a_bad_row_is_one_line_with_file_and_line(
    reported: list[str], root: Path, old: Any, new: Any, message: str
) -> None:
    _edit(root / "Anno" / "list_landmarks_celeba.txt", old, new)
    reading = read_celeba(root, "train")
    assert [s.id for s in reading.samples] == ["000002.jpg"]
    assert len(reported) == 1
    assert message in reported[0]


def test_nan_is_one_line(problems_of: Any, root: Path) -> None:
    path = root / "Anno" / "list_landmarks_celeba.txt"
    lines = path.read_text().splitlines()
    lines[3] = " ".join([NAMES[1], "nan", *lines[3].split()[2:]])
    path.write_text("\n".join(lines))
    assert ":4: a coordinate is not a finite" in problems_of(lambda: read_celeba(root, "train"))[0]


def test_an_empty_box_and_a_missing_image_are_one_line_each(problems_of: Any, root: Path) -> None:
    _edit(root / "Anno" / "list_bbox_celeba.txt", "30  20   50", "30  20   0")
    (root / "Img" / "img_celeba" / NAMES[1]).unlink()
    box, image = problems_of(lambda: read_celeba(root, "train"))
    assert "list_bbox_celeba.txt:3: the box of 000001.jpg is empty" in box
    assert "000002.jpg" in image


def test_an_image_in_no_part_or_twice_is_told(problems_of: Any, root: Path) -> None:
    path = root / "Eval" / "list_eval_partition.txt"
    _edit(path, "000004.jpg 2", "000004.jpg 3")
    assert ":4: 000004.jpg: its part must be" in problems_of(lambda: read_celeba(root, "train"))[0]
    _edit(path, "000004.jpg 3", "000003.jpg 1")
    with pytest.raises(DataError, match=r":4: 000003\.jpg is listed twice"):
        read_celeba(root, "train")


def test_missing_files_and_subsets_are_named(root: Path) -> None:
    with pytest.raises(DataError, match='no subset "all"'):
        read_celeba(root, "all")
    (root / "Eval" / "list_eval_partition.txt").unlink()
    with pytest.raises(DataError, match=r"list_eval_partition\.txt: does not exist"):
        read_celeba(root, "train")


@pytest.mark.faces
def test_the_real_faces_in_this_format(reported: list[str], faces_root: Path) -> None:
    readings = [read_celeba(faces_root / "lfw5", subset) for subset in ("train", "test")]
    assert [len(reading.samples) for reading in readings] == [4151, 1439]
    assert [reported for reading in readings] == [[], []]
