"""Results of every kind that a format may have to hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from facealign.face import Face, ImageResult


def make_face(seed: int = 0, markup: str = "ibug68", points: int = 68, full: bool = False) -> Face:
    random = np.random.default_rng(seed)
    return Face(
        box=np.array([10.25, 20.5, 110.125, 121], np.float32),
        score=float(np.float32(random.uniform(0.5, 1))),
        landmarks=random.uniform(-20, 900, (points, 2)).astype(np.float32),
        markup=markup,
        scores=random.uniform(0, 1, points).astype(np.float32) if full else None,
        visible=random.uniform(0, 1, points) > 0.5 if full else None,
        confidence=float(np.float32(random.uniform(0, 1))) if full else None,
    )


@pytest.fixture
def face() -> Callable[..., Face]:
    """(seed, markup, points, full) → a face; a full one has point scores and visibility."""
    return make_face


@pytest.fixture
def results() -> list[ImageResult]:
    """Two faces, none, an error; names with what separates columns, lines and tags."""
    return [
        ImageResult("a/one.jpg", 1000, 900, [make_face(1, full=True), make_face(2, full=True)]),
        ImageResult('a/b/two, "x" <&>.jpg', 30, 40, []),
        ImageResult("a/b/три\n3.jpg", None, None, [], "a/b/три\n3.jpg: the file is empty"),
        ImageResult("a/one.png", 1000, 900, [make_face(3, full=True)]),
    ]
