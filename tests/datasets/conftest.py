"""Small copies of data sets: drawings for photos, label files written as the real ones are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from facealign.markup import load_markup


@pytest.fixture(scope="session")
def drawing() -> np.ndarray:
    """(100, 120, 3) uint8: a drawing in place of a photo."""
    y, x = np.mgrid[:100, :120]
    return np.stack([x * 2, y * 2, 255 - x - y], axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def draw(drawing: np.ndarray) -> Callable[[Path], Path]:
    """(path) → the path, a picture of 120 × 100 pixels now being there."""

    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawing).save(path)
        return path

    return write


@pytest.fixture(scope="session")
def points() -> Callable[..., np.ndarray]:
    """(markup) → (K, 2) float64, distinct, right of the subject on the left of the picture."""

    def make(markup: str = "ibug68", shift: float = 0.0) -> np.ndarray:
        scheme = load_markup(markup)
        rows = np.linspace(30, 80, scheme.count)
        mouths = np.array(["eye" not in name and "brow" not in name for name in scheme.names])
        sides = np.array(
            [-1 if n.startswith("right") else n.startswith("left") for n in scheme.names]
        )
        y = rows * 0.3 + np.where(mouths, 50, 20)
        return np.stack([60 + 20.0 * sides + rows / 10, y], axis=1) + shift

    return make


@pytest.fixture(scope="session")
def write_pts() -> Callable[..., Path]:
    """(path, points as the file shall say them) → the path."""

    def write(path: Path, values: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = "\n".join(f"{x} {y}" for x, y in values)
        path.write_text(f"version: 1\nn_points: {len(values)}\n{{\n{rows}\n}}\n")
        return path

    return write


@pytest.fixture(scope="session")
def write_hdf5_mat() -> Callable[..., Path]:
    """(path, variables) → the path of a MATLAB 7.3 file: HDF5 after 512 bytes, by columns."""

    def write(path: Path, variables: dict[str, Any]) -> Path:
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, value in variables.items():
                if isinstance(value, list):
                    _write_cells(file, name, value)
                else:
                    file[name] = np.asarray(value).T
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
        return path

    return write


def _write_cells(file: h5py.File, name: str, cells: Sequence[Any]) -> None:
    """A cell array, N × 1: references to what lies in `#refs#`."""
    references = []
    for i, cell in enumerate(cells):
        codes = np.array([[ord(c)] for c in cell], np.uint16) if isinstance(cell, str) else cell.T
        file[f"#refs#/{name}{i}"] = codes
        references.append(file[f"#refs#/{name}{i}"].ref)
    file.create_dataset(name, data=np.array([references], dtype=object), dtype=h5py.ref_dtype)
