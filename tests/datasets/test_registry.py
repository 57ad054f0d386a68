"""What is stated of every data set, and the door to them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from facealign.datasets import DATASETS, load_dataset, read_dataset
from facealign.datasets.pixels import read_frames
from facealign.errors import DataError, MissingExtraError
from facealign.markup import load_markup
from facealign.metrics import NORMALISERS

EVERY = pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)


@EVERY
def test_the_facts_name_things_there_are(dataset: Any) -> None:
    markup = load_markup(dataset.markup)
    assert set(dataset.normalisers) <= set(NORMALISERS)
    assert "inter_ocular" not in dataset.normalisers or markup.eye_corners
    assert dataset.origin in (0, 1)
    assert dataset.box_source in ("official", "landmarks", "image")
    assert DATASETS[dataset.name] is load_dataset(dataset.name) is dataset


@EVERY
def test_an_unknown_subset_is_refused_by_name(dataset: Any, tmp_path: Path) -> None:
    if dataset.name in ("csv", "cvat", "packed", "yolo"):
        pytest.skip("its file names its own subsets")
    with pytest.raises(DataError, match=f'{dataset.name} has no subset "nothing": choose one of'):
        read_dataset(dataset.name, tmp_path, "nothing")


@EVERY
def test_an_empty_folder_is_an_error_that_names_a_path(dataset: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=str(tmp_path)):
        read_dataset(dataset.name, tmp_path, next(iter(dataset.subsets)))


def test_unknown_names_and_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='unknown data set "301w"'):
        read_dataset("301w", tmp_path, "train")
    with pytest.raises(DataError, match='wflw has no option "stride": its options are none'):
        read_dataset("wflw", tmp_path, "train", stride=2)


@pytest.mark.parametrize(
    ("module", "start"), [("scipy.io", b"MATLAB 5.0"), ("h5py", b"\x89HDF\r\n\x1a\n")]
)
def test_without_the_data_extra_its_install_line_is_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, start: Any
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "flickr").mkdir()
    (tmp_path / "AFLWinfo_release.mat").write_bytes(start)
    with pytest.raises(MissingExtraError, match=r'pip install "facealign\[data\]"'):
        read_dataset("aflw", tmp_path, "train")


def test_without_the_video_extra_its_install_line_is_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r'pip install "facealign\[video\]"'):
        next(read_frames(tmp_path / "vid.avi", [0]))


def test_the_documents_say_the_same_of_boxes(repository: Path) -> None:
    text = (repository / "docs" / "datasets.md").read_text()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    said = {row[0].strip("| `"): row[3] for row in rows if len(row) > 5}
    assert len(said) == 8
    assert said == {name: DATASETS[name].boxes_in_words for name in said}
    own = {row[0].strip("| `"): row[3].strip(" |") for row in rows if len(row) == 4}
    for names, words in own.items():
        name = names.split("`")[0]
        dataset = DATASETS[name]
        assert (words == "of the points") == (dataset.box_source == "landmarks"), name
