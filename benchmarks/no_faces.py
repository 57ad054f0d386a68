"""Photos without a face, and how many faces are found in them.

Pictures that libraries ship, whole and in quarters, where the libraries are installed; textures and
drawings made here. What holds a face, even on a coin, is not among them; a cat and a horse are.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import Faces
from photo_changes import CHANGES
from PIL import Image, ImageDraw
from rich.console import Console
from script import new_table, show_table

from facealign import read_image
from facealign.geometry import whole_image_box
from facealign.types import Pixels, Sample

SHIPPED = {
    "skimage": (
        "data",
        "brick.png cell.png chelsea.png clock_motion.png coffee.png color.png grass.png gravel.png "
        "horse.png hubble_deep_field.jpg ihc.png logo.png microaneurysms.png moon.png "
        "motorcycle_left.png page.png phantom.png retina.jpg rocket.jpg text.png",
    ),
    "matplotlib": ("mpl-data/sample_data", "Minduka_Present_Blue_Pack.png logo2.png"),
}
"""Package → the folder in it, and its pictures without a face; scipy downloads its own."""
WIDTH, HEIGHT, OF_EACH = 640, 480, 25
"""Size of a picture made here, and how many there are of each kind."""
DONE = {"none": "as they are", "dark": "dark", "noise": "noise"}
"""The changes under which faces are counted, and their names in the table."""
Draw = Callable[[np.random.Generator], Image.Image]


def shipped(console: Console) -> Iterator[Pixels]:
    for package, (folder, names) in SHIPPED.items():
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            console.print(f"pictures of {package} left out: it is not installed")
            continue
        files = [Path(found.origin).parent / folder / name for name in names.split()]
        absent = [file.name for file in files if not file.is_file()]
        if absent:
            console.print(f"pictures of {package} left out: it lacks {', '.join(absent)}")
        for file in files:
            if file.is_file():
                yield from whole_and_quarters(read_image(file))


def whole_and_quarters(image: Pixels) -> Iterator[Pixels]:
    yield image
    for half in np.array_split(image, 2, axis=0):
        yield from map(np.ascontiguousarray, np.array_split(half, 2, axis=1))


def clouds(random: np.random.Generator) -> Image.Image:
    """Noise of all scales between two colours."""
    total = np.zeros((HEIGHT, WIDTH), np.float32)
    for octave in range(1, 8):
        values = random.normal(0, 1, (3 * 2**octave, 4 * 2**octave)).astype(np.float32)
        coarse = Image.fromarray(values)
        total += np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) / octave
    share = (total - total.min()) / np.ptp(total)
    one, other = random.integers(0, 256, (2, 3))
    return Image.fromarray((one + share[..., None] * (other - one)).astype(np.uint8))


def shapes(random: np.random.Generator) -> Image.Image:
    """Ellipses, rectangles and lines of all sizes and colours."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), colour(random))
    pen = ImageDraw.Draw(picture)
    draws = (pen.ellipse, pen.rectangle, pen.line)
    for _ in range(40):
        middle = random.uniform(0, (WIDTH, HEIGHT))
        half = np.exp(random.uniform(1, 5, 2))
        corners = (*(middle - half), *(middle + half))
        draws[random.integers(len(draws))](corners, fill=colour(random))
    return picture


def tiles(random: np.random.Generator) -> Image.Image:
    """A wall: tiles or windows in rows, each a little darker or lighter."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), colour(random))
    pen, base = ImageDraw.Draw(picture), random.integers(40, 216, 3)
    width, height, gap = random.integers(12, 90), random.integers(12, 90), random.integers(2, 12)
    for row, y in enumerate(range(0, HEIGHT, height + gap)):
        for x in range(-(row % 2) * width // 2, WIDTH, width + gap):
            shade = tuple((base + random.integers(-40, 40)).tolist())
            pen.rectangle((x, y, x + width - 1, y + height - 1), fill=shade)
    return picture


def leaves(random: np.random.Generator) -> Image.Image:
    """A thousand small ellipses in the shades of one colour, over each other."""
    base = random.integers(30, 226, 3)
    picture = Image.new("RGB", (WIDTH, HEIGHT), tuple((base // 2).tolist()))
    pen, size = ImageDraw.Draw(picture), random.uniform(4, 24)
    for _ in range(1000):
        middle, half = random.uniform(0, (WIDTH, HEIGHT)), size * random.uniform(0.3, 1, 2)
        shade = tuple(np.clip(base * random.uniform(0.4, 1.3), 0, 255).astype(int).tolist())
        pen.ellipse((*(middle - half), *(middle + half)), fill=shade)
    return picture


def colour(random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = random.integers(0, 256, 3).tolist()
    return red, green, blue


MADE: tuple[Draw, ...] = (clouds, shapes, tiles, leaves)


def made() -> Iterator[Pixels]:
    for draw in MADE:
        for number in range(OF_EACH):
            yield np.asarray(draw(np.random.default_rng(number)))


def count_faces(ways: dict[str, Faces], photos: Iterator[Pixels]) -> dict[str, Any]:
    """Faces found in photos that have none, under each change.

    Returns:
        `photos`: how many there are; `found`: change → way → faces found in all of them.

    """
    found = {change: dict.fromkeys(ways, 0) for change in DONE}
    count = 0
    for count, photo in enumerate(photos, start=1):
        for change, row in found.items():
            _, image = CHANGES[change](of_nobody(photo), photo, np.random.default_rng(count))
            for name, faces in ways.items():
                row[name] += len(faces(image))
    return {"photos": count, "found": found}


def of_nobody(photo: Pixels) -> Sample:
    box = whole_image_box(photo.shape[1], photo.shape[0])
    return Sample("", Path(), np.zeros((0, 2), np.float32), np.zeros(0, bool), box, "image", "", "")


def show_false_faces(ways: dict[str, Faces], console: Console) -> dict[str, Any]:
    """Prints the faces found per 100 photos; returns the numbers."""
    groups = {
        "shipped": count_faces(ways, shipped(console)),
        "made": count_faces(ways, made()),
    }
    table = new_table("", *ways)
    for group, counted in groups.items():
        for change, row in counted["found"].items() if counted["photos"] else ():
            shares = (f"{100 * row[name] / counted['photos']:.1f}" for name in ways)
            table.add_row(f"{group}, {DONE[change]}", *shares)
    photos = " and ".join(f"{counted['photos']} {group}" for group, counted in groups.items())
    show_table(console, table, f"False faces per 100 photos without a face ({photos})")
    return groups
