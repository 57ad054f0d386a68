"""How the bundled detector's boxes stray from a data set's official ones.

    python scripts/measure_boxes.py 300w /faces/300w train

The numbers are what `augment.detector` draws from (training/augment/crop.py). A face counts where
the detector's best box has its centre within half a box of the official one and is at most twice
and at least half its size: what lies beyond is another face, or none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facealign.datasets import read_dataset, stream_pixels
from facealign.geometry import box_size
from facealign.types import Box
from facealign.yunet import YuNet

Array = NDArray[np.float64]


def main(name: str, root: Path, subset: str) -> None:
    reading = read_dataset(name, root, subset)
    detector = YuNet()
    rows: list[Array] = []
    for sample, image in stream_pixels(reading.samples):
        if image is None:
            continue
        found = [difference(box, sample.box) for box in detector.detect(image).boxes]
        near = [row for row in found if matches(row)]
        if near:
            rows.append(min(near, key=lambda row: float(np.hypot(row[0], row[1]))))
    print_table(np.stack(rows), len(reading.samples))


def difference(box: Box, official: Box) -> Array:
    """X and y of the centre in official box sizes, and the logarithm of the size's ratio."""
    size = box_size(official)
    low, high = (box[:2] - official[:2]) / size, (box[2:] - official[2:]) / size
    return np.array([*(low + high) / 2, np.log(box_size(box) / size)])


def matches(row: Array) -> bool:
    return float(np.hypot(row[0], row[1])) < 0.5 and abs(float(row[2])) < np.log(2)


def print_table(rows: Array, samples: int) -> None:
    print(f"{len(rows)} of {samples} faces found")
    print("             mean      std     1 %    10 %    50 %    90 %    99 %  kurtosis")
    for label, values in zip(("x", "y", "log size"), rows.T, strict=True):
        cuts = "".join(f"{cut:8.3f}" for cut in np.percentile(values, [1, 10, 50, 90, 99]))
        spread = (values - values.mean()) / values.std()
        print(f"{label:9}{values.mean():8.4f}{values.std():9.4f}{cuts}{(spread**4).mean():10.1f}")
    print("correlations x–y, x–size, y–size:", np.corrcoef(rows.T)[[0, 0, 1], [1, 2, 2]].round(2))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
