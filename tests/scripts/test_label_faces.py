"""Labels by a model: mirrored crops are the same crops mirrored; what differs is left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from facealign import align, read_image
from facealign.geometry import CropTransform
from facealign.markup import load_conversion


def test_a_mirrored_crop_of_the_mirrored_photo_shows_the_same(script: ModuleType) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 81, 3)).astype(np.uint8)
    box = np.array([20, 15, 50, 40], np.float32)
    crop = CropTransform.from_box(box, 32, 0.1, angle=20)
    mirrored = script._mirrored(crop, 81)
    points = np.array([[3, 4], [70, 55]], np.float32)
    there = mirrored.to_crop(np.array([[80 - 3, 4], [80 - 70, 55]], np.float32))
    assert np.allclose(there, [[31, 0], [31, 0]] + crop.to_crop(points) * [-1, 1], atol=1e-4)
    shown = mirrored.warp(np.ascontiguousarray(image[:, ::-1]))[:, ::-1].astype(int)
    assert np.abs(shown - crop.warp(image).astype(int)).max() <= 1


@pytest.mark.parametrize(("moved", "rows"), [(0, 1), (40, 0)])
def test_a_face_whose_labels_disagree_is_left_out(
    repository: Path, tmp_path: Path, moved: int, rows: int
) -> None:
    photo = repository / "examples" / "astronaut.jpg"
    face = align(photo)[0]
    five = load_conversion("ibug68", "celeba5").points(face.landmarks) + moved
    table, out = tmp_path / "table.csv", tmp_path / "out.csv"
    names = [f"{axis}{i}" for i in range(5) for axis in "xy"]
    cells = [photo.name, *map(str, face.box), *map(str, five.flat)]
    table.write_text(
        ",".join(["image", "left", "top", "right", "bottom", *names]) + "\n" + ",".join(cells)
    )
    command = [sys.executable, str(repository / "scripts" / "label_faces.py"), str(table), str(out)]
    subprocess.run([*command, "--images", str(photo.parent), "--markup", "celeba5"], check=True)
    head, *lines = out.read_text().splitlines()
    assert len(lines) == rows
    if rows:
        image, *values = lines[0].split(",")
        points = np.array(values[4:], float).reshape(68, 2)
        assert head.startswith("image,left,top,right,bottom,x0,y0")
        assert read_image(photo.parent / image).shape == read_image(photo).shape
        off = np.linalg.norm(points - face.landmarks, axis=1).mean()
        assert off < 0.02 * np.hypot(*(face.box[2:] - face.box[:2]))
