"""Labelled faces: one module a data set, each turning the official files into `Sample`s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from facealign.datasets.reading import Reading
from facealign.datasets.w300 import read_300w
from facealign.errors import DataError

Reader = Callable[[Path, str], Reading]

DATASETS: Mapping[str, Reader] = MappingProxyType({"300w": read_300w})
"""Every data set by name: its reader takes the root folder and the subset's name."""


def read_dataset(name: str, root: Path, subset: str) -> Reading:
    """The faces of one subset of a data set, and what could not be read of it.

    Raises:
        DataError: no data set or subset has this name, or the folder does not hold it.

    """
    if name not in DATASETS:
        raise DataError(f'unknown data set "{name}": choose one of {", ".join(DATASETS)}')
    return DATASETS[name](root, subset)


__all__ = ["DATASETS", "Reader", "Reading", "read_dataset"]
