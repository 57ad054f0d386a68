"""The README's clip of tracked points, and the figure of what smoothing does.

    python scripts/draw_clip.py docs/pictures

A camera moves over NASA's portrait in a closed path, with a camera's noise, and `FaceTracker`
follows the face. As the path is known, so is where each point should be. The figure needs the
"plot" extra.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import facealign
from facealign.draw.plots import new_figure, save_figure
from facealign.geometry import CropTransform
from facealign.tracking import FaceTracker
from facealign.types import Pixels, Points

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
SIDE, FRAMES, RATE, NOISE = 300, 75, 25, 4.0
"""Pixels of a frame's side, frames of the closed path and in a second, gray levels of 255."""
CENTRE, WIDE = (224.0, 148.0), 210.0
"""Of the view in the photo, in its pixels."""
NOSE = 30


def camera(share: float) -> CropTransform:
    """From the photo to a frame; `share` of the closed path is done."""
    turn = 2 * math.pi * share
    x = CENTRE[0] + 16 * math.sin(turn)
    y = CENTRE[1] + 9 * math.sin(2 * turn)
    side = WIDE * (1 + 0.12 * math.cos(turn))
    return CropTransform.from_square((x, y), side, SIDE, 14 * math.sin(turn + 0.8))


def video() -> list[Pixels]:
    """The frames, (SIDE, SIDE, 3) each."""
    photo, random = facealign.read_image(PHOTO), np.random.default_rng(0)
    frames = [camera(i / FRAMES).warp(photo).astype(float) for i in range(FRAMES)]
    noisy = [frame + random.normal(0, NOISE, frame.shape) for frame in frames]
    return [np.round(np.clip(frame, 0, 255)).astype(np.uint8) for frame in noisy]


def draw_clip(frames: list[Pixels], target: Path) -> None:
    """The second time round, so that the last frame leads to the first."""
    tracker, pictures = FaceTracker(), []
    for number in range(2 * FRAMES):
        image = frames[number % FRAMES]
        faces = tracker.step(image, number / RATE)
        if number >= FRAMES:
            pictures.append(Image.fromarray(facealign.draw_faces(image, faces)))
    pictures[0].save(
        target, save_all=True, append_images=pictures[1:], duration=1000 // RATE, loop=0, quality=45
    )
    print(f"clip: {target}, {target.stat().st_size / 1e6:.2f} MB")


def draw_smoothing(frames: list[Pixels], target: Path) -> None:
    """How far the tip of the nose is from where it should be, three ways."""
    still = facealign.align(PHOTO)[0].landmarks
    true = [camera(i / FRAMES).to_crop(still)[NOSE, 0] for i in range(FRAMES)]
    figure = new_figure(7.0, 3.2)
    axes = figure.add_subplot(xlabel="seconds", ylabel="tip of the nose, x: off by pixels")
    for name, places in follow(frames).items():
        off = np.array(places)[:, NOSE, 0] - true
        off = off - off.mean()
        shake = np.abs(np.diff(off, 2)).mean()
        axes.plot(np.arange(FRAMES) / RATE, off, linewidth=1.2, label=f"{name}: {shake:.2f} px")
    axes.legend(fontsize=8, title="shake from frame to frame", title_fontsize=8)
    axes.grid(alpha=0.3)
    save_figure(figure, target)
    print(f"picture: {target}")


def follow(frames: list[Pixels]) -> dict[str, list[Points]]:
    """Way → (K, 2) points of each frame."""
    aligner = facealign.FaceAligner(turned_faces=False)
    ways: dict[str, list[Points]] = {
        "each frame by itself": [aligner.align(frame)[0].landmarks for frame in frames]
    }
    for name, smoothing in (("followed", "none"), ("followed and smoothed", "live")):
        tracker = FaceTracker(aligner, smoothing=smoothing)
        steps = [tracker.step(frame, i / RATE) for i, frame in enumerate(frames)]
        ways[name] = [faces[0].landmarks for faces in steps]
    return ways


if __name__ == "__main__":
    folder, made = Path(sys.argv[1]), video()
    draw_clip(made, folder / "tracked.webp")
    draw_smoothing(made, folder / "smoothing.svg")
