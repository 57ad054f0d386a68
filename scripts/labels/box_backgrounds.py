"""Boxes without a face, from photos: a table for a data set with `background = true`.

    python scripts/labels/box_backgrounds.py textures/ -o textures.csv --empty
    python scripts/labels/box_backgrounds.py photos/ -o beside.csv
    facealign train config.toml further.2.root=textures.csv further.2.background=true

From each photo: random squares beside all that the detector takes for a face. With `--empty` the
photos hold no face, so what it finds there is background too, and the most useful kind. The points
are the middle of the box, once for each of the point scheme's: nothing reads them.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from box_faces import write
from numpy.typing import NDArray

from facealign import read_image
from facealign.types import Box
from facealign.yunet import YuNet

FAINT = 0.02
"""What scores less is not even taken for a face by mistake."""
MOST = 12
"""Finds of a photo, the surest ones."""
BESIDE = 1.3
"""Random squares keep off boxes this much larger."""
POINTS = 68


def main(photos: Path, out: Path, empty: bool, squares: int, every: int, seed: int) -> None:
    random, detector = np.random.default_rng(seed), YuNet(min_score=FAINT, min_face=15)
    rows: list[list[str | np.float32]] = []
    for path in sorted(p for p in photos.rglob("*") if p.suffix.lower() in (".jpg", ".png"))[
        ::every
    ]:
        image = read_image(path)
        found = detector.detect(image).boxes
        boxes = [*found[:MOST]] if empty else []
        boxes += _beside(found, image.shape[1], image.shape[0], squares, random)
        for box in boxes:
            middle = [f"{(box[0] + box[2]) / 2:.1f}", f"{(box[1] + box[3]) / 2:.1f}"]
            rows.append([os.path.relpath(path, out.parent), *np.float32(box), *middle * POINTS])
    write(out, rows, POINTS)
    print(f"{len(rows)} boxes")


def _beside(
    found: NDArray[np.float32], width: int, height: int, count: int, random: np.random.Generator
) -> list[Box]:
    """Up to `count` random squares that touch none of the boxes found, made larger."""
    middle, half = (found[:, :2] + found[:, 2:]) / 2, (found[:, 2:] - found[:, :2]) / 2 * BESIDE
    low, high = middle - half, middle + half
    squares: list[Box] = []
    for _ in range(10 * count):
        side = min(width, height) * np.exp(random.uniform(np.log(0.08), np.log(0.7)))
        corner = random.uniform(0, (width - side, height - side))
        apart = (corner + side < low) | (high < corner)
        if side >= 24 and apart.any(axis=1).all() and len(squares) < count:
            squares.append(np.float32([*corner, *(corner + side)]))
    return squares


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--empty", action="store_true", help="the photos hold no face")
    parser.add_argument("--squares", type=int, default=3, help="random ones, of each photo at most")
    parser.add_argument("--every", type=int, default=1, help="take every n-th photo")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
