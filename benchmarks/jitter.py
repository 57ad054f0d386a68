"""How steady landmarks are from frame to frame.

    python benchmarks/jitter.py [--root /faces/300w] [--model NAME …]

Photos are panned, zoomed and turned along known smooth paths of sub-pixel steps; the points found
in each frame are mapped back by the known transform, where a perfect aligner's would not move.
Faces of 300W's training part, or the example photo without `--root`.

- wander: mean distance of each point from its own mean over the path (a slow drift counts).
- shake: mean second difference from frame to frame (a slow drift does not).

Both in % of the inter-ocular distance, of seven points that all have (eye corners, tip of the nose,
corners of the mouth); `--points all` shows each one's own points. dlib and MediaPipe are measured
too where they are installed: see peers.py for the environment.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contenders import Contender, Follow, Ours
from others import Dlib, FaceMesh, installed
from photo_changes import centre, square
from PIL import Image
from rich.console import Console
from script import (
    PHOTO,
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
from steadiness import shake, wander

from facealign import FaceAligner, read_image
from facealign.datasets import read_dataset, read_pixels
from facealign.geometry import CropTransform, box_size
from facealign.markup import load_markup
from facealign.metrics import Array, inter_ocular
from facealign.types import Box, Pixels, Points

SIDE, FACE = 320, 112
"""Sides of a frame and of the face's box in it, in pixels."""
FINER = 1.15
"""Least photo pixels per frame pixel for a face: no photo is enlarged."""
NOISE = 4.0
"""Standard deviation of a still camera's noise, in gray levels of 255."""
PEERS = (Dlib, FaceMesh)
"""The peers that are measured too."""


@dataclass(frozen=True)
class Follower:
    """A name, how to start a sequence, and the indices of the seven common points."""

    name: str
    start: Callable[[], Follow]
    seven: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """The view of a frame: shift in its pixels, zoom, clockwise turn of the photo in degrees."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    turn: float = 0.0


PATHS: dict[str, Callable[[float], Step]] = {
    "pan": lambda t: Step(12 * wave(t), 8 * wave(2 * t)),
    "zoom": lambda t: Step(zoom=math.exp(0.1 * wave(t))),
    "turn": lambda t: Step(turn=10 * wave(t)),
    "all": lambda t: Step(12 * wave(t), 8 * wave(2 * t), math.exp(0.1 * wave(2 * t)), 10 * wave(t)),
    "noise": lambda t: Step(),
}
"""Each path runs over t in 0..1 and ends where it starts; "noise" is still, with camera noise."""


def wave(t: float) -> float:
    return math.sin(2 * math.pi * t)


@dataclass(frozen=True, eq=False)
class Filmed:
    """A photo to film: its face's box and the distance of its outer eye corners, in its pixels."""

    name: str
    image: Pixels
    box: Box
    inter_ocular: float

    def camera(self, step: Step) -> CropTransform:
        """From the photo to a frame."""
        size = box_size(self.box)
        side = SIDE * max(size / FACE, FINER) / step.zoom
        place = centre(self.box) - np.array([step.x, step.y]) * side / SIDE
        return CropTransform.from_square((float(place[0]), float(place[1])), side, SIDE, -step.turn)


def film(image: Pixels, camera: CropTransform) -> Pixels:
    """A frame, resampled finer than its own pixels and then reduced, to avoid aliasing."""
    factor = math.ceil(1 / camera.scale)
    fine = camera.resized(factor * camera.size)
    inverse = fine.inverse_matrix()
    # Pillow passes pixel centres (u + ½) to the matrix and takes the result as x + ½.
    shift = inverse[:, 2] - inverse[:, :2] @ [0.5, 0.5] + 0.5
    frame = Image.fromarray(image).transform(
        (fine.size, fine.size),
        Image.Transform.AFFINE,
        data=tuple(np.column_stack([inverse[:, :2], shift]).ravel()),
        resample=Image.Resampling.BICUBIC,
    )
    return np.asarray(frame.reduce(factor))


def moved_box(camera: CropTransform, box: Box) -> Box:
    """The box in the frame: an upright square around the same place, scaled with the face."""
    return square(camera.to_crop(centre(box)), box_size(box) * camera.scale)


def track(
    face: Filmed, path: str, frames: int, followers: list[Follower]
) -> dict[str, list[Points | None]]:
    """Each follower's points along one path, in the photo's pixels."""
    follow = {follower.name: follower.start() for follower in followers}
    found: dict[str, list[Points | None]] = {name: [] for name in follow}
    random = np.random.default_rng(0)
    for number in range(frames):
        camera = face.camera(PATHS[path](number / frames))
        frame = film(face.image, camera)
        if path == "noise":
            noisy = frame + random.normal(0, NOISE, frame.shape)
            frame = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
        box = moved_box(camera, face.box)
        for name, step in follow.items():
            points = step(frame, box)
            found[name].append(None if points is None else camera.to_image(points))
    return found


def steadiness(tracks: list[Points | None], chosen: list[int] | None, distance: float) -> Array:
    """(2,) wander and shake of one face on one path, for all points or the chosen ones."""
    seen = [points for points in tracks if points is not None]
    if not seen:
        return np.full(2, np.nan)
    gap = np.full_like(seen[0], np.nan)
    array = np.stack([gap if p is None else p for p in tracks]).astype(np.float64)
    array = array if chosen is None else array[:, chosen]
    return np.array([wander(array, distance), shake(array, distance)])


def measure(
    faces: list[Filmed], paths: list[str], frames: int, followers: list[Follower]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Follower → path → its numbers, means over the faces; None without any."""
    results: dict[str, dict[str, dict[str, Any]]] = {f.name: {} for f in followers}
    seven = {follower.name: list(follower.seven) for follower in followers}
    for path in paths:
        rows: dict[str, list[Array]] = {f.name: [] for f in followers}
        missed = dict.fromkeys(rows, 0)
        for face in faces:
            for name, tracks in track(face, path, frames, followers).items():
                chosen = (None, seven[name])
                sets = (steadiness(tracks, points, face.inter_ocular) for points in chosen)
                rows[name].append(np.concatenate(list(sets)))
                missed[name] += sum(points is None for points in tracks)
        for name, values in rows.items():
            results[name][path] = summary(np.stack(values)) | {"missed_frames": missed[name]}
    return results


def summary(values: Array) -> dict[str, float | None]:
    """Means over the faces (N, 4) that have a number."""
    names = ("wander_all", "shake_all", "wander_seven", "shake_seven")
    means: dict[str, float | None] = {}
    for name, column in zip(names, values.T, strict=True):
        known = column[np.isfinite(column)]
        means[name] = float(known.mean()) if known.size else None
    return means


def filmed_faces(root: Path | None, count: int) -> list[Filmed]:
    """Evenly from the training faces with enough pixels, or the example's face."""
    if root is None:
        image = read_image(PHOTO)
        (face,) = FaceAligner(threads=1).align(image)
        distance = eyes_apart(face.landmarks, face.markup)
        return [Filmed(PHOTO.name, image, face.box, distance)]
    samples = read_dataset("300w", root, "train").samples
    large = [s for s in samples if box_size(s.box) >= FINER * FACE] or samples
    chosen = [large[i] for i in np.unique(np.linspace(0, len(large) - 1, count).astype(int))]
    return [Filmed(s.id, read_pixels(s), s.box, eyes_apart(s.landmarks, s.markup)) for s in chosen]


def eyes_apart(landmarks: Points, markup: str) -> float:
    truth = landmarks[None].astype(np.float64)
    return float(inter_ocular(truth, np.zeros((1, 4)), load_markup(markup))[0])


def show(console: Console, results: dict[str, dict[str, dict[str, Any]]], points: str) -> None:
    whose = "seven points" if points == "seven" else "each one's own points"
    kinds = {"wander": "from its mean", "shake": "second difference"}
    paths = list(next(iter(results.values())))
    for kind, words in kinds.items():
        table = new_table("", *paths, "missed")
        for name, found in results.items():
            cells = (percent(found[path][f"{kind}_{points}"]) for path in paths)
            table.add_row(name, *cells, str(sum(f["missed_frames"] for f in found.values())))
        show_table(console, table, f"{kind}: {words}, % of inter-ocular, {whose}")


def followers_of(contender: Contender, label: str) -> list[Follower]:
    ways = contender.ways().items()
    return [Follower(f"{label}, {way}", start, contender.seven) for way, start in ways]


def run(given: argparse.Namespace) -> None:
    console = new_console()
    followers: list[Follower] = []
    for label, model in models_of(given).items():
        followers += followers_of(Ours(model, given.threads), label)
    for peer in installed(() if given.without_peers else PEERS, console):
        followers += followers_of(peer, peer.name)
    faces = filmed_faces(given.root, given.faces)
    results = measure(faces, given.paths, given.frames, followers)
    console.print(f"{len(faces)} faces, {given.frames} frames a path")
    show(console, results, given.points)
    names = [face.name for face in faces]
    content = {"faces": names, "frames": given.frames, "followers": results}
    write_json(given, record(given, "jitter", content))


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_root(parser, without="the example photo")
    add_models(parser)
    parser.add_argument("--faces", type=int, default=12, help="how many of 300W's")
    parser.add_argument("--frames", type=int, default=30, help="of each path")
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=list(PATHS))
    parser.add_argument("--points", choices=("seven", "all"), default="seven")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
