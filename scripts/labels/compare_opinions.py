r"""How good labels by several opinions are: on faces of 300W's training part that runs hold out.

    python scripts/labels/box_faces.py 300w /faces/300w train w300.csv
    python scripts/labels/mesh_faces.py w300.csv --images /faces/300w -o w300.npz
    python scripts/labels/compare_opinions.py /faces/300w --mesh w300.csv w300.npz \
        --model aan-m --model heatmap-m --looks 2

Opinions are models, each in `--looks` crops and their mirror images, and MediaPipe's mesh, turned
into 68 points by a regression learned on the rest of the training part (average_labels.py). Printed
is the error of each, of the mean of any of them, and of the mean weighted by `--weights`: NME in %,
inter-ocular, official boxes, of the faces on which all have an opinion.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
from average_labels import MeshTo68, read
from numpy.typing import NDArray

from facealign.aligner.landmarker import Landmarker
from facealign.aligner.several_crops import several_looks
from facealign.datasets import read_dataset, stream_pixels
from facealign.datasets.reading import split_by_group
from facealign.evaluation import Predictions, score
from facealign.markup import load_markup
from facealign.models import model_path
from facealign.types import Sample

Floats = NDArray[np.float64]
GROUPS = load_markup("ibug68").groups
PARTS = {
    "jaw": ["jaw"],
    "brows": ["right_brow", "left_brow"],
    "nose": ["nose_bridge", "nose_base"],
    "eyes": ["right_eye", "left_eye"],
    "lips": ["outer_lip", "inner_lip"],
}


def main(given: argparse.Namespace) -> None:
    training, held_out = split_by_group(
        read_dataset("300w", given.root, "train").samples, given.validation, given.seed
    )
    opinions = {name: by_model(name, held_out, given.looks) for name in given.model}
    if given.mesh:
        opinions["mesh"] = by_mesh(*given.mesh, given.root, training, held_out)
    said = np.stack(list(opinions.values()))
    there = np.asarray(np.isfinite(said).all(axis=(0, 2, 3)))
    faces = [sample for sample, known in zip(held_out, there, strict=True) if known]
    known = {name: points[there] for name, points in opinions.items()}
    print(f"{len(faces)} of {len(held_out)} held-out faces have all opinions")
    print(" " * 32, *(f"{part:>5}" for part in ("all", *PARTS)))
    for count in range(1, len(known) + 1):
        for names in itertools.combinations(known, count):
            show(" + ".join(names), np.mean([known[name] for name in names], axis=0), faces)
    if given.weights:
        words = "weighted " + ", ".join(f"{weight:g}" for weight in given.weights)
        show(words, np.average(list(known.values()), axis=0, weights=given.weights), faces)


def by_model(name: str, faces: list[Sample], looks: int) -> Floats:
    """(N, 68, 2) in pixels: the mean of `looks` crops and their mirror images."""
    landmarker = Landmarker(model_path(name), threads=1, leaning=False)
    random = np.random.default_rng(0)
    said = np.full((len(faces), 68, 2), np.nan)
    for points, (sample, image) in zip(said, stream_pixels(faces), strict=True):
        if image is not None:
            points[:] = several_looks(landmarker, image, sample.box, looks, random).mean(axis=0)
    return said


def by_mesh(
    table: Path, mesh: Path, root: Path, training: list[Sample], held_out: list[Sample]
) -> Floats:
    """(N, 68, 2) in pixels, NaN where no face was found; learned on the training faces."""
    photos, _, points, meshes = read(table, mesh, root)
    rows = {(table.parent / photo).resolve(): row for row, photo in enumerate(photos)}
    of_training = [rows[path] for s in training if (path := s.image.resolve()) in rows]
    learn = [row for row in of_training if np.isfinite(meshes[row, 0, 0])]
    turn = MeshTo68(meshes[learn], points[learn])
    said = np.full((len(held_out), 68, 2), np.nan)
    for face, sample in zip(said, held_out, strict=True):
        row = rows.get(sample.image.resolve())
        if row is not None and np.isfinite(meshes[row, 0, 0]):
            face[:] = turn(meshes[row][None])[0]
    return said


def show(name: str, said: Floats, faces: list[Sample]) -> None:
    ids, box_source = [face.id for face in faces], faces[0].box_source
    predictions = Predictions(ids, said.astype(np.float32), box_source, name, "ibug68", "300w")
    report = score(faces, predictions, "300w", "held out", "inter_ocular")
    parts = [
        np.average([report.regions[n] for n in names], weights=[len(GROUPS[n]) for n in names])
        for names in PARTS.values()
    ]
    print(f"{name:32}", *(f"{100 * number:5.2f}" for number in (report.nme_inter_ocular, *parts)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder of 300W")
    parser.add_argument("--model", action="append", default=[], help="bundled, or a file; repeat")
    parser.add_argument("--mesh", type=Path, nargs=2, metavar=("TABLE", "MESH"))
    parser.add_argument("--looks", type=int, default=4, help="crops, each also mirrored")
    parser.add_argument("--weights", type=float, nargs="+", help="of the models, then the mesh")
    parser.add_argument("--validation", type=float, default=0.1, help="share that is held out")
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
