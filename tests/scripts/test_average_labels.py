"""Labels that are the mean of a table's and of MediaPipe's face mesh."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FACES = 40


def write_table(path: Path, points: Floats) -> None:
    names = ["left", "top", "right", "bottom", *(f"{a}{i}" for i in range(68) for a in "xy")]
    lines = [",".join(["image", *names])]
    for number, face in enumerate(points):
        cells = [*face.min(axis=0), *face.max(axis=0), *face.flat]
        (path.parent / f"{number}.jpg").touch()
        lines.append(",".join([f"{number}.jpg", *(f"{value:.4f}" for value in cells)]))
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def faces() -> tuple[Floats, Floats]:
    """Meshes of any size, place and turn, and 68 of their own points as labels."""
    random = np.random.default_rng(0)
    shapes = random.normal(size=(478, 3)) + random.normal(size=(FACES, 478, 3)) / 20
    turn, size = random.uniform(-0.5, 0.5, FACES), random.uniform(30, 60, FACES)
    cos, sin = np.cos(turn), np.sin(turn)
    axes = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)
    mesh = shapes * size[:, None, None]
    mesh[..., :2] = np.einsum("nij,nkj->nki", axes, mesh[..., :2]) + 200
    return mesh, mesh[:, 100:168, :2].copy()


def test_labels_are_the_mean_where_both_agree(
    repository: Path, tmp_path: Path, faces: tuple[Floats, Floats]
) -> None:
    mesh, points = faces
    write_table(tmp_path / "known.csv", points)
    np.savez(tmp_path / "known.npz", mesh=mesh)
    told = points + 2.0  # the table is two pixels off everywhere
    told[3] += 100  # and far off in one face
    mesh[5] = np.nan  # no mesh was found
    write_table(tmp_path / "told.csv", told)
    np.savez(tmp_path / "told.npz", mesh=mesh)
    script = repository / "scripts" / "labels" / "average_labels.py"
    names = ("told.csv", "told.npz", "out.csv", "--learn", "known.csv", "known.npz")
    done = subprocess.run(
        [sys.executable, str(script), *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{FACES - 2} of {FACES} faces kept\n"
    lines = (tmp_path / "out.csv").read_text().splitlines()[1:]
    kept = [number for number in range(FACES) if number not in (3, 5)]
    assert [line.split(",")[0] for line in lines] == [f"{number}.jpg" for number in kept]
    said = np.array([line.split(",")[5:] for line in lines], float).reshape(-1, 68, 2)
    np.testing.assert_allclose(said, points[kept] + 1.0, atol=0.1)
