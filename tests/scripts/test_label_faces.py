"""Labels by a model: what differs from the labels at hand is left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facealign import align, read_image
from facealign.markup import load_conversion


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
    command = [
        sys.executable,
        str(repository / "scripts" / "labels" / "label_faces.py"),
        str(table),
        str(out),
    ]
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
