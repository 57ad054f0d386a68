"""Opinions compared: a model's error and a mean's, on drawn faces and on numbers worked by hand."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from facealign.datasets import read_dataset
from facealign.types import Sample


@pytest.fixture
def faces(drawn: Path) -> list[Sample]:
    return read_dataset("300w", drawn, "train").samples


def test_an_error_is_shown_over_the_distance_of_the_eye_corners(
    script: ModuleType, faces: list[Sample], capsys: pytest.CaptureFixture[str]
) -> None:
    face = faces[0]
    distance = np.linalg.norm(face.landmarks[36] - face.landmarks[45])
    said = face.landmarks.astype(np.float64)
    said[:17] += (0.03 * distance, 0.04 * distance)  # the jaw alone is off, by 5 %
    script.show("mesh", said[None], [face])
    assert capsys.readouterr().out.split() == ["mesh", "1.25", "5.00", *["0.00"] * 4]


def test_every_opinion_and_every_mean_has_a_row(
    script: ModuleType, drawn: Path, faces: list[Sample], capsys: pytest.CaptureFixture[str]
) -> None:
    given = argparse.Namespace(
        root=drawn,
        model=["aan-m", "aan-s"],
        mesh=None,
        looks=1,
        weights=[1.0, 0.0],
        validation=0.5,
        seed=0,
    )
    script.main(given)
    first, _, *rows = capsys.readouterr().out.splitlines()
    count = len(faces) // 2
    assert first == f"{count} of {count} held-out faces have all opinions"
    assert [row[:32].strip() for row in rows] == [
        "aan-m",
        "aan-s",
        "aan-m + aan-s",
        "weighted 1, 0",
    ]
    assert rows[0][32:] == rows[3][32:] != rows[1][32:]


def test_the_mesh_is_learned_from_the_training_faces_alone(
    script: ModuleType, drawn: Path, faces: list[Sample], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    mesh = random.normal(size=(len(faces), 478, 3)) * 50 + 200
    mesh[0] = np.nan  # no face was found
    table = tmp_path / "w300.csv"
    names = ["left", "top", "right", "bottom", *(f"{a}{i}" for i in range(68) for a in "xy")]
    lines = [",".join(["image", *names])]
    for face in faces:
        cells = ",".join(f"{value:.2f}" for value in (*face.box, *face.landmarks.flat))
        lines.append(f"{face.image.relative_to(drawn)},{cells}")
    table.write_text("\n".join(lines) + "\n")
    np.savez(tmp_path / "w300.npz", mesh=mesh)
    half = len(faces) // 2
    said = script.by_mesh(table, tmp_path / "w300.npz", drawn, faces[half:], faces[:half])
    assert np.isnan(said[0]).all()
    assert np.isfinite(said[1:]).all()
