"""COFW: labels and pictures out of MATLAB 7.3 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.datasets import read_pixels, stream_pixels
from facealign.datasets.cofw import read_cofw
from facealign.errors import DataError, ImageError


@pytest.fixture
def variables(points: Any, drawing: Any) -> Any:
    """Three faces; point 0 of the second is occluded; the third's picture is gray."""
    rows = np.stack([points("cofw29", shift) for shift in (0.0, 1.0, 2.0)])
    flags = np.zeros((3, 29))
    flags[1, 0] = 1
    return {
        "phis": np.concatenate([rows[..., 0], rows[..., 1], flags], axis=1),
        "bboxes": np.array([[31.0, 21, 50, 70]] * 3),
        "Is": [drawing, drawing[::-1], drawing[..., 0]],
    }


@pytest.fixture
def root(tmp_path: Path, variables: Any, write_hdf5_mat: Any) -> Any:
    for part, ending in (("train", "Tr"), ("test", "T")):
        named = {name + ending: value for name, value in variables.items()}
        write_hdf5_mat(tmp_path / f"COFW_{part}_color.mat", named)
    return tmp_path


@pytest.mark.parametrize("subset", ["train", "test"])
def test_values_count_from_1(reported: list[str], root: Path, points: Any, subset: str) -> None:
    reading = read_cofw(root, subset)
    face = reading.samples[1]
    assert (len(reading.samples), reported) == (3, [])
    assert np.allclose(face.landmarks, points("cofw29", 1) - 1, atol=1e-4)
    assert face.box.tolist() == [30, 20, 80, 90]
    assert (face.id, face.frame) == (f"COFW_{subset}_color/2", 1)


def test_an_occluded_point_is_flagged_and_counts(root: Path) -> None:
    first, second, _ = read_cofw(root, "train").samples
    assert not first.occluded.any()
    assert second.occluded.tolist() == [True] + [False] * 28
    assert second.labelled.all()


@pytest.mark.parametrize("subset", ["train", "test"])
def test_pictures_are_upright_and_gray_ones_have_three_channels(
    reported: list[str], root: Path, drawing: Any, subset: str
) -> None:
    pictures = [p for _, p in stream_pixels(read_cofw(root, subset).samples)]
    assert reported == []
    assert np.array_equal(pictures[0], drawing)
    assert np.array_equal(pictures[1], drawing[::-1])
    assert np.array_equal(pictures[2], drawing[..., :1].repeat(3, axis=2))


def test_one_picture_alone(root: Path, drawing: Any) -> None:
    assert np.array_equal(read_pixels(read_cofw(root, "test").samples[1]), drawing[::-1])


def test_nan_is_one_line_naming_file_and_face(
    reported: list[str], tmp_path: Path, variables: Any, write_hdf5_mat: Any
) -> None:
    variables["phis"][2, 5] = np.nan
    named = {name + "Tr": value for name, value in variables.items()}
    write_hdf5_mat(tmp_path / "COFW_train_color.mat", named)
    reading = read_cofw(tmp_path, "train")
    assert len(reading.samples) == 2
    assert "COFW_train_color.mat: face 3: a coordinate is not" in reported[0]


def test_damaged_files_are_named(root: Path, variables: Any, write_hdf5_mat: Any) -> None:
    path = root / "COFW_test_color.mat"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"COFW_test_color\.mat: not a complete MATLAB file"):
        read_cofw(root, "test")
    path.write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(DataError, match=r"not the official MATLAB 7\.3 file"):
        read_cofw(root, "test")
    write_hdf5_mat(path, {"phisT": variables["phis"][:, :58], "bboxesT": variables["bboxes"]})
    with pytest.raises(DataError, match=r"phisT is \(3, 58\)"):
        read_cofw(root, "test")


def test_a_picture_that_is_gone_is_an_image_error(
    root: Path, variables: Any, write_hdf5_mat: Any
) -> None:
    face = read_cofw(root, "train").samples[2]
    variables["Is"] = variables["Is"][:2]
    named = {name + "Tr": value for name, value in variables.items()}
    write_hdf5_mat(root / "COFW_train_color.mat", named)
    with pytest.raises(ImageError, match=r"COFW_train_color\.mat: picture 3 cannot be read"):
        read_pixels(face)
