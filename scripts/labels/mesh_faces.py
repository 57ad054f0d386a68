"""MediaPipe's face mesh on the faces of tables: a second opinion for labels.

    python scripts/labels/mesh_faces.py faces.csv --images /faces -o mesh.npz

Run it in an environment of its own with mediapipe 0.10.21, which wants an older NumPy than
facealign. `mesh.npz` has `mesh`, (N, 478, 3): x and y in the photo's pixels (0-based), z in the
same unit; rows of NaN where no face was found. `average_labels.py` turns it into 68 points.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import mediapipe
import numpy as np
from PIL import Image, ImageOps

SIDE = 320
"""Pixels of a crop's side."""
ENLARGED = (1.6, 2.2, 1.3)
"""Sides of the crop over the box's longer one, tried in this order."""


def main(table: Path, images: Path, out: Path) -> None:
    rows = list(csv.DictReader(table.open(newline="", encoding="utf-8")))
    found = np.full((len(rows), 478, 3), np.nan, np.float32)
    mesh = mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3
    )
    for row, points in zip(rows, found, strict=True):
        photo = ImageOps.exif_transpose(Image.open(images / row["image"])).convert("RGB")
        left, top, right, bottom = (float(row[key]) for key in ("left", "top", "right", "bottom"))
        for larger in ENLARGED:
            side = max(right - left, bottom - top) * larger
            x, y = (left + right - side) / 2, (top + bottom - side) / 2
            step = side / SIDE
            crop = photo.transform(
                (SIDE, SIDE),
                Image.Transform.AFFINE,
                (step, 0, x, 0, step, y),
                Image.Resampling.BILINEAR,
            )
            if faces := mesh.process(np.ascontiguousarray(crop)).multi_face_landmarks:
                said = np.array([(p.x, p.y, p.z) for p in faces[0].landmark], np.float32)
                points[:] = said * side + (x, y, 0)
                break
    np.savez_compressed(out, mesh=found)
    print(f"{int(np.isfinite(found[:, 0, 0]).sum())} of {len(rows)} faces found")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    main(given.table, given.images, given.out)
