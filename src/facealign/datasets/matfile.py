"""MATLAB files of both kinds, "5.0" (by SciPy) and "7.3", which is HDF5 (by h5py).

They are read in a process of its own, `matfile_child.py`: both libraries may crash on damaged ones.
"""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError, ImageError, needs
from facealign.files import brief, packaged, parsing, present, reading

Matrix = NDArray[np.float64]
PATIENCE = 600.0
"""Seconds that reading the variables of a file may take."""


def is_hdf5(path: Path) -> bool:
    """Whether the file is of MATLAB 7.3, by its first bytes.

    Raises:
        DataError: the file cannot be read.
    """
    with reading(path), path.open("rb") as file:
        head = file.read(520)
    return b"\x89HDF\r\n\x1a\n" in (head[:8], head[512:])


def read_mat(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Variables of a MATLAB file, as MATLAB shows them.

    Args:
        path: the file.
        names: the variables that must be there; "NAME.FIELD" of a cell array of structs.

    Returns:
        Numeric variables as float64 arrays with MATLAB's axes; a cell array of strings as a flat
        list, in which whatever is no string is None.

    Raises:
        DataError: the file cannot be read, is damaged, or lacks a variable.
        MissingExtraError: SciPy or h5py is not installed.
    """
    variables = dict.fromkeys(name.partition(".")[0] for name in names)
    with _child(path, *variables) as process:
        try:
            content, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise DataError(f"{path}: not read within {PATIENCE:.0f} s; get it again") from None
        finally:
            process.kill()
    if process.returncode:
        raise DataError(f"{path}: not a complete MATLAB file ({_why(process, said)}); get it again")
    with parsing(path), np.load(io.BytesIO(content), allow_pickle=False) as found:
        values = {name: _value(found[name]) for name in names if name in found}
    if missing := [name for name in names if name not in values]:
        raise DataError(f"{path}: the variable {', '.join(missing)} is missing")
    return values


def read_pictures(path: Path, name: str, indices: Sequence[int]) -> Iterator[NDArray[Any]]:
    """Cells of a cell array in a MATLAB 7.3 file, one at a time, with MATLAB's axes.

    Raises:
        ImageError: the file is damaged or has no such cell.
        MissingExtraError: h5py is not installed.
    """
    with _child(path, name, *map(str, indices), what="pictures") as process:
        assert process.stdout is not None
        try:
            for index in indices:
                length = int.from_bytes(process.stdout.read(8), "little")
                picture = process.stdout.read(length)
                if not length or len(picture) < length:
                    why = _why(process, process.communicate()[1])
                    raise ImageError(f"{path}: picture {index + 1} cannot be read ({why})")
                yield np.load(io.BytesIO(picture), allow_pickle=False)
        finally:
            process.kill()


def _child(path: Path, *words: str, what: str = "") -> subprocess.Popen[bytes]:
    """The other process, its output and errors as pipes."""
    library = "h5py" if is_hdf5(path) else "scipy.io"
    with needs("data", "reading MATLAB files"):
        import_module(library)
    if getattr(sys, "frozen", False):
        raise DataError(f"{path}: a frozen program reads no MATLAB files; use an installed Python")
    return subprocess.Popen(
        [sys.executable, "-c", _program(), what or library, str(path), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _program() -> str:
    return present(packaged("datasets/matfile_child.py")).read_text("utf-8")


def _why(process: subprocess.Popen[bytes], said: bytes) -> str:
    code = process.wait()
    text = said.decode(errors="replace").strip()
    return brief(ValueError(text)) if text and code > 0 else f"its reader crashed, {code}"


def _value(array: NDArray[Any]) -> Matrix | list[str | None]:
    if array.dtype.kind != "U":
        return np.asarray(array, dtype=np.float64)
    return [str(text) or None for text in array]
