"""300W's test set of 600, for which no boxes were published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets import DATASETS, read_dataset
from facealign.errors import DataError


@pytest.fixture
def root(tmp_path: Path, points: Any, draw: Any, write_pts: Any) -> Any:
    for place in ("01_Indoor/indoor", "02_Outdoor/outdoor"):
        for n in (1, 2):
            draw(tmp_path / f"{place}_{n:03d}.png")
            write_pts(tmp_path / f"{place}_{n:03d}.pts", points(shift=n))
    return tmp_path


def test_without_boxes_each_box_is_that_of_the_points(root: Path, points: Any) -> None:
    reading = read_dataset("300w", root, "test")
    ids = [sample.id for sample in reading.samples]
    assert ids[::2] == ["01_Indoor/indoor_001.png", "02_Outdoor/outdoor_001.png"]
    face = reading.samples[0]
    assert face.box_source == "landmarks"
    assert np.allclose(face.landmarks, points(shift=1) - 1, atol=1e-4)
    assert np.allclose(face.box[:2], face.landmarks.min(axis=0))
    assert len({sample.group for sample in reading.samples}) == 4


def test_boxes_of_ones_own_are_used_for_all_or_told(reported: list[str], root: Path) -> None:
    row = "01_Indoor/indoor_001.png,test,21,31,91,96"
    (root / "boxes.csv").write_text(f"image,split,x0,y0,x1,y1\n{row}\n")
    reading = read_dataset("300w", root, "test")
    assert [sample.box_source for sample in reading.samples] == ["official"]
    assert reading.samples[0].box.tolist() == [20, 30, 90, 95]
    assert len(reported) == 3


def test_the_counts() -> None:
    expected = {"train": 3148, "common": 554, "challenging": 135, "full": 689, "test": 600}
    assert DATASETS["300w"].subsets == expected


def test_the_other_subsets_still_need_boxes(root: Path) -> None:
    (root / "ibug").mkdir()
    with pytest.raises(DataError, match="no official boxes"):
        read_dataset("300w", root, "challenging")


@pytest.mark.faces
def test_the_real_faces(reported: list[str], faces_root: Path) -> None:
    common = read_dataset("300w", faces_root / "300w", "common")
    train = read_dataset("300w", faces_root / "300w", "train")
    assert (len(common.samples), len(train.samples)) == (554, 2012)
    assert reported == reported == []
