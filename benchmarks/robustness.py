"""What makes a model fail.

    python benchmarks/robustness.py --root /faces/300w [--model NAME …]
    python benchmarks/robustness.py --false-faces

300W common under other boxes, turns, low resolution, compression, noise, little light, occluders
and cuts, by head pose and by face region; several `--model` are printed side by side. One plain
pass each, in the data set's own boxes unless a row says otherwise:

- "own detector": YuNet's box that overlaps the true points most; a face it does not find is
  missed: not in the NME, a failure in "> 8 %".
- "last frame": the box of the landmarks of a first pass in the official box, as in a video from one
  frame to the next; and that box after the face has moved by 10 % of it.
- "looked again": all that `facealign align` does with a given box.
- "as it comes": the whole pipeline, from the photo alone. dlib and MediaPipe beside it, where they
  are installed (peers.py says how), each point's constant offset taken off (accuracy.py). The
  labelled face is the one whose points' box overlaps the true one most, 0.3 of their union at
  least.

`--false-faces` counts what the same pipelines find in photos without a face (no_faces.py).

The yaw of the bins is fitted to the true points. docs/robustness.md says how each change is made.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from accuracy import Faces, corrected, nearest
from contenders import Contender
from no_faces import show_false_faces
from others import Dlib, FaceMesh, installed
from photo_changes import CHANGES, Changed
from robustness_report import AS_IT_COMES, scored, show, show_beside, worst
from script import (
    add_models,
    add_root,
    models_of,
    new_console,
    new_parser,
    record,
    run_script,
    write_json,
)

from facealign import FaceAligner
from facealign.datasets import read_dataset, stream_pixels
from facealign.errors import DataError
from facealign.evaluation import predict_face
from facealign.geometry import box_of_points, box_size
from facealign.types import Pixels, Points, Sample

PEERS = (Dlib, FaceMesh)
"""Measured as they come."""
MOVED = 0.1
"""Share of its box by which a face moves between frames: fast, at 30 frames per second."""


@dataclass(frozen=True, eq=False)
class Tested:
    """A model in one plain pass, and as `facealign align` runs it."""

    plain: FaceAligner
    whole: FaceAligner

    def faces(self, image: Pixels) -> list[Points]:
        return [face.landmarks for face in self.whole.align(image)]


Look = Callable[[Tested, Sample, Pixels, np.random.Generator], Points]


def official(tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator) -> Points:
    return predict_face(sample, image, tested.plain)


def detected(tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator) -> Points:
    return predict_face(sample, image, tested.plain, "detector")


def looked_again(
    tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator
) -> Points:
    return predict_face(sample, image, tested.whole)


def as_it_comes(
    tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator
) -> Points:
    return nearest(tested.faces(image), sample)


def last_frame(
    tested: Tested, sample: Sample, image: Pixels, random: np.random.Generator, moved: float = 0.0
) -> Points:
    box = box_of_points(official(tested, sample, image, random))
    turn = random.uniform(0, 2 * math.pi)
    step = moved * box_size(box) * np.array([math.cos(turn), math.sin(turn)])
    box = (box + np.tile(step, 2)).astype(np.float32)
    return predict_face(replace(sample, box=box), image, tested.plain)


LYING = ("turned +45°", "turned +90°", "turned +135°", "turned 180°")
"""No network here is meant to align these in one pass."""
ROWS: dict[str, tuple[str, Look]] = {
    "official boxes": ("none", official),
    "own detector": ("none", detected),
    "last frame": ("none", last_frame),
    "last frame, moved": ("none", partial(last_frame, moved=MOVED)),
    **{name: (name, official) for name in CHANGES if name not in ("none", *LYING)},
    **{f"{name}, looked again": (name, looked_again) for name in LYING},
    "+30°, own detector": ("turned +30°", detected),
    "dark, own detector": ("dark", detected),
    "half in shadow, own detector": ("half in shadow", detected),
    **{f"{name}{AS_IT_COMES}": (name, as_it_comes) for name in CHANGES},
}
"""Row → the change to the photo, and how the face is aligned."""
Aligned = dict[tuple[str, str], dict[str, Points]]
"""(who, row) → id of the face → landmarks."""


def measure(
    models: dict[str, Tested], peers: dict[str, Faces], samples: list[Sample], rows: list[str]
) -> tuple[Aligned, dict[str, dict[str, Sample]]]:
    """Reads each photo once and changes it once for each row.

    Returns:
        The landmarks; and row → id → the sample as it is after the change.

    """
    found: Aligned = {}
    after: dict[str, dict[str, Sample]] = {row: {} for row in rows}
    for sample, image in stream_pixels(samples):
        if image is None:
            continue
        changed: dict[str, Changed] = {}
        for row in rows:
            change, look = ROWS[row]
            # The same random numbers for every model, and for a face whatever the others are.
            if change not in changed:
                changed[change] = CHANGES[change](sample, image, chance(sample, change))
            face, picture = changed[change]
            after[row][sample.id] = face
            for name, tested in models.items():
                points = look(tested, face, picture, chance(sample, row))
                found.setdefault((name, row), {})[sample.id] = points
            for name, faces in peers.items() if look is as_it_comes else ():
                found.setdefault((name, row), {})[sample.id] = nearest(faces(picture), face)
    return found, after


def chance(sample: Sample, what: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{sample.id} {what}".encode()))


def tested(model: str, threads: int) -> Tested:
    plain = {"turned_faces": False, "leaning_faces": False}
    common = {"threads": threads, "markup": "ibug68"}
    return Tested(FaceAligner(model, **common, **plain), FaceAligner(model, **common))


def measured_rows(
    given: argparse.Namespace, models: dict[str, Tested], contenders: list[Contender]
) -> dict[str, Any]:
    """What the JSON file has of the rows, after printing them."""
    samples = read_dataset("300w", given.root, given.subset).samples[:: given.every]
    asked = any(ROWS[row][1] is as_it_comes for row in given.rows)
    training = read_dataset("300w", given.root, "train").samples if asked and contenders else []
    peers = {peer.name: corrected(peer, training) for peer in contenders if asked}
    found, after = measure(models, peers, samples, given.rows)
    if not found:
        raise DataError(f"{given.root}: no face of {given.subset} could be read")
    names = {label: both.plain.facts.name for label, both in models.items()}
    reports: dict[str, dict[str, Any]] = {who: {} for who in (*models, *peers)}
    for (who, row), points in found.items():
        name = names.get(who, who)
        reports[who][row] = scored(name, row, points, after[row], given.subset)
    results = {
        label: {"name": name, "worst": worst(reports[label]), "rows": reports[label]}
        for label, name in names.items()
    }
    title = f"300W {given.subset}"
    show(new_console(), results, title)
    if asked:
        show_beside(reports, title)
    libraries = {peer.name: peer.library for peer in contenders if asked}
    beside = {
        name: {"library": libraries[name], "offset": "taken off", "rows": reports[name]}
        for name in peers
    }
    return {
        "dataset": "300w",
        "subset": given.subset,
        "every": given.every,
        "models": results,
        "peers": beside,
    }


def run(given: argparse.Namespace) -> None:
    if not (given.root or given.false_faces):
        raise DataError("nothing to measure: give --root, the folder of 300W, or --false-faces")
    models = {label: tested(model, given.threads) for label, model in models_of(given).items()}
    contenders = installed(PEERS, new_console())
    content: dict[str, Any] = {}
    if given.root:
        content |= measured_rows(given, models, contenders)
    if given.false_faces:
        ways = {label: both.faces for label, both in models.items()}
        ways |= {peer.name: peer.faces for peer in contenders}
        content["false_faces"] = show_false_faces(ways, new_console())
    write_json(given, record(given, "robustness", content))


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_root(parser, without="only --false-faces")
    add_models(parser)
    parser.add_argument("--subset", default="common")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth face")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--false-faces", action="store_true", help="in photos without a face")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
