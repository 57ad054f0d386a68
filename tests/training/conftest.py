"""What tests of settings and of runs share."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from facealign.datasets import Reading, read_dataset
from facealign.markup.conversion import load_conversion
from facealign.network import AAN
from facealign.training.export.onnx import Deployed, export_run
from facealign.training.loop import fit
from facealign.training.run import Run, prepare
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import Settings
from facealign.training.settings_file import to_settings

TINY = {
    "data": {"validation": 0.2},
    "model": {"input_size": 32, "widths": [4, 8]},
    "augment": {"turn": 10.0, "mirror": 0.5},
    "train": {"steps": 3, "batch": 8, "ema": 0.9, "validate_every": 4, "threads": 1},
}
FIVE = {"dataset": "celeba", "share": 0.5}


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Text → the path of a file that contains it."""

    def write(text: str | bytes) -> Path:
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
            labelled=np.array([True, True, number % 2 == 0, True, True]),
            markup="celeba5",
        )
        for number, sample in enumerate(reading.samples)
    ]
    return Reading("celeba", "train", samples)


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
        return prepare(settings, RunFolder(folder), readings)

    return make


@pytest.fixture
def begin(
    tiny: Callable[..., Settings],
    run_of: Callable[[Settings, Path, list[Reading]], Run],
    tmp_path: Path,
    reading: Reading,
    five: Reading,
) -> Callable[..., Run]:
    """(start, model settings, data sets of five points, train settings) → a run with scores."""

    def make(
        start: Path | str = "",
        model: dict[str, object] | None = None,
        further: int = 0,
        **train: object,
    ) -> Run:
        whole = {"spread": True, "visibility": True} | (model or {})
        settings = tiny(further, whole, start=str(start), **train)
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        return run_of(settings, folder, [reading, five][: 1 + further])

    return make


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    tiny: Callable[..., Settings],
    run_of: Callable[[Settings, Path, list[Reading]], Run],
    reading: Reading,
) -> Path:
    """The checkpoint of a run with scores."""
    folder = tmp_path_factory.mktemp("trained")
    settings = tiny(0, {"spread": True, "visibility": True}, learning_rate=1e-2)
    assert fit(run_of(settings, folder, [reading]))
    return folder / "last.pt"


@pytest.fixture(scope="session")
def exported(trained: Path) -> Path:
    """The same as an ONNX file."""
    export_run(trained, trained.with_name("trained.onnx"))
    return trained.with_name("trained.onnx")


@pytest.fixture(scope="session")
def apart() -> Callable[[AAN | Path, AAN | Path], float]:
    """(network or ONNX file, another) → the largest difference of what they say of noise."""

    @torch.no_grad()
    def say(source: AAN | Path) -> list[torch.Tensor]:
        random = torch.Generator().manual_seed(7)
        if isinstance(source, AAN):
            size = source.settings.input_size
            return list(Deployed(source).eval()(torch.randn(5, 3, size, size, generator=random)))
        session = onnxruntime.InferenceSession(source)
        image = torch.randn(5, *session.get_inputs()[0].shape[1:], generator=random)
        return [torch.from_numpy(said) for said in session.run(None, {"image": image.numpy()})]

    def compare(one: AAN | Path, other: AAN | Path) -> float:
        pairs = zip(say(one), say(other), strict=True)
        return max(float((a - b).abs().max()) for a, b in pairs)

    return compare
