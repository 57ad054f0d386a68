"""What tests of settings and of runs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from facealign.datasets import Reading, read_dataset


@pytest.fixture
def toml(tmp_path):
    """Text → the path of a file that holds it."""

    def write(text):
        path = tmp_path / "run.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture(scope="session")
def same() -> Callable[[object, object], bool]:
    """Whether two states are equal bit for bit, through dictionaries and lists."""

    def equal(one: object, other: object) -> bool:
        if isinstance(one, torch.Tensor):
            return isinstance(other, torch.Tensor) and torch.equal(one, other)
        if isinstance(one, dict):
            return one.keys() == other.keys() and all(equal(v, other[k]) for k, v in one.items())
        if isinstance(one, list):
            return len(one) == len(other) and all(map(equal, one, other))
        return one == other

    return equal


@pytest.fixture(scope="session")
def reading(drawn: Path) -> Reading:
    return read_dataset("300w", drawn, "train")
