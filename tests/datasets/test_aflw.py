"""AFLW: both MATLAB formats, the order `ra`, hidden points, damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from facealign.datasets import DATASETS, read_dataset
from facealign.datasets.aflw import read_aflw
from facealign.errors import DataError

NAMES = ["0/image00002.jpg", "2/image00031.jpg", "0/image00002.jpg", "3/image00077.jpg"]
ORDER = [3, 1, 4, 2]


@pytest.fixture
def labels(points: Any) -> Any:
    """Four faces, two on one photo; face 2 hides point 0, face 4 has no place for it."""
    rows = np.stack([points("aflw19", shift) for shift in (0.0, 1.0, 2.0, 3.0)])
    mask = np.ones((4, 19))
    mask[[1, 3], 0] = 0
    rows[3, 0] = 0
    return {
        "bbox": np.array([[20.0, 90, 30, 95]] * 4),
        "data": np.concatenate([rows[..., 0], rows[..., 1]], axis=1),
        "mask_new": mask,
        "ra": np.array([ORDER], float),
    }


@pytest.fixture(params=["mat5", "hdf5"])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, labels: Any, draw: Any, write_hdf5_mat: Any
) -> Any:
    for name in NAMES:
        draw(tmp_path / "flickr" / name)
    path = tmp_path / "AFLWinfo_release.mat"
    if request.param == "mat5":
        cells = np.array(NAMES, dtype=object).reshape(-1, 1)
        savemat(path, {**labels, "nameList": cells})
    else:
        write_hdf5_mat(path, {**labels, "nameList": NAMES})
    return tmp_path


def test_the_first_of_ra_train_and_the_others_test(reported: list[str], root: Path) -> None:
    train = read_aflw(root, "train", training_faces=2)
    full = read_aflw(root, "full", training_faces=2)
    assert [s.id for s in train.samples] == ["3/0/image00002.jpg", "1/0/image00002.jpg"]
    assert [s.id for s in full.samples] == ["4/3/image00077.jpg", "2/2/image00031.jpg"]
    assert reported == reported == []


def test_frontal_is_the_test_faces_with_every_point_seen(root: Path) -> None:
    assert read_aflw(root, "frontal", training_faces=2).samples == []
    assert [s.id[0] for s in read_aflw(root, "frontal", training_faces=1).samples] == ["1"]


def test_values_count_from_1_and_the_box_is_x_x_y_y(root: Path, points: Any) -> None:
    face = read_aflw(root, "train", training_faces=2).samples[1]
    assert np.allclose(face.landmarks, points("aflw19") - 1, atol=1e-4)
    assert face.box.tolist() == [19, 29, 89, 94]
    assert face.image == root / "flickr" / NAMES[0]
    assert (face.markup, face.box_source) == ("aflw19", "official")


def test_faces_of_one_photo_share_a_group(root: Path) -> None:
    one, other = read_aflw(root, "train", training_faces=2).samples
    assert one.group == other.group


def test_a_hidden_point_with_a_place_counts_and_one_without_does_not(root: Path) -> None:
    nowhere, placed = read_aflw(root, "full", training_faces=2).samples
    assert placed.labelled.all()
    assert placed.occluded.tolist() == [True] + [False] * 18
    assert nowhere.labelled.tolist() == [False] + [True] * 18
    assert nowhere.landmarks[0].tolist() == [0, 0]


def test_a_part_of_aflw_must_say_how_many_train(root: Path) -> None:
    with pytest.raises(DataError, match="holds 4 faces, not AFLW's 24386"):
        read_dataset("aflw", root, "train")
    assert len(read_dataset("aflw", root, "train", training_faces=3).samples) == 3


def test_a_missing_image_is_one_line_naming_the_face(reported: list[str], root: Path) -> None:
    (root / "flickr" / NAMES[1]).unlink()
    reading = read_aflw(root, "full", training_faces=2)
    assert [s.id for s in reading.samples] == ["4/3/image00077.jpg"]
    assert len(reported) == 1
    assert "AFLWinfo_release.mat: face 2" in reported[0]
    assert "image00031.jpg" in reported[0]


def test_nan_and_an_empty_box_are_one_line_each(
    reported: list[str], tmp_path: Path, labels: Any, draw: Any, write_hdf5_mat: Any
) -> None:
    labels["data"][0, 3] = np.nan
    labels["bbox"][1] = [50, 40, 30, 95]
    for name in NAMES:
        draw(tmp_path / "data" / "flickr" / name)
    write_hdf5_mat(tmp_path / "AFLWinfo_release.mat", {**labels, "nameList": NAMES})
    reading = read_aflw(tmp_path, "train", training_faces=4)
    assert len(reading.samples) == 2
    assert [line.split(": ")[1] for line in reported] == ["face 1", "face 2"]


def test_a_file_cut_short_is_named(root: Path) -> None:
    path = root / "AFLWinfo_release.mat"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(DataError, match=r"AFLWinfo_release\.mat: not a complete MATLAB file"):
        read_aflw(root, "train", training_faces=2)


def test_a_name_that_is_no_text_names_its_face(
    problems_of: Any, tmp_path: Path, labels: Any, draw: Any
) -> None:
    for name in NAMES:
        draw(tmp_path / "flickr" / name)
    cells = np.array([*NAMES[:3], 7.0], dtype=object).reshape(-1, 1)
    savemat(tmp_path / "AFLWinfo_release.mat", {**labels, "nameList": cells})
    assert "face 4" in problems_of(lambda: read_aflw(tmp_path, "train", training_faces=4))[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask_new": np.ones((4, 21))}, "mask_new is"),
        ({"ra": np.array([[1, 2, 3, 3]])}, "ra does"),
    ],
)
def test_fields_of_a_wrong_shape_are_named(
    tmp_path: Path, labels: Any, write_hdf5_mat: Any, change: Any, message: str
) -> None:
    (tmp_path / "flickr").mkdir()
    write_hdf5_mat(tmp_path / "AFLWinfo_release.mat", {**labels, "nameList": NAMES, **change})
    with pytest.raises(DataError, match=message):
        read_aflw(tmp_path, "train", training_faces=2)


def test_a_missing_variable_file_and_folder_are_named(
    tmp_path: Path, labels: Any, write_hdf5_mat: Any
) -> None:
    with pytest.raises(DataError, match="flickr: no such folder"):
        read_aflw(tmp_path, "train")
    (tmp_path / "flickr").mkdir()
    with pytest.raises(DataError, match=r"AFLWinfo_release\.mat: cannot be read"):
        read_aflw(tmp_path, "train")
    write_hdf5_mat(tmp_path / "AFLWinfo_release.mat", labels)
    with pytest.raises(DataError, match="the variable nameList is missing"):
        read_aflw(tmp_path, "train")


def test_the_facts() -> None:
    facts = DATASETS["aflw"]
    assert facts.subsets == {"train": 20000, "full": 4386, "frontal": 1314}
    assert facts.normalisers == ("box_size",)


@pytest.mark.faces
def test_the_real_faces(reported: list[str], faces_root: Path) -> None:
    train = read_aflw(faces_root / "aflw", "train", training_faces=2148)
    full = read_aflw(faces_root / "aflw", "full", training_faces=2148)
    assert (len(train.samples), len(full.samples)) == (2148, 489)
    assert reported == reported == []
