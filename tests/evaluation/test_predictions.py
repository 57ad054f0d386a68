"""Predictions on the disk: what was written is what is scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facealign import DataError, OutputError
from facealign.evaluation import Predictions, read_predictions, write_predictions


def some() -> Predictions:
    landmarks = np.random.default_rng(0).normal(0, 90, (3, 5, 2)).astype(np.float32)
    landmarks[1] = np.nan
    names = ["a/1.jpg", "b/fünf.jpg", "c.png#7"]
    return Predictions(names, landmarks, "detector", "mine", "celeba5", "celeba", "test")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_predictions(some(), tmp_path / "deep" / "p.npz")
    found = read_predictions(tmp_path / "deep" / "p.npz")
    assert np.array_equal(found.landmarks, some().landmarks, equal_nan=True)
    assert found.landmarks.dtype == np.float32
    assert found.found.tolist() == [True, False, True]
    for name in ("ids", "box_source", "model", "markup", "dataset", "subset"):
        assert getattr(found, name) == getattr(some(), name)


def test_none_at_all_can_be_kept(tmp_path: Path) -> None:
    write_predictions(Predictions([], np.zeros((0, 68, 2), np.float32), "x"), tmp_path / "p.npz")
    assert read_predictions(tmp_path / "p.npz").ids == []


def test_a_file_that_holds_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.npz: cannot be read \(No such file"):
        read_predictions(tmp_path / "gone.npz")
    for content in (b"", b"no zip", b"PK\x03\x04 cut"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"bad\.npz: not predictions .* --predictions"):
            read_predictions(tmp_path / "bad.npz")
    np.savez(tmp_path / "other.npz", ids=np.array(["a"]))
    with pytest.raises(DataError, match=r"other\.npz: not predictions"):
        read_predictions(tmp_path / "other.npz")


def test_objects_in_the_file_are_not_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", ids=np.array([print], dtype=object), landmarks=np.zeros(1))
    with pytest.raises(DataError, match="not predictions"):
        read_predictions(tmp_path / "evil.npz")


def test_ids_and_points_must_agree(tmp_path: Path) -> None:
    landmarks = np.zeros((2, 5, 2), np.float32)
    write_predictions(Predictions(["a"], landmarks, "official"), tmp_path / "p.npz")
    with pytest.raises(DataError, match="1 ids, but landmarks of shape"):
        read_predictions(tmp_path / "p.npz")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_predictions(some(), tmp_path / "file" / "p.npz")
