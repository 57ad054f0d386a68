"""A data set's faces as a CSV table with the bundled detector's boxes.

    python scripts/labels/box_faces.py celeba /faces/lfw5 train lfw.csv
    python scripts/labels/box_faces.py csv /faces/merl_rav_68.csv train merl.csv images=flickr

Data sets that are mixed in one run should be framed alike, and the detector's boxes are made to
look like 300W's (detector.py). A face counts as found if the detector's box holds the centre of its
points and is at most twice and at least half as large as the points' own; others are left out and
counted. Read the table as data set `csv` with the options `markup`, and `images` = the folder given
here.
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facealign.datasets import read_dataset, stream_pixels
from facealign.formats.csv import BOX
from facealign.geometry import box_size
from facealign.types import Box, Sample
from facealign.yunet import YuNet


def main(name: str, root: Path, subset: str, out: Path, **options: str) -> None:
    numbers = {key: int(value) if value.isdecimal() else value for key, value in options.items()}
    reading = read_dataset(name, root, subset, **numbers)
    detector = YuNet()
    folder = root if root.is_dir() else root.parent
    rows: list[list[str | np.float32]] = []
    for sample, image in stream_pixels(reading.samples):
        box = None if image is None else box_of(sample, detector.detect(image).boxes)
        if box is not None:
            rows.append([os.path.relpath(str(sample.image), folder), *box, *cells(sample)])
    write(out, rows, len(reading.samples[0].landmarks))
    print(f"{len(rows)} of {len(reading.samples)} faces found")


def box_of(sample: Sample, boxes: NDArray[np.float32]) -> Box | None:
    """The detector's box of a labelled face: the one whose centre is nearest to its points'."""
    points = sample.landmarks[sample.labelled]
    low, high = points.min(axis=0), points.max(axis=0)
    centre, size = (low + high) / 2, float(np.hypot(*(high - low)))
    fitting = [
        box
        for box in boxes
        if (box[:2] < centre).all()
        and (centre < box[2:]).all()
        and 0.5 < box_size(box) * 2**0.5 / size < (2.0 if len(points) > 5 else 5.0)
    ]
    middle = [float(np.hypot(*((box[:2] + box[2:]) / 2 - centre))) for box in fitting]
    return fitting[int(np.argmin(middle))] if fitting else None


def cells(sample: Sample) -> list[str]:
    """X and y of each point; empty for one that is not labelled."""
    known = zip(sample.landmarks, sample.labelled, strict=True)
    return [f"{value:.2f}" if seen else "" for point, seen in known for value in point]


def write(out: Path, rows: list[list[str | np.float32]], points: int) -> None:
    with out.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", *BOX, *(f"{axis}{i}" for i in range(points) for axis in "xy")])
        for image, *rest in rows:
            table.writerow([image, *(v if isinstance(v, str) else f"{v:.2f}" for v in rest)])


if __name__ == "__main__":
    main(
        sys.argv[1],
        Path(sys.argv[2]),
        sys.argv[3],
        Path(sys.argv[4]),
        **dict(word.split("=", 1) for word in sys.argv[5:]),
    )
