"""300W, on a small synthetic copy of the official layout, and on the real one where it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from facealign.datasets import DATASETS, read_dataset
from facealign.datasets.ibug_300w import SUBSETS, read_300w
from facealign.datasets.reading import split_by_group
from facealign.errors import DataError
from facealign.formats.pts import to_pts
from facealign.types import Sample

NAMES = {
    "afw": ["111_1.jpg", "111_2.jpg", "222_1.jpg"],
    "helen/trainset": ["33_1.jpg", "33_2.jpg"],
    "helen/testset": ["44_1.jpg"],
    "lfpw/trainset": ["image_0001.png", "image_0002.png"],
    "lfpw/testset": ["image_0003.png"],
    "ibug": ["image_005_1.jpg"],
}
BOX = [11.0, 21.0, 51.0, 71.0]  # as in the official files: 1-based


def write_table(root: Path, rows: Any) -> None:
    lines = [f"{name},x,{','.join(map(str, box))}" for name, box in rows]
    (root / "boxes.csv").write_text("\n".join(["image,split,x0,y0,x1,y1", *lines]) + "\n")


def every_name() -> Any:
    return [f"{folder}/{name}" for folder, names in NAMES.items() for name in names]


@pytest.fixture
def root(tmp_path: Path, face_points: Any) -> Any:
    """The official folders without boxes; the pictures are never opened by the reader."""
    for name in every_name():
        image = tmp_path / name
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(b"a picture")
        image.with_suffix(".pts").write_text(to_pts(face_points((30, 45), 40)))
    return tmp_path


@pytest.fixture
def tabled(root: Path) -> Any:
    """The same with boxes.csv."""
    write_table(root, [(name, BOX) for name in every_name()])
    return root


@pytest.mark.parametrize(
    ("subset", "count"), [("train", 7), ("common", 2), ("challenging", 1), ("full", 3)]
)
def test_a_subset_is_the_faces_of_its_folders_in_a_stable_order(
    reported: list[str], tabled: Any, subset: str, count: Any
) -> None:
    reading = read_300w(tabled, subset)
    expected = [f"{folder}/{name}" for folder in SUBSETS[subset] for name in NAMES[folder]]
    assert [sample.id for sample in reading.samples] == expected
    assert len(expected) == count
    assert (reading.dataset, reading.subset, reported) == ("300w", subset, [])


def test_a_sample_holds_what_the_files_say_zero_based(tabled: Any, face_points: Any) -> None:
    sample = read_300w(tabled, "common").samples[0]
    assert sample.image == tabled / "helen/testset/44_1.jpg"
    assert np.allclose(sample.landmarks, face_points((30, 45), 40), atol=1e-4)
    assert sample.box.tolist() == [10, 20, 50, 70]
    assert sample.box.dtype == sample.landmarks.dtype == np.float32
    assert sample.labelled.all()
    assert (sample.box_source, sample.markup) == ("official", "ibug68")


def test_faces_of_one_photo_share_a_group_and_others_do_not(tabled: Any) -> None:
    groups = {sample.id: sample.group for sample in read_300w(tabled, "train").samples}
    assert groups["afw/111_1.jpg"] == groups["afw/111_2.jpg"]
    assert groups["helen/trainset/33_1.jpg"] == groups["helen/trainset/33_2.jpg"]
    assert len(set(groups.values())) == 5  # 111, 222, 33 and two photos of LFPW


def test_the_official_mat_files_say_the_same_as_the_table(root: Path) -> None:
    savemat = pytest.importorskip("scipy.io").savemat
    (root / "Bounding Boxes").mkdir()
    for folder, names in NAMES.items():
        cells = np.empty((1, len(names)), object)
        for i, name in enumerate(names):
            # the ground-truth box is a trap: it must not be taken
            cell = {"imgName": name, "bb_detector": [BOX], "bb_ground_truth": [[1.0, 2, 3, 4]]}
            cells[0, i] = cell
        file = root / "Bounding Boxes" / f"bounding_boxes_{folder.replace('/', '_')}.mat"
        savemat(file, {"bounding_boxes": cells})
    reading = read_300w(root, "train")
    assert len(reading.samples) == 7
    assert {tuple(sample.box.tolist()) for sample in reading.samples} == {(10, 20, 50, 70)}


@pytest.mark.parametrize("content", [b"", b"not matlab", None])
def test_a_damaged_mat_file_is_a_data_error(root: Path, content: Any) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    path = root / "bounding_boxes_afw.mat"
    if content is None:
        scipy_io.savemat(path, {"something_else": [1]})
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"not a complete MATLAB file|is missing"):
        read_300w(root, "train")


def damage_points(root: Path) -> None:
    (root / "afw/111_1.pts").write_text("garbage")


def damage_count(root: Path) -> None:
    (root / "afw/111_1.pts").write_text(to_pts(np.zeros((67, 2), np.float32)))


def remove_image(root: Path) -> None:
    (root / "afw/111_1.jpg").unlink()


def remove_box(root: Path) -> None:
    write_table(root, [(name, BOX) for name in every_name() if name != "afw/111_1.jpg"])


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (damage_points, r"not a \.pts file"),
        (damage_count, "67 points"),
        (remove_image, "no image with this name"),
        (remove_box, "no official box"),
    ],
)
def test_a_face_that_cannot_be_read_is_reported_and_the_rest_is_read(
    reported: list[str], tabled: Any, damage: Any, why: Any
) -> None:
    damage(tabled)
    reading = read_300w(tabled, "train")
    assert len(reading.samples) == 6
    assert len(reported) == 1
    assert "111_1" in reported[0]
    assert re.search(why, reported[0])


def test_several_problems_are_reported_one_a_face(reported: list[str], tabled: Any) -> None:
    damage_points(tabled)
    (tabled / "lfpw/trainset/image_0002.png").unlink()
    reading = read_300w(tabled, "train")
    assert len(reading.samples) == 5
    assert [("111_1" in p, "image_0002" in p) for p in reported] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("box", [["", 2, 3, 4], ["a", 2, 3, 4], [9, 2, 3, 4], ["nan", 2, 3, 4]])
def test_a_wrong_row_of_the_table_is_named_by_its_line(tabled: Any, box: Any) -> None:
    write_table(tabled, [("afw/111_1.jpg", BOX), ("afw/111_2.jpg", box)])
    with pytest.raises(DataError, match=r"boxes\.csv:3"):
        read_300w(tabled, "train")


@pytest.mark.parametrize("head", ["", "image,x0,y0,x1", "a,b\n1,2", "\xff"])
def test_a_table_without_the_columns_is_refused(root: Path, head: Any) -> None:
    (root / "boxes.csv").write_bytes(head.encode("latin-1"))
    with pytest.raises(DataError, match="lacks the column"):
        read_300w(root, "train")


def test_a_table_saved_by_a_spreadsheet_is_read(root: Path) -> None:
    rows = [f"{name},{','.join(map(str, BOX))}" for name in every_name()]
    text = "\r\n".join(["image,x0,y0,x1,y1", *rows])
    (root / "boxes.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(read_300w(root, "train").samples) == 7


def test_a_short_row_is_a_data_error(root: Path) -> None:
    (root / "boxes.csv").write_text("x0,y0,x1,y1,image\n1,2\n")
    with pytest.raises(DataError, match=r"boxes\.csv:2"):
        read_300w(root, "train")


def test_no_boxes_at_all_are_asked_for(root: Path) -> None:
    with pytest.raises(DataError, match=r"boxes\.csv"):
        read_300w(root, "train")


def test_a_missing_folder_is_named(tabled: Any) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read_300w(tabled / "elsewhere", "common")


def test_folders_without_labels_are_refused(tabled: Any) -> None:
    for file in tabled.rglob("ibug/*.pts"):
        file.unlink()
    with pytest.raises(DataError, match=r"holds no \.pts"):
        read_300w(tabled, "challenging")


def test_an_unknown_subset_or_data_set_names_the_known_ones(tabled: Any) -> None:
    with pytest.raises(DataError, match=r'"val".*train, common, challenging, full, test'):
        read_300w(tabled, "val")
    with pytest.raises(DataError, match=r'"301w".*300w'):
        read_dataset("301w", tabled, "train")


def test_read_dataset_calls_the_reader(tabled: Any) -> None:
    assert "300w" in DATASETS
    assert len(read_dataset("300w", tabled, "full").samples) == 3


def labelled(groups: Any) -> Any:
    blank = np.zeros(0)
    one = Sample("", None, blank, blank, blank, "official", "ibug68", "")
    return [replace(one, id=str(i), group=group) for i, group in enumerate(groups)]


some_groups = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40)


@given(groups=some_groups, fraction=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_split_never_parts_a_group_and_loses_no_face(
    groups: Any, fraction: Any, seed: Any
) -> None:
    samples = labelled(groups)
    training, held_out = split_by_group(samples, fraction, seed)
    assert not {s.group for s in training} & {s.group for s in held_out}
    assert sorted(s.id for s in training + held_out) == sorted(s.id for s in samples)
    assert len({s.group for s in held_out}) == round(fraction * len(set(groups)))


@given(groups=some_groups, seed=st.integers(0, 99))
def test_a_split_does_not_depend_on_the_order_of_the_samples(groups: Any, seed: Any) -> None:
    samples = labelled(groups)
    parts = [split_by_group(order, 0.5, seed) for order in (samples, samples[::-1])]
    assert {s.id for s in parts[0][1]} == {s.id for s in parts[1][1]}


def test_another_seed_gives_another_split() -> None:
    samples = labelled("abcdefgh")
    splits = {tuple(s.id for s in split_by_group(samples, 0.5, seed)[1]) for seed in range(5)}
    assert len(splits) > 1


@pytest.mark.faces
@pytest.mark.parametrize(("subset", "count"), [("common", 554), ("train", 2012)])
def test_the_real_300w_is_read_without_a_problem(
    reported: list[str], faces_root: Path, subset: str, count: Any
) -> None:
    reading = read_300w(faces_root / "300w", subset)
    assert reported == []
    assert len(reading.samples) == count
    assert len({sample.id for sample in reading.samples}) == count


@pytest.mark.faces
def test_the_real_boxes_lie_over_the_real_points(faces_root: Path) -> None:
    for sample in read_300w(faces_root / "300w", "common").samples:
        centre, middle = sample.landmarks.mean(axis=0), (sample.box[:2] + sample.box[2:]) / 2
        assert np.abs(centre - middle).max() < 0.3 * (sample.box[2] - sample.box[0])
