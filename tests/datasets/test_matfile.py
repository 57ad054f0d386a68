"""MATLAB files: what SciPy or HDF5 does over a damaged one stays in the other process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from facealign.datasets import matfile
from facealign.datasets.matfile import read_mat, read_pictures
from facealign.errors import DataError, ImageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    names = np.array([["a.jpg"], ["b.jpg"]], dtype=object)
    savemat(tmp_path / "x.mat", {"bbox": np.ones((2, 4)), "nameList": names})
    return tmp_path / "x.mat"


def crashes(path: Path) -> bool:
    code = "import sys; from scipy.io import loadmat; loadmat(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=False)
    return done.returncode < 0


def test_a_file_that_crashes_scipy_is_a_data_error(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"bbox") - 1] = 4  # a name of 1028 characters where four have room
    path.write_bytes(content)
    if not crashes(path):
        pytest.skip("this SciPy does not crash over it")
    with pytest.raises(DataError, match=r"x\.mat: not a complete MATLAB file"):
        read_mat(path, ("bbox", "nameList"))


def test_a_reader_that_dies_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matfile, "_program", lambda: "import os; os.abort()")
    with pytest.raises(DataError, match="its reader crashed, -6"):
        read_mat(path, ("bbox",))
    with pytest.raises(ImageError, match="picture 3 cannot be read"):
        next(read_pictures(path, "IsT", [2]))


def test_a_reader_that_never_ends_is_ended(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matfile, "_program", lambda: "import time; time.sleep(99)")
    monkeypatch.setattr(matfile, "PATIENCE", 0.5)
    with pytest.raises(DataError, match="not read within"):
        read_mat(path, ("bbox",))
