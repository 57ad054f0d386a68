"""Boxes without a face: none on the face of a photo, and what is found in an empty one."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from facealign import align
from facealign.datasets import read_dataset
from facealign.geometry import iou


def test_squares_of_a_photo_keep_off_its_face(
    script: ModuleType, repository: Path, tmp_path: Path
) -> None:
    photo = repository / "examples" / "astronaut.jpg"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / photo.name).write_bytes(photo.read_bytes())
    out = tmp_path / "beside.csv"
    script.main(tmp_path / "photos", out, empty=False, squares=8, every=1, seed=1)
    boxes = [sample.box for sample in read_dataset("csv", out, "all").samples]
    assert 0 < len(boxes) <= 8
    assert len({tuple(box) for box in boxes}) == len(boxes)
    assert not iou(align(photo)[0].box, np.stack(boxes)).any()


def test_what_is_found_in_an_empty_photo_is_a_box_too(
    script: ModuleType, repository: Path, tmp_path: Path
) -> None:
    """A face stands for what the detector takes for one."""
    photo = repository / "examples" / "astronaut.jpg"
    (tmp_path / "photos").mkdir()
    Image.open(photo).save(tmp_path / "photos" / "one.png")
    out = tmp_path / "empty.csv"
    script.main(tmp_path / "photos", out, empty=True, squares=0, every=1, seed=1)
    boxes = np.stack([sample.box for sample in read_dataset("csv", out, "all").samples])
    assert len(boxes) <= script.MOST
    assert iou(align(photo)[0].box, boxes).max() > 0.5
