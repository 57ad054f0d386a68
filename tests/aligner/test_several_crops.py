"""Several looks at one face."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facealign import read_image
from facealign.aligner.landmarker import Landmarker
from facealign.aligner.several_crops import mirrored_crop, several_looks, spread
from facealign.geometry import CropTransform
from facealign.models import model_path
from facealign.yunet import YuNet


def test_a_mirrored_crop_of_the_mirrored_photo_shows_the_same() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 81, 3)).astype(np.uint8)
    box = np.array([20, 15, 50, 40], np.float32)
    crop = CropTransform.from_box(box, 32, 0.1, angle=20)
    mirrored = mirrored_crop(crop, 81)
    points = np.array([[3, 4], [70, 55]], np.float32)
    there = mirrored.to_crop(np.array([[80 - 3, 4], [80 - 70, 55]], np.float32))
    assert np.allclose(there, [[31, 0], [31, 0]] + crop.to_crop(points) * [-1, 1], atol=1e-4)
    shown = mirrored.warp(np.ascontiguousarray(image[:, ::-1]))[:, ::-1].astype(int)
    assert np.abs(shown - crop.warp(image).astype(int)).max() <= 1


def test_the_looks_at_a_clear_face_agree(repository: Path) -> None:
    image = read_image(repository / "examples" / "astronaut.jpg")
    box = YuNet(threads=1).detect(image).boxes[0]
    landmarker = Landmarker(model_path("aan-s"), 1, leaning=False)
    looks = several_looks(landmarker, image, box, 3, np.random.default_rng(0))
    assert looks.shape == (6, 68, 2)
    assert np.array_equal(
        looks[0], landmarker.look([image], [landmarker.crop(box)])["landmarks"][0]
    )
    assert 0 < spread(looks, box) < 0.02


def test_the_spread_by_hand() -> None:
    looks = np.array([[[0, 0]], [[6, 8]]], np.float32)
    assert spread(looks, np.array([0, 0, 10, 40], np.float32)) == 5 / 20
