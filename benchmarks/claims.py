"""Three of the paper's statements on 300W: where attention looks, what a crop cuts, which distance.

    python benchmarks/claims.py --root /faces/300w --model aan-m

The first table is the mean of each stage's attention map, over every fifth training face's whole
crop, at its jaw's points, and at its others. The second counts points of the training faces, and
faces with a point, outside the crop of the official box, as it is and with 15 % more on each side.
The last line compares the two distances that a paper may mean by "inter-ocular", on the common
subset.
"""

import argparse

import numpy as np
from script import (
    add_models,
    add_root,
    models_of,
    new_console,
    new_parser,
    new_table,
    percent,
    record,
    run_script,
    show_table,
    write_json,
)

from facealign import FaceAligner
from facealign.datasets import read_dataset, stream_pixels
from facealign.geometry import CropTransform
from facealign.markup import load_markup
from facealign.metrics import inter_ocular, inter_pupil
from facealign.models import BEST_AAN
from facealign.types import Sample

EVERY = 5
"""Of the faces whose maps are looked at."""
MARGINS = (0.0, 0.15)
PLACES = ("whole crop", "at the jaw's points", "at the other points")


def maps(model: str, samples: list[Sample]) -> dict[str, list[float]]:
    """Place → the mean of each stage's map there, over the faces."""
    rows = []
    with FaceAligner(model, leaning_faces=False, turned_faces=False) as aligner:
        jaw = np.zeros(load_markup(aligner.markup).count, bool)
        jaw[list(load_markup(aligner.markup).groups["jaw"])] = True
        for sample, image in stream_pixels(samples):
            if image is None:
                continue
            face = aligner.align(image, sample.box[None], attention=True)[0]
            assert face.attention is not None
            assert face.network_crop is not None
            last = face.network_crop.size - 1
            places = np.rint(face.network_crop.to_crop(face.landmarks))
            x, y = np.clip(places, 0, last).astype(int).T
            at = face.attention[:, y, x]
            whole = face.attention.mean(axis=(1, 2))
            rows.append([whole, at[:, jaw].mean(axis=1), at[:, ~jaw].mean(axis=1)])
    return dict(zip(PLACES, np.mean(rows, axis=0).tolist(), strict=True))


def outside(samples: list[Sample], margin: float) -> tuple[float, float]:
    """The share of points, and of faces with one, outside the crop of the box with a margin."""
    beyond = []
    for sample in samples:
        points = CropTransform.from_box(sample.box, 1, margin).to_crop(sample.landmarks)
        beyond.append(np.any((points < -0.5) | (points > 0.5), axis=1)[sample.labelled])
    return float(np.concatenate(beyond).mean()), float(np.mean([any(face) for face in beyond]))


def eye_ratio(samples: list[Sample]) -> float:
    """The mean over faces of: distance of the outer eye corners over that of the eye centres."""
    points, boxes = (np.stack([getattr(s, name) for s in samples]) for name in ("landmarks", "box"))
    markup = load_markup(samples[0].markup)
    return float(np.mean(inter_ocular(points, boxes, markup) / inter_pupil(points, boxes, markup)))


def run(given: argparse.Namespace) -> None:
    """Print both tables and the ratio."""
    samples = read_dataset("300w", given.root, "train").samples
    console, content = new_console(), {}
    for name, model in models_of(given, BEST_AAN).items():
        content[name] = maps(model, samples[::EVERY])
        stages = range(1, 1 + len(content[name][PLACES[0]]))
        table = new_table("stage", *map(str, stages))
        for place, means in content[name].items():
            table.add_row(place, *(f"{mean:.2f}" for mean in means))
        show_table(console, table, f"{name}: mean of the maps, {len(samples[::EVERY])} faces")
    shares = {str(margin): outside(samples, margin) for margin in MARGINS}
    table = new_table("margin, %", "points outside, %", "faces with one, %")
    for margin, both in shares.items():
        table.add_row(percent(float(margin), 0), *map(percent, both))
    show_table(console, table, f"official boxes, {len(samples)} faces")
    common = read_dataset("300w", given.root, "common").samples
    ratio = eye_ratio(common)
    console.print(
        f"outer eye corners over eye centres: {ratio:.3f} ({len(common)} faces of common)"
    )
    write_json(given, record(given, "claims", {"maps": content, "outside": shares, "eyes": ratio}))


def main(words: list[str] | None = None) -> None:
    """Measure; `words` in place of the command line's."""
    parser = new_parser(__doc__)
    add_root(parser, required=True)
    add_models(parser)
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
