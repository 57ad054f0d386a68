"""Faces labelled by a model: 68 points where the table at hand has fewer, or none to rely on.

    python scripts/labels/box_faces.py celeba /faces/lfw5 train lfw.csv
    python scripts/labels/label_faces.py lfw.csv lfw68.csv --images /faces/lfw5 --markup celeba5

Each face of a table (data set `csv`) is looked at in several crops, shifted, scaled, turned and
mirrored a little by chance; its labels are the mean of what the model says. On the 197 faces that
aan-m's run held out, eight such looks take its error from 3.75 to 3.65 %, so a model can learn from
them. Left out, and counted: faces on which the looks differ (`--spread`), and those whose labels
are far from the table's own (`--apart`), as far as the model's points turn into those.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from box_faces import write

from facealign.aligner.landmarker import Landmarker
from facealign.aligner.several_crops import several_looks, spread
from facealign.datasets import read_dataset, stream_pixels
from facealign.geometry import box_size
from facealign.markup import load_conversion, load_markup, targets
from facealign.models import DEFAULT, model_path
from facealign.types import Points, Sample


def main(table: Path, out: Path, options: argparse.Namespace) -> None:
    folder = options.images.resolve()
    reading = read_dataset("csv", table, "all", markup=options.markup, images=str(folder))
    known = {sample.image for sample in _without(options, folder)}
    landmarker = Landmarker(model_path(options.model), threads=1, leaning=False)
    random, rows = np.random.default_rng(options.seed), []
    for sample, image in stream_pixels(reading.samples):
        if image is None or sample.image in known:
            continue
        looks = several_looks(landmarker, image, sample.box, options.looks, random)
        points, size = looks.mean(axis=0), box_size(sample.box)
        apart = distance(points, landmarker.head, sample) / size
        if spread(looks, sample.box) < options.spread and apart < options.apart:
            name = sample.image.relative_to(folder)
            rows.append([str(name), *sample.box, *(f"{value:.2f}" for value in points.flat)])
    write(out, rows, load_markup(landmarker.head).count)
    print(f"{len(rows)} of {len(reading.samples)} faces labelled")


def _without(options: argparse.Namespace, folder: Path) -> list[Sample]:
    """The faces of the other table, if one is given."""
    if options.without is None:
        return []
    return read_dataset("csv", options.without, "all", images=str(folder)).samples


def distance(points: Points, markup: str, sample: Sample) -> float:
    """Mean distance from the sample's known points; 0 where `markup` does not turn into its own."""
    if sample.markup not in targets(markup):
        return 0.0
    same = load_conversion(markup, sample.markup).points(points)
    return float(np.linalg.norm(same - sample.landmarks, axis=-1)[sample.labelled].mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path, help="CSV of boxes and points, as box_faces.py makes")
    parser.add_argument("out", type=Path, help="CSV to write")
    parser.add_argument("--images", type=Path, required=True, help="folder of the table's images")
    parser.add_argument("--markup", default="ibug68", help="point scheme of the table")
    parser.add_argument("--model", default=DEFAULT, help="a bundled name or an .onnx file")
    parser.add_argument("--looks", type=int, default=4, help="crops, each also mirrored")
    parser.add_argument("--spread", type=float, default=0.03, help="largest, in box sizes")
    parser.add_argument("--apart", type=float, default=0.05, help="largest, in box sizes")
    parser.add_argument("--without", type=Path, help="CSV of 68 points: leave its images out")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.table, given.out, given)
