"""What the gallery says below its pictures: distances from the points of the unchanged photo."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np

import facealign


def test_a_photo_that_is_cut_moves_its_points(script: ModuleType, astronaut_path: Path) -> None:
    image = facealign.read_image(astronaut_path)
    face = facealign.align(image)[0]
    sample = script.to_sample(face)
    assert script.apart(face, sample) == 0
    after, half = script.cut(sample, image, np.random.default_rng(0))
    shift = image.shape[1] - half.shape[1]
    assert np.allclose(after.landmarks[:, 0] + shift, face.landmarks[:, 0])
    corners = np.linalg.norm(face.landmarks[36] - face.landmarks[45])
    assert np.isclose(script.apart(face, after), 100 * shift / corners)
