"""Drawn faces with exact landmarks, in 300W's layout: to try training and to test it without data.

    facealign data drawings /tmp/drawn
    facealign train tiny data.root=/tmp/drawn

They teach a network nothing about photos.
"""

import csv
import io
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from facealign.errors import OutputError
from facealign.files import make_folder, write_file
from facealign.formats.pts import to_pts
from facealign.image import write_image
from facealign.markup import load_markup
from facealign.types import Box, Doubles, Pixels, Points

SIDE = 160
TRAIN = ("afw", "helen/trainset", "lfpw/trainset")
COMMON = ("helen/testset", "lfpw/testset")


def write_drawings(root: Path, train: int = 400, test: int = 50, seed: int = 0) -> None:
    """Write drawn faces in the folders of 300W's "train" and "common", and `root/boxes.csv`.

    The boxes are off by as much as a detector's. The same seed draws the same faces.

    Raises:
        OutputError: the folder is not empty or cannot be written.
    """
    make_folder(root)
    if any(root.iterdir()):
        raise OutputError(f"{root}: this folder is not empty; name a new one")
    for folder in (*TRAIN, *COMMON):
        make_folder(root / folder, root)
    random = np.random.default_rng(seed)
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["image", "split", "x0", "y0", "x1", "y1"])
    for folders, split, count in ((TRAIN, "train", train), (COMMON, "common", test)):
        for number in range(count):
            image, landmarks, box = draw_face(random)
            name = f"{folders[number % len(folders)]}/image{number:04d}"
            write_image(image, root / f"{name}.png")
            write_file(root / f"{name}.pts", to_pts(landmarks))
            rows.writerow([f"{name}.png", split, *(f"{value + 1:.2f}" for value in box)])
    write_file(root / "boxes.csv", table.getvalue())


def draw_face(random: np.random.Generator) -> tuple[Pixels, Points, Box]:
    """One drawing: (SIDE, SIDE, 3) uint8, its 68 landmarks, a box as a detector would give it."""
    shape = _pose(_shape(random), random)
    size = SIDE * random.uniform(0.38, 0.5)
    centre = SIDE / 2 + random.uniform(-0.06, 0.06, 2) * SIDE
    points = shape * size + centre
    image = _paint(points, random)
    jitter = random.normal(0, 0.03, 2) * size * 2
    half = size * random.normal(1, 0.05)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2 + jitter
    box = np.concatenate([middle - half, middle + half])
    return image, points.astype(np.float32), box.astype(np.float32)


def _shape(random: np.random.Generator) -> Doubles:
    """(68, 2) an upright face about 2 wide, y down, with its own proportions."""
    wide, eye = random.uniform(0.85, 1.0), random.uniform(-0.28, -0.18)
    brow = eye - random.uniform(0.2, 0.3)
    mouth, smile = random.uniform(0.45, 0.55), random.uniform(-0.05, 0.12)
    opened, lid = random.uniform(0.0, 0.14), random.uniform(0.05, 0.1)
    turn = np.linspace(math.pi, 0, 17)
    jaw = np.stack([np.cos(turn) * wide, np.sin(turn) * 1.2 - 0.25], axis=1)
    nose = np.stack([np.zeros(4), np.linspace(eye, 0.12, 4)], axis=1)
    base = np.stack([np.linspace(-0.18, 0.18, 5), 0.2 + 0.04 * np.cos(np.linspace(-2, 2, 5))], 1)
    steps = np.linspace(-1, 1, 5)
    arc = brow - 0.07 * (1 - steps**2)
    brows = [np.stack([x + steps * 0.26, arc], axis=1) for x in (-0.45, 0.45)]
    eyes = [_ring((x, eye), 0.17, lid, lid, 6) for x in (-0.42, 0.42)]
    outer = _ring((0, mouth), 0.36, 0.09 + opened, 0.11 + opened, 12)
    inner = _ring((0, mouth), 0.28, 0.02 + opened, 0.02 + opened, 8)
    for lip in (outer, inner):
        lip[:, 1] += smile * (0.5 - (lip[:, 0] / 0.36) ** 2)
    return np.concatenate([jaw, *brows, nose, base, *eyes, outer, inner])


def _ring(centre: tuple[float, float], half: float, up: float, down: float, count: int) -> Doubles:
    """Points around an eye or a mouth, from the corner on the picture's left, over the top."""
    turn = math.pi + np.arange(count) * 2 * math.pi / count
    y = np.sin(turn)
    ring = np.stack([np.cos(turn) * half, np.where(y < 0, y * up, y * down)], axis=1)
    return np.asarray(ring + np.array(centre))


def _pose(shape: Doubles, random: np.random.Generator) -> Doubles:
    """The head turned to the side by up to 30°, and tilted by up to about 20°."""
    yaw, roll = math.radians(random.uniform(-30, 30)), math.radians(random.normal(0, 8))
    depth = 0.5 * (1 - (shape[:, 0] ** 2) * 0.9) - 0.25
    x = shape[:, 0] * math.cos(yaw) + depth * math.sin(yaw)
    turn = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
    return np.asarray(np.stack([x, shape[:, 1]], axis=1) @ turn)


def _paint(points: Doubles, random: np.random.Generator) -> Pixels:
    """The face over a flat background, with shading and noise."""
    zoom = 3
    skin = np.clip(random.normal([205, 160, 130], 35), 60, 250)
    image = Image.new("RGB", (SIDE * zoom, SIDE * zoom), _colour(random.uniform(20, 235, 3)))
    pen = ImageDraw.Draw(image)
    groups = load_markup("ibug68").groups
    # In Pillow's drawing frame, whole numbers are pixel corners, not centres.
    place = {name: ((points[list(i)] + 0.5) * zoom) for name, i in groups.items()}
    flat = {name: corners.ravel().tolist() for name, corners in place.items()}
    pen.polygon(np.concatenate([place["jaw"], _forehead(place)]).ravel().tolist(), _colour(skin))
    lines = {"right_brow": (0.3, 7), "left_brow": (0.3, 7)}
    lines |= {"nose_bridge": (0.7, 5), "nose_base": (0.7, 5)}
    for name, (tone, width) in lines.items():
        pen.line(flat[name], _colour(skin * tone), width, joint="curve")
    for name in ("right_eye", "left_eye"):
        pen.polygon(flat[name], fill=(245, 245, 245), outline=(40, 30, 30), width=3)
        x, y = place[name].mean(axis=0)
        pen.ellipse((x - 8, y - 8, x + 8, y + 8), fill=_colour(random.uniform(20, 110, 3)))
    pen.polygon(flat["outer_lip"], fill=_colour(skin * [0.95, 0.6, 0.6]))
    pen.polygon(flat["inner_lip"], fill=_colour(skin * 0.3))
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)).astype(np.float64)
    light = 1 + random.normal(0, 0.15) * np.linspace(-1, 1, SIDE)[None, :, None]
    return np.clip(small * light + random.normal(0, 5, small.shape), 0, 255).astype(np.uint8)


def _forehead(place: dict[str, Doubles]) -> Doubles:
    """From the end of the jaw, over the brows, back to its start."""
    start, chin, end = place["jaw"][[0, 8, 16]]
    middle, across = (start + end) / 2, (end - start) / 2
    turn = np.linspace(0, math.pi, 9)[1:-1, None]
    return np.asarray(middle + np.cos(turn) * across + np.sin(turn) * (middle - chin) * 0.75)


def _colour(values: Doubles) -> tuple[int, int, int]:
    red, green, blue = np.clip(values, 0, 255).astype(int).tolist()
    return red, green, blue
