"""How steady landmarks are from frame to frame.

    python benchmarks/jitter.py [--root /faces/300w] [--model NAME …]

Photos are panned, zoomed and turned along known smooth paths of sub-pixel steps; the points found
in each frame are mapped back by the known transform, where a perfect aligner's would not move.
Faces of 300W's training part, or the example photo without `--root`.

- wander: mean distance of each point from its own mean over the path (a slow drift counts).
- shake: mean second difference from frame to frame (a slow drift does not).
- lag: by how many frames the points are behind the camera's movement.
- kept: how far eyes and mouth, which move on two of the paths, open and close for the network's
  points when they are followed, of what they do for it frame by frame.

The first two in % of the inter-ocular distance, of seven points that all have (eye corners, tip of
the nose, corners of the mouth); `--points all` shows each one's own points. dlib and MediaPipe are
measured too where they are installed: see peers.py for the environment.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from contenders import OFFLINE, Contender, Follow, Ours, Tracked
from moving_photos import NOISE, PATHS, Filmed, filmed_faces, moved_box, video
from others import Dlib, FaceMesh, installed
from rich.console import Console
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
from steadiness import lag, response, shake, wander

from facealign.face.measures import EYES, INNER_LIPS, eye_openness, mouth_openness
from facealign.geometry import CropTransform
from facealign.metrics import Array
from facealign.types import Points

PEERS = (Dlib, FaceMesh)
"""The peers that are measured too."""


@dataclass(frozen=True)
class Follower:
    """How sequences are followed.

    Attributes:
        name: of the contender and its way.
        start: starts a sequence.
        seven: the indices of the seven common points.
        ibug: those of ibug68's points.
        plain: name of the follower that takes each frame by itself, with the same network.
        offline: whether a sequence is smoothed once it is over.

    """

    name: str
    start: Callable[[], Follow]
    seven: tuple[int, ...]
    ibug: tuple[int, ...] = ()
    plain: str = ""
    offline: bool = False


def track(
    face: Filmed, path: str, frames: int, followers: list[Follower]
) -> dict[str, list[Points | None]]:
    """Each follower's points along one path, in the photo's pixels."""
    follow = {follower.name: follower.start() for follower in followers}
    found: dict[str, list[Points | None]] = {name: [] for name in follow}
    random = np.random.default_rng(0)
    cameras: list[CropTransform] = []
    for number in range(frames):
        step = PATHS[path](number / frames)
        cameras.append(face.camera(step))
        frame = video(face.acted(step), cameras[-1])
        if path == "noise":
            noisy = frame + random.normal(0, NOISE, frame.shape)
            frame = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
        box = moved_box(cameras[-1], face.box)
        for name, go in follow.items():
            found[name].append(go(frame, box))
    for follower in followers:
        go = follow[follower.name]
        if follower.offline and isinstance(go, Tracked):
            found[follower.name] = go.offline(found[follower.name])
    return {
        name: [
            None if p is None else camera.to_image(p)
            for p, camera in zip(points, cameras, strict=True)
        ]
        for name, points in found.items()
    }


def motion(face: Filmed, path: str, frames: int, points: Array) -> Array:
    """(T, K, 2) how far the camera moves points of the photo between frames, in its pixels."""
    cameras = [face.camera(PATHS[path](number / frames)) for number in range(-1, frames + 1)]
    steps = []
    for before, now, after in zip(cameras, cameras[1:], cameras[2:], strict=False):
        place = points.astype(np.float32)
        ends = [now.to_image(other.to_crop(place)).astype(float) for other in (before, after)]
        steps.append((ends[1] - ends[0]) / 2)
    return np.stack(steps)


def numbers_of(
    face: Filmed, path: str, tracks: list[Points | None], follower: Follower
) -> dict[str, float]:
    """What one face's points on one path come to; NaN for what is not defined there."""
    seen = [points for points in tracks if points is not None]
    if not seen:
        return {}
    gap = np.full_like(seen[0], np.nan)
    array = np.stack([gap if p is None else p for p in tracks]).astype(np.float64)
    numbers = {}
    for name, part in (("all", array), ("seven", array[:, list(follower.seven)])):
        numbers[f"wander_{name}"] = wander(part, face.inter_ocular)
        numbers[f"shake_{name}"] = shake(part, face.inter_ocular)
    moved = motion(face, path, len(tracks), np.nanmean(part, axis=0))
    return numbers | {"lag": lag(part, moved)} | responses(path, array, follower)


def responses(path: str, tracks: Array, follower: Follower) -> dict[str, float]:
    """How far eyes and mouth open and close, where they do."""
    steps = [PATHS[path](number / len(tracks)) for number in range(len(tracks))]
    numbers = {}
    if follower.ibug and any(step.lids for step in steps):
        found = [
            [eye_openness(p[[follower.ibug[i] for i in eye]]) for p in tracks]
            for eye in EYES.values()
        ]
        lids = np.array([step.lids for step in steps])
        numbers["response"] = response(np.mean(found, axis=0), lids)
    if follower.ibug and any(step.jaw for step in steps):
        lips = [follower.ibug[i] for i in INNER_LIPS]
        jaw = np.array([step.jaw for step in steps])
        numbers["response"] = response(np.array([mouth_openness(p[lips]) for p in tracks]), jaw)
    return numbers


def measure(
    faces: list[Filmed], paths: list[str], frames: int, followers: list[Follower]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Follower → path → its numbers, means over the faces; None without any."""
    results: dict[str, dict[str, dict[str, Any]]] = {f.name: {} for f in followers}
    for path in paths:
        rows: dict[str, list[dict[str, float]]] = {f.name: [] for f in followers}
        missed = dict.fromkeys(rows, 0)
        for face in faces:
            found = track(face, path, frames, followers)
            for follower in followers:
                tracks = found[follower.name]
                rows[follower.name].append(numbers_of(face, path, tracks, follower))
                missed[follower.name] += sum(points is None for points in tracks)
        for name, values in rows.items():
            results[name][path] = summary(values) | {"missed_frames": missed[name]}
        for follower in followers:
            plain = results.get(follower.plain, {}).get(path, {}).get("response")
            own = results[follower.name][path].get("response")
            if plain and own:
                results[follower.name][path]["kept"] = own / plain
    return results


ACTED = ("blink", "talk")
"""Paths on which points do not stand still in the photo."""
NUMBERS = ("wander_all", "shake_all", "wander_seven", "shake_seven", "lag", "response")


def summary(values: list[dict[str, float]]) -> dict[str, float | None]:
    """Means over the faces that have a number."""
    means: dict[str, float | None] = {}
    for name in NUMBERS:
        known = [row[name] for row in values if np.isfinite(row.get(name, np.nan))]
        if known or name not in ("lag", "response"):
            means[name] = float(np.mean(known)) if known else None
    return means


def show(console: Console, results: dict[str, dict[str, dict[str, Any]]], points: str) -> None:
    whose = "seven points" if points == "seven" else "each one's own points"
    kinds = {"wander": "from its mean", "shake": "second difference"}
    still = [path for path in PATHS if path not in ACTED]
    paths = [path for path in next(iter(results.values())) if path in still]
    for kind, words in kinds.items():
        table = new_table("", *paths, "missed")
        for name, found in results.items():
            cells = (percent(found[path][f"{kind}_{points}"]) for path in paths)
            table.add_row(name, *cells, str(sum(f["missed_frames"] for f in found.values())))
        show_table(console, table, f"{kind}: {words}, % of inter-ocular, {whose}")
    show_timing(console, results)


def show_timing(console: Console, results: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Lag on the paths that move, and how much is kept of eyes and mouth."""
    kinds = {"lag": "frames", "kept": "% of the same network's way frame by frame"}
    for kind, unit in kinds.items():
        paths = {p for found in results.values() for p, row in found.items() if kind in row}
        chosen = [path for path in PATHS if path in paths]
        if not chosen:
            continue
        table = new_table("", *chosen)
        for name, found in results.items():
            values = (found[path].get(kind) for path in chosen)
            cells = (percent(v, 0) if kind == "kept" else _signed(v) for v in values)
            table.add_row(name, *cells)
        show_table(console, table, f"{kind}: {unit}")


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def followers_of(contender: Contender, label: str) -> list[Follower]:
    known = contender.seven, contender.ibug, f"{label}, {contender.plain}"
    return [
        Follower(f"{label}, {way}", start, *known, way == OFFLINE)
        for way, start in contender.ways().items()
    ]


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
