"""MATLAB files of both kinds, "5.0" (by SciPy) and "7.3", which is HDF5 (by h5py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError, MissingExtraError
from facealign.files import reading

Matrix = NDArray[np.float64]


def is_hdf5(path: Path) -> bool:
    """Whether the file is of MATLAB 7.3, by its first bytes.

    Raises:
        DataError: the file cannot be read.

    """
    with reading(path), path.open("rb") as file:
        head = file.read(520)
    return b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:])


def read_mat(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Variables of a MATLAB file, as MATLAB shows them.

    Args:
        path: the file.
        names: the variables that must be there.

    Returns:
        Numeric variables as float64 arrays with MATLAB's axes; a cell array of strings as a flat
        list, with None for each cell that is not a string.

    Raises:
        DataError: the file cannot be read, is damaged, or lacks a variable.
        MissingExtraError: SciPy or h5py is not installed.

    """
    read = _read_hdf5 if is_hdf5(path) else _read_mat5
    try:
        found = read(path, names)
    except (DataError, MissingExtraError):
        raise
    except Exception as error:  # both libraries raise many kinds of errors on a damaged file
        raise DataError(f"{path}: not a complete MATLAB file ({error}); get it again") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{path}: the variable {', '.join(missing)} is missing")
    return found


def _read_mat5(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        from scipy.io import loadmat
    except ImportError:
        raise MissingExtraError("reading MATLAB files", "data") from None
    content = loadmat(path, variable_names=names, appendmat=False)
    return {name: _value(content[name]) for name in names if name in content}


def _value(array: NDArray[Any]) -> Matrix | list[str | None]:
    if array.dtype != object:
        return np.asarray(array, dtype=np.float64)
    return [_text(cell) for cell in array.ravel()]


def _text(cell: Any) -> str | None:
    words = np.asarray(cell).ravel()
    return str(words[0]) if words.dtype.kind == "U" and len(words) == 1 else None


def _read_hdf5(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    h5py = import_h5py()
    with h5py.File(path, "r") as file:
        return {name: _hdf5_value(file, file[name]) for name in names if name in file}


def _hdf5_value(file: Any, data: Any) -> Matrix | list[str | None]:
    if data.dtype != object:
        return np.asarray(data[()], dtype=np.float64).T  # MATLAB stores by columns
    return [_hdf5_text(file[reference]) for reference in data[()].T.ravel()]


def _hdf5_text(data: Any) -> str | None:
    if data.dtype.kind != "u" or "MATLAB_empty" in data.attrs:
        return None
    return "".join(chr(code) for code in data[()].ravel())


def import_h5py() -> Any:
    """The h5py module.

    Raises:
        MissingExtraError: it is not installed.

    """
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("reading MATLAB 7.3 files", "data") from None
    return h5py
