"""MERL-RAV: signs of the coordinates say what is hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets.merl_rav import EVERY_POSE, read_merl_rav
from facealign.errors import DataError


@pytest.fixture
def root(tmp_path: Path, points: Any, draw: Any, write_pts: Any) -> Any:
    """One face a pose and part; point 0 is self-occluded, point 1 externally."""
    values = points()
    values[0] = -1
    values[1] *= -1
    for i, pose in enumerate(EVERY_POSE):
        for part in ("trainset", "testset"):
            folder = tmp_path / "merl_rav_organized" / pose / part
            draw(folder / f"image0000{i}_1.jpg")
            write_pts(folder / f"image0000{i}_1.pts", values)
    return tmp_path


@pytest.mark.parametrize(
    ("subset", "count"), [("train", 5), ("test", 5), ("frontal", 1), ("half", 2), ("profile", 2)]
)
def test_subsets(reported: list[str], root: Path, subset: str, count: Any) -> None:
    reading = read_merl_rav(root, subset)
    assert (len(reading.samples), reported) == (count, [])
    assert len(read_merl_rav(root / "merl_rav_organized", subset).samples) == count


def test_values(root: Path, points: Any) -> None:
    face = read_merl_rav(root, "frontal").samples[0]
    assert face.labelled.tolist() == [False] + [True] * 67
    assert face.occluded.tolist() == [True] * 2 + [False] * 66
    assert np.allclose(face.landmarks[1:], points()[1:] - 1, atol=1e-4)
    assert face.landmarks[0].tolist() == [0, 0]
    assert np.allclose(face.box[2:], face.landmarks[1:].max(axis=0))
    assert (face.box_source, face.group) == ("landmarks", "image00000")
    assert face.id == "frontal/testset/image00000_1.jpg"


def test_bad_records_are_one_line_each(reported: list[str], root: Path, write_pts: Any) -> None:
    folder = root / "merl_rav_organized" / "frontal" / "testset"
    write_pts(folder / "image9.pts", np.ones((67, 2)))
    write_pts(folder / "image8.pts", np.ones((68, 2)))
    reading = read_merl_rav(root, "frontal")
    assert len(reading.samples) == 1
    assert "image8.pts: no image with this name" in reported[0]
    assert "image9.pts: 67 points" in reported[1]


def test_a_missing_pose_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="frontal/testset: no such folder"):
        read_merl_rav(tmp_path, "test")
