"""WFLW: lines of 207 words, attributes as subsets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets.wflw import ATTRIBUTES, read_wflw
from facealign.errors import DataError


@pytest.fixture
def root(tmp_path: Path, points: Any, draw: Any) -> Any:
    """Test face i has attribute i alone; faces 0 and 1 are on one photo."""
    folder = tmp_path / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    folder.mkdir(parents=True)
    for part in ("train", "test"):
        lines = []
        for i in range(6):
            name = f"{max(i, 1)}--Parade/a_{max(i, 1)}.jpg"
            draw(tmp_path / "WFLW_images" / name)
            coordinates = " ".join(f"{v:.6f}" for v in points("wflw98", i).ravel())
            flags = " ".join(str(int(j == i)) for j in range(6))
            lines.append(f"{coordinates} 20 30 95 98 {flags} {name}")
        (folder / f"list_98pt_rect_attr_{part}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def labels(root: Path) -> Any:
    folder = root / "WFLW_annotations" / "list_98pt_rect_attr_train_test"
    return folder / "list_98pt_rect_attr_test.txt"


def test_values(root: Path, points: Any) -> None:
    face = read_wflw(root, "test").samples[2]
    assert np.allclose(face.landmarks, points("wflw98", 2), atol=1e-4)
    assert face.box.tolist() == [20, 30, 95, 98]
    assert (face.id, face.group) == ("3/2--Parade/a_2.jpg", "2--Parade/a_2.jpg")


def test_each_attribute_is_a_subset_of_the_test_faces(root: Path) -> None:
    assert len(read_wflw(root, "train").samples) == len(read_wflw(root, "test").samples) == 6
    for i, attribute in enumerate(ATTRIBUTES):
        assert [s.id.split("/")[0] for s in read_wflw(root, attribute).samples] == [str(i + 1)]


def test_faces_of_one_photo_share_a_group_but_no_id(root: Path) -> None:
    one, other, third = read_wflw(root, "test").samples[:3]
    assert one.group == other.group != third.group
    assert one.id != other.id


def test_bad_lines_are_one_line_each_in_every_subset(
    problems_of: Any, root: Path, labels: Any
) -> None:
    lines = labels.read_text().splitlines()
    lines[1] = lines[1].removeprefix(lines[1].split()[0])
    lines[2] = lines[2].replace(lines[2].split()[0], "nan", 1)
    lines[3] = lines[3].replace(lines[3].split()[0], "left", 1)
    (root / "WFLW_images" / lines[4].split()[-1]).unlink()
    labels.write_text("\n".join(lines))
    problems = problems_of(lambda: read_wflw(root, "test"))
    assert [line.split(": ")[0].rsplit(":", 1)[1] for line in problems] == ["2", "3", "4", "5"]
    assert "206 words instead of 207" in problems[0]
    assert len(problems_of(lambda: read_wflw(root, "pose"))) == 1


def test_missing_files_are_named(root: Path, labels: Any) -> None:
    labels.unlink()
    with pytest.raises(DataError, match=r"list_98pt_rect_attr_test\.txt: cannot be read"):
        read_wflw(root, "blur")
    with pytest.raises(DataError, match="WFLW_images: no such folder"):
        read_wflw(root / "WFLW_images", "test")
    with pytest.raises(DataError, match='no subset "val"'):
        read_wflw(root, "val")
