"""Synthetic faces and pictures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from facealign.datasets.drawings import write_drawings
from facealign.types import Pixels, Sample

ROOT = Path(__file__).resolve().parents[1]

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
            visible=np.ones(68, np.bool_),
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
