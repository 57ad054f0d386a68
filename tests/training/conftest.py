"""What tests of settings and of runs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facealign.datasets import Reading, read_dataset
from facealign.markup.conversion import load_conversion
from facealign.training.run import Run, prepare
from facealign.training.runfolder import RunFolder
from facealign.training.settings import Settings
from facealign.training.settingsfile import to_settings

TINY = {
    "data": {"validation": 0.2},
    "model": {"input_size": 32, "widths": [4, 8]},
    "augment": {"turn": 10.0, "mirror": 0.5},
    "train": {"steps": 3, "batch": 8, "ema": 0.9, "validate_every": 4, "threads": 1},
}
FIVE = {"dataset": "celeba", "share": 0.5}


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


@pytest.fixture(scope="session")
def five(reading: Reading) -> Reading:
    """The same faces with five points, the nose of every other one hidden."""
    conversion = load_conversion("ibug68", "celeba5")
    samples = [
        replace(
            sample,
            id=f"five/{sample.id}",
            landmarks=conversion.points(sample.landmarks),
            visible=np.array([True, True, number % 2 == 0, True, True]),
            markup="celeba5",
        )
        for number, sample in enumerate(reading.samples)
    ]
    return Reading("celeba", "train", samples, [])


@pytest.fixture(scope="session")
def tiny() -> Callable[..., Settings]:
    """(data sets of five points, model settings, train settings) → those of a run of a second."""

    def make(further: int = 0, model: dict[str, object] | None = None, **train: object) -> Settings:
        tree = TINY | {
            "train": TINY["train"] | train,
            "model": TINY["model"] | (model or {}),
            "further": [FIVE] * further,
        }
        return to_settings(tree, "test")

    return make


@pytest.fixture(scope="session")
def run_of() -> Callable[[Settings, Path, list[Reading]], Run]:
    """(settings, folder, labelled faces) → the run, begun or taken up."""

    def make(settings: Settings, folder: Path, readings: list[Reading]) -> Run:
        run, problems = prepare(settings, RunFolder(folder), readings)
        assert not problems
        return run

    return make
