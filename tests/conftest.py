"""Synthetic faces and pictures that several test files share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from facealign.cli import main
from facealign.datasets.drawings import write_drawings
from facealign.markup import load_markup
from facealign.models import ModelFacts
from facealign.problems import collect
from facealign.types import Pixels, Sample

ROOT = Path(__file__).resolve().parents[1]

# A shell starts background jobs with SIGINT ignored, which the processes that tests start inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=40, database=None)
settings.register_profile("thorough", deadline=None, max_examples=3000, database=None)
settings.load_profile("quick")  # the other: pytest --hypothesis-profile=thorough


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def faces_root() -> Path:
    """The folder of the labelled real faces; the test is skipped where there is none."""
    given = os.environ.get("FACEALIGN_DATA")
    root = Path(given) if given else ROOT.parent / "shared" / "data"
    if not root.is_dir():
        pytest.skip("no labelled faces here: set FACEALIGN_DATA")
    return root


@pytest.fixture(scope="session")
def astronaut_path() -> Path:
    """One photo in the public domain, 512 × 512, one face."""
    return ROOT / "examples" / "astronaut.jpg"


@pytest.fixture(scope="session")
def astronaut(astronaut_path: Path) -> Pixels:
    """The pixels of that photo."""
    pixels = np.asarray(Image.open(astronaut_path).convert("RGB"))
    pixels.setflags(write=False)
    return pixels


@pytest.fixture(scope="session")
def smooth_picture() -> Callable[[int, int], Pixels]:
    """(width, height) → a picture of slow waves: whatever resamples it must agree closely."""

    def make(width: int, height: int) -> Pixels:
        y, x = np.mgrid[:height, :width]
        waves = [np.sin(x / 9 + 1), np.cos(y / 11), np.sin((x + 2 * y) / 17)]
        return np.round(127.5 + 110 * np.stack(waves, axis=-1)).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def noise_picture() -> Callable[..., Pixels]:
    """(width, height) → a picture of which no two regions are alike."""

    def make(width: int, height: int, seed: int = 0) -> Pixels:
        values = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
        return values.astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def face_points() -> Callable[..., np.ndarray]:
    """(centre, size) → (68, 2) float32: a face-like oval of distinct points."""

    def make(centre: tuple[float, float], size: float) -> np.ndarray:
        turns = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        rings = 0.2 + 0.3 * (np.arange(68) % 5) / 4
        oval = np.stack([np.cos(turns), np.sin(turns)], axis=1) * rings[:, None] * size
        return (oval + centre).astype(np.float32)

    return make


@pytest.fixture
def make_sample(
    tmp_path: Path, smooth_picture: Callable[..., Pixels], face_points: Callable[..., np.ndarray]
) -> Callable[..., Sample]:
    """(name) → a labelled face whose picture lies on the disk."""

    def make(name: str = "a", group: str | None = None, write: bool = True) -> Sample:
        image = tmp_path / f"{name}.png"
        if write:
            Image.fromarray(smooth_picture(120, 100)).save(image)
        return Sample(
            id=image.name,
            image=image,
            landmarks=face_points((58.0, 49.0), 40.0),
            labelled=np.ones(68, np.bool_),
            box=np.array([38, 29, 78, 69], np.float32),
            box_source="official",
            markup="ibug68",
            group=group or name,
        )

    return make


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of drawn faces in 300W's layout: 30 to train on, 8 common."""
    root = tmp_path_factory.mktemp("drawn") / "300w"
    write_drawings(root, train=30, test=8)
    return root


SIDE = 16
"""Side of the crops of `make_model`'s models."""


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """(outputs of one face by name, facts) → an ONNX file that always gives these."""

    def make(outputs: dict[str, np.ndarray] | None = None, **facts: object) -> Path:
        said = {
            "name": "made",
            "markup": "celeba5",
            "input_size": SIDE,
            "mean": 0.5,
            "std": 0.25,
        }
        said |= {"margin": 0.15, "trained_on": "nothing", "licence": "Apache-2.0", "version": "0"}
        markup = load_markup("celeba5")
        values = {"landmarks": np.linspace(0.2, 0.8, 2 * markup.count).reshape(-1, 2)}
        path = tmp_path / "made.onnx"
        model = _constant_model(values | (outputs or {}))
        helper.set_model_props(model, ModelFacts(**(said | facts)).to_metadata())  # type: ignore[arg-type]
        onnx.save(model, path)
        return path

    return make


def _constant_model(outputs: dict[str, np.ndarray]) -> onnx.ModelProto:
    """For each output: the image's mean colour times zero, plus the values wanted."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colour"]),
    ]
    constants = []
    for name, value in outputs.items():
        flat = value.astype(np.float32).ravel()
        constants += [
            numpy_helper.from_array(np.zeros((3, flat.size), np.float32), f"{name}_w"),
            numpy_helper.from_array(flat, f"{name}_b"),
            numpy_helper.from_array(np.array([0, *value.shape], np.int64), f"{name}_s"),
        ]
        nodes += [
            helper.make_node("Gemm", ["colour", f"{name}_w", f"{name}_b"], [f"{name}_flat"]),
            helper.make_node("Reshape", [f"{name}_flat", f"{name}_s"], [name]),
        ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["B", 3, SIDE, SIDE])
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", *value.shape])
        for name, value in outputs.items()
    ]
    graph = helper.make_graph(nodes, "made", [image], given, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def reported() -> Iterator[list[str]]:
    """The problems that are reported while a test runs."""
    with collect() as lines:
        yield lines


@pytest.fixture
def problems_of() -> Callable[[Callable[[], object]], list[str]]:
    """What is reported while a function runs."""

    def call(action: Callable[[], object]) -> list[str]:
        with collect() as lines:
            action()
        return lines

    return call


@pytest.fixture
def facealign(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line: its exit code, standard output, standard error.

    Whatever is on standard error must be one line an error, and no traceback.
    """
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main([str(arg) for arg in args])
        printed = capfd.readouterr()
        for line in printed.err.splitlines():
            assert line.startswith("error: ")
        return int(done.value.code or 0), printed.out, printed.err

    return run
