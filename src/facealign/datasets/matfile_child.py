"""Reads a MATLAB file in a process of its own: on damaged ones SciPy and HDF5 may crash.

`matfile.py` runs this text with `python -c`; nothing imports it, and it needs nothing of facealign.

    scipy.io PATH NAME…      an `.npz` file on standard output: numbers as float64, cells of text as
    h5py PATH NAME…          text, a field F of a cell array of structs as "NAME.F"
    pictures PATH NAME I…    the cells I of an HDF5 file's cell array: `.npy` files, each after
                             its length in 8 bytes
"""

import io
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def main(what: str, path: str, *words: str) -> None:
    """Do what the first word says."""
    if what == "pictures":
        pictures(path, *words)
        return
    found: dict[str, Array] = {}
    for name, value in variables(what, path, words):
        found |= plain(name, value)
    np.savez(sys.stdout.buffer, **found)  # type: ignore[arg-type]


def variables(library: str, path: str, names: Sequence[str]) -> list[tuple[str, Array]]:
    """(name, array) of a file of either kind."""
    if library == "scipy.io":
        from scipy.io import loadmat

        content = loadmat(path, variable_names=names, appendmat=False)
        return [(name, content[name]) for name in names if name in content]
    import h5py

    with h5py.File(path, "r") as file:
        return [(name, of_hdf5(file, file[name])) for name in names if name in file]


def of_hdf5(file: Any, data: Any) -> Array:
    """An array with MATLAB's axes; cells as arrays, empty where they hold no text."""
    if data.dtype != object:
        return np.asarray(data[()].T)  # MATLAB stores by columns
    cells = np.empty(data.size, object)
    for i, cell in enumerate(file[reference] for reference in data[()].T.ravel()):
        is_text = cell.dtype.kind == "u" and "MATLAB_empty" not in cell.attrs
        cells[i] = np.array(["".join(map(chr, cell[()].ravel()))] if is_text else [])
    return cells


def plain(name: str, array: Array) -> dict[str, Array]:
    """An array as arrays without objects, by name."""
    if array.dtype != object:
        return {name: np.asarray(array, np.float64)}
    cells = [np.asarray(cell) for cell in array.ravel()]
    fields = cells[0].dtype.names if cells else None
    if not fields:
        return {name: np.array([word(cell) for cell in cells], str)}
    columns = {f: [np.asarray(cell[f].ravel()[0]).ravel() for cell in cells] for f in fields}
    return {
        f"{name}.{f}": np.array([word(v) for v in values], str)
        if values[0].dtype.kind == "U"
        else np.stack(values).astype(np.float64)
        for f, values in columns.items()
    }


def word(cell: Array) -> str:
    """The only text of a cell, else an empty one."""
    words = np.asarray(cell).ravel()
    return str(words[0]) if words.dtype.kind == "U" and len(words) == 1 else ""


def pictures(path: str, name: str, *indices: str) -> None:
    """Write the pictures one after the other."""
    import h5py

    with h5py.File(path, "r") as file:
        cells = file[name][()].ravel()
        for index in indices:
            pixels = file[cells[int(index)]][()].T
            buffer = io.BytesIO()
            np.save(buffer, np.ascontiguousarray(pixels), allow_pickle=False)
            sys.stdout.buffer.write(buffer.tell().to_bytes(8, "little") + buffer.getvalue())
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
