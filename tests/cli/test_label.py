"""`facealign label`: a table that `facealign train` reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from facealign import align
from facealign.cli.app import run
from facealign.datasets import read_dataset


@pytest.fixture
def photos(repository: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(repository / "examples" / "astronaut.jpg", folder)
    return folder


def test_the_table_is_a_data_set(photos: Path, tmp_path: Path) -> None:
    table = tmp_path / "made" / "labels.csv"
    table.parent.mkdir()
    assert run(["label", str(photos), "-o", str(table), "--looks", "2"]) == 0
    (sample,) = read_dataset("csv", table, "all").samples
    (face,) = align(photos / "astronaut.jpg")
    assert sample.image.samefile(photos / "astronaut.jpg")
    assert np.allclose(sample.box, face.box, atol=0.01)
    off = np.linalg.norm(sample.landmarks - face.landmarks, axis=1).mean()
    assert off < 0.02 * np.hypot(*(face.box[2:] - face.box[:2]))


def test_several_models_are_averaged(photos: Path, tmp_path: Path) -> None:
    def points(*models: str) -> np.ndarray:
        words = [word for name in models for word in ("--model", name)]
        table = tmp_path / "labels.csv"
        assert run(["label", str(photos), "-o", str(table), "--looks", "1", *words]) == 0
        return read_dataset("csv", table, "all").samples[0].landmarks

    mean = (points("aan-m") + points("aan-s")) / 2
    assert np.allclose(points("aan-m", "aan-s"), mean, atol=0.02)


def test_faces_on_which_the_looks_differ_are_left_out(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "labels.csv"
    assert run(["label", str(photos), "-o", str(table), "--spread", "0.0001"]) == 0
    assert len(table.read_text().splitlines()) == 1
    assert "1 left out" in capsys.readouterr().out


def test_models_of_different_points_are_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", "aan-m", "--model", "aan-m-aflw19", "-o", str(tmp_path / "labels.csv")]
    assert run(["label", str(photos), *words]) == 2
    assert "point schemes differ" in capsys.readouterr().err


def test_a_bad_photo_is_named_and_the_others_labelled(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "broken.jpg").write_bytes(b"no photo")
    table = tmp_path / "labels.csv"
    assert run(["label", str(photos), "-o", str(table), "--looks", "1"]) == 3
    assert "broken.jpg" in capsys.readouterr().err
    assert len(table.read_text().splitlines()) == 2
