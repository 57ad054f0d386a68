"""What following faces costs and how well it keeps them, beside the detector in every frame.

    python benchmarks/tracking.py [--model NAME …]

Three faces, made of the example photo, cross and leave within 150 frames. In one film they move as
a whole; in the other they also talk without a pause, three times a second, and blink, under a
camera's noise. Counted are:

- detector: runs of the detector.
- switches: how often a track changes from one face to another.
- ghosts: faces given where none is to be seen, in frames.
- missed: faces to be seen at least three quarters that are not given, in frames.
- looked: at how many in a hundred faces the network looks; the others are moved along.
- ms: processor time of a frame, of the tracker and of detector and network in every frame, in the
  same process and frame by frame in turn, with as many looks at each face, and the ratio of the
  two; for one face and for three, and for two sizes of frames.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from moving_photos import Filmed, Step, blink, filmed_faces
from script import (
    add_models,
    models_of,
    new_console,
    new_parser,
    new_table,
    record,
    run_script,
    show_table,
    write_json,
)

from facealign import FaceAligner, FaceTracker
from facealign.aligner import Found
from facealign.face import Face
from facealign.geometry import CropTransform
from facealign.types import Pixels

FRAMES, RATE, SIDE = 150, 30, 120
"""Frames, frames a second, pixels of a face's picture."""
SIZES = {"640 × 480": (640, 480), "1280 × 720": (1280, 720)}
WORD, NOISE = 10, 2.0
"""Frames in which a mouth opens and closes; standard deviation of the noise, of 255."""
AWAY, SEEN = 0.3, 0.75
"""A face is another's beyond this part of `SIDE`; one is to be seen from this part of it on."""


class Scene:
    """Faces that move over a ground of slow waves; earlier ones are in front.

    Args:
        faces: 1 … 3: the first crosses the second, the third leaves to the right.
        size: width and height of the frames.
        talking: they talk and blink, and the camera has noise.

    """

    def __init__(self, faces: int, size: tuple[int, int], talking: bool = False) -> None:
        width, height = size
        (photo,) = filmed_faces(None, 1)
        steps = [acted(number) for number in range(2 * RATE if talking else 1)]
        films = {step: pictures(photo, step) for step in dict.fromkeys(steps)}
        self._films = [[films[step][i] for step in steps] for i in range(faces)]
        self._noise = np.random.default_rng(0) if talking else None
        y, x = np.mgrid[:height, :width]
        waves = (np.sin(x / 40), np.cos(y / 30), np.sin((x + y) / 60))
        self._ground = (120 + 40 * np.stack(waves, axis=-1)).astype(np.uint8)
        self._size = size

    def places(self, number: int) -> list[tuple[float, float]]:
        """x and y of each face's middle."""
        (width, height), t = self._size, number / FRAMES
        near, far = SIDE * 0.7, width - SIDE * 0.7
        ways = [
            (near + (far - near) * t, height * 0.4 + 8 * np.sin(9 * t)),
            (far + (near - far) * t, height * 0.4 - 6),
            (width * (0.4 + 0.9 * t), height * 0.78),
        ]
        return ways[: len(self._films)]

    def frame(self, number: int) -> tuple[Pixels, list[float]]:
        """The frame, and how much of each face is to be seen in it."""
        image, (width, height) = self._ground.copy(), self._size
        owner = np.full((height, width), -1)
        y, x = np.mgrid[:height, :width]
        for i, film in reversed(list(enumerate(self._films))):
            left, top = (round(float(v)) - SIDE // 2 for v in self.places(number)[i])
            inside = np.hypot(x - left - SIDE / 2, y - top - SIDE / 2) < SIDE / 2
            image[inside] = film[number % len(film)][y[inside] - top, x[inside] - left]
            owner[inside] = i
        if self._noise:
            noisy = image + self._noise.normal(0, NOISE, image.shape)
            image = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
        whole = np.pi * SIDE**2 / 4
        return image, [float((owner == i).sum() / whole) for i in range(len(self._films))]


def acted(number: int) -> Step:
    """What a talking face does in a frame: a word three times a second, a blink every two."""
    jaw = (1 - np.cos(2 * np.pi * number / WORD)) / 2
    return Step(jaw=float(jaw), lids=blink(number / RATE)) if number else Step()


def pictures(photo: Filmed, step: Step) -> list[Pixels]:
    """The three faces, SIDE pixels a side: tinted, the second one mirrored."""
    crop = CropTransform.from_square((228.0, 125.0), 170.0, SIDE)
    face = crop.warp(photo.acted(step))
    tints = ((1.0, 1.0, 1.0), (0.75, 0.9, 1.0), (1.0, 0.9, 0.75))
    faces = [np.round(face * np.array(tint)).astype(np.uint8) for tint in tints]
    return [faces[0], faces[1][:, ::-1], faces[2]]


class Counted(FaceAligner):
    """Counts the runs of its detector, and the faces that its network looks at."""

    runs = looked = 0

    def detect(self, image: Pixels) -> Found:
        self.runs += 1
        return super().detect(image)

    def look(self, found: Found, looks: int = 1) -> list[Face]:
        self.looked += len(found)
        return super().look(found, looks)


@dataclass
class Score:
    """What a tracker did to the faces of a scene."""

    switches: int = 0
    ghosts: int = 0
    missed: int = 0
    owners: dict[int, int] = field(default_factory=dict)

    def add(self, faces: list[Face], places: list[tuple[float, float]], seen: list[float]) -> None:
        """Count one frame; a track belongs to the nearest face that is to be seen at all."""
        given = set()
        for face in faces:
            middle = (face.box[:2] + face.box[2:]) / 2
            gaps = [float(np.hypot(*(middle - place))) / SIDE for place in places]
            near = [i for i, gap in enumerate(gaps) if gap < AWAY and seen[i] > 1 - SEEN]
            if not near:
                self.ghosts += 1
                continue
            owner = min(near, key=lambda i: gaps[i])
            given.add(owner)
            self.switches += self.owners.get(face.track or 0, owner) != owner
            self.owners[face.track or 0] = owner
        self.missed += sum(part >= SEEN and i not in given for i, part in enumerate(seen))


def measure(
    aligner: Counted, faces: int, size: tuple[int, int], talking: bool, looks: int
) -> dict[str, Any]:
    """Counts and times of one scene."""
    scene, score = Scene(faces, size, talking), Score()
    frames = [scene.frame(number) for number in range(FRAMES)]
    aligner.look(aligner.detect(frames[0][0]), looks)  # the first run of a network takes longer
    tracker, whole, own, given = FaceTracker(aligner, looks=looks), 0.0, 0.0, 0
    runs = looked = 0
    for number, (image, seen) in enumerate(frames):
        started = time.process_time()
        aligner.look(aligner.detect(image), looks)
        between = time.process_time()
        aligner.runs = aligner.looked = 0
        found = tracker.step(image, number / RATE)
        own += time.process_time() - between
        whole += between - started
        runs, looked, given = runs + aligner.runs, looked + aligner.looked, given + len(found)
        score.add(found, scene.places(number), seen)
    counts = {name: getattr(score, name) for name in ("switches", "ghosts", "missed")}
    each = {"ms": 1000 * own / FRAMES, "every_frame_ms": 1000 * whole / FRAMES}
    share = {"detector": runs, "looked": looked / given}
    return share | counts | each | {"time": own / whole}


def run(given: argparse.Namespace) -> None:
    console, results = new_console(), {}
    for label, model in models_of(given).items():
        aligner = Counted(model, threads=1, turned_faces=False)
        counted = ("detector", "switches", "ghosts", "missed")
        counts = new_table("faces", *counted, "looked")
        times = new_table("faces", "ms", "in every frame, ms", "ratio")
        for talking, faces, name, looks in product((False, True), (1, 3), SIZES, (1, 2)):
            row = measure(aligner, faces, SIZES[name], talking, looks)
            what = f"{faces}{' talk' if talking else ''}, {name}, looks {looks}"
            results[f"{label}, {what}"] = row
            counts.add_row(
                what, *(str(row[key]) for key in counted), f"{100 * row['looked']:.0f} %"
            )
            milliseconds = f"{row['ms']:.1f}", f"{row['every_frame_ms']:.1f}"
            times.add_row(what, *milliseconds, f"{row['time']:.2f}")
        show_table(console, counts, f"{label}: counts in {FRAMES} frames")
        show_table(console, times, f"{label}: processor time of a frame")
    write_json(given, record(given, "tracking", {"frames": FRAMES, "scenes": results}))


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_models(parser)
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
