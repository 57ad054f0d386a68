"""The photos of the gallery and of the concepts: hard cases right and wrong, boxes, attention maps.

    pip install scikit-image matplotlib     # for their public-domain photos
    python scripts/draw_gallery.py docs/pictures

Photos: Eileen Collins and Grace Hopper (NASA, US Navy: public domain), Cameraman and Chelsea the
cat (scikit-image: CC0). What a photo's points are compared with is what is found in it unchanged.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import facealign
from facealign import CropTransform, Face
from facealign.draw import draw_maps
from facealign.geometry import box_of_points, box_size, iou
from facealign.models import BEST_AAN
from facealign.types import Box, Pixels, Sample

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from photo_changes import (  # noqa: E402
    Change,
    Changed,
    dark,
    face_mask,
    half_shadow,
    reduced,
    sunglasses,
    turned,
)
from troubles import smeared  # noqa: E402

TILE, TITLE = 250, 44
RIGHT, WRONG, LINE = (46, 125, 50), (190, 40, 40), (0, 150, 255)
SAME = 0.3
"""IoU from which on a face found is the one that was there."""


class Case(NamedTuple):
    """One tile: a photo, and what is done to it."""

    photo: str
    title: str
    change: Change | None = None


def cut(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    x = int(sample.landmarks[30, 0])
    moved = replace(sample, landmarks=sample.landmarks - np.float32([x, 0]))
    return replace(moved, box=sample.box - np.float32([x, 0, x, 0])), image[:, x:].copy()


def stretched(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    wide = np.asarray(Image.fromarray(image).resize((2 * image.shape[1], image.shape[0])))
    points, box = sample.landmarks * np.float32([2, 1]), sample.box * np.float32([2, 1, 2, 1])
    return replace(sample, landmarks=points, box=box), wide


def negative(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    return sample, 255 - image


def hidden(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    return face_mask(*sunglasses(sample, image, random), random)


def blocks(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    small = Image.fromarray(image).reduce(14)
    return sample, np.asarray(small.resize(image.shape[1::-1], Image.Resampling.NEAREST))


RIGHT_CASES = [
    Case("hopper", "as it is"),
    Case("astronaut", "on its side", partial(turned, angle=90.0)),
    Case("hopper", "upside down", partial(turned, angle=180.0)),
    Case("astronaut", "leaning by 50°", partial(turned, angle=50.0)),
    Case("hopper", "dark: a mean of 5 of 255", dark),
    Case("astronaut", "half in deep shadow", half_shadow),
    Case("hopper", "sunglasses", sunglasses),
    Case("astronaut", "motion", smeared),
    Case("astronaut", "22 pixels wide", partial(reduced, factor=4)),
    Case("chelsea", "a cat: no face"),
]
WRONG_CASES = [
    Case("camera", "a full profile"),
    Case("hopper", "a negative", negative),
    Case("hopper", "a mask", face_mask),
    Case("astronaut", "11 pixels wide", partial(reduced, factor=8)),
    Case("astronaut", "half outside the photo", cut),
    Case("hopper", "stretched", stretched),
    Case("astronaut", "6 pixels wide", partial(reduced, factor=15)),
    Case("hopper", "a mask and sunglasses", hidden),
    Case("hopper", "shown in blocks", blocks),
]


def read_photos() -> dict[str, Pixels]:
    """The four photos, upright RGB."""
    skimage = folder_of("skimage") / "data"
    hopper = folder_of("matplotlib") / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    return {
        "astronaut": facealign.read_image(ROOT / "examples" / "astronaut.jpg"),
        "hopper": facealign.read_image(hopper),
        "camera": facealign.read_image(skimage / "camera.png"),
        "chelsea": facealign.read_image(skimage / "chelsea.png"),
    }


def folder_of(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is not installed: pip install scikit-image matplotlib")
    return Path(found.origin).parent


def draw_cases(cases: list[Case], photos: dict[str, Pixels], colour: tuple[int, ...]) -> Pixels:
    """The tiles, five in a row; a line of each goes to the terminal."""
    tiles = [draw_case(case, photos[case.photo], colour) for case in cases]
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % 5)
    return np.concatenate(
        [np.concatenate(tiles[i : i + 5], axis=1) for i in range(0, len(tiles), 5)]
    )


def draw_case(case: Case, image: Pixels, colour: tuple[int, ...]) -> Pixels:
    before = facealign.align(image)
    if not before:
        return tile(image, [], whole(image), case.title, "none found", colour)
    sample = to_sample(before[0])
    if case.change is not None:
        sample, image = case.change(sample, image, np.random.default_rng(3))
    faces = facealign.align(image)
    face = next((f for f in faces if shared(f, sample) > SAME), None)
    if face is None:
        text = "missed" if case.change else "none found"
    elif case.change is None:
        text = f"mean score {face.scores.mean():.2f}" if face.scores is not None else ""
    else:
        text = f"{apart(face, sample):.1f} % from the clean photo's"
    print(f"{case.photo}, {case.title}: {text}")
    return tile(image, [face] if face else [], sample.box, case.title, text, colour)


def to_sample(face: Face) -> Sample:
    known = np.ones(len(face.landmarks), bool)
    return Sample("", Path(), face.landmarks, known, face.box, "given", face.markup, "")


def shared(face: Face, sample: Sample) -> float:
    return float(iou(box_of_points(sample.landmarks), box_of_points(face.landmarks)[None])[0])


def apart(face: Face, sample: Sample) -> float:
    """Mean distance of the points from those expected, in % of the distance of the eye corners."""
    corners = np.linalg.norm(sample.landmarks[36] - sample.landmarks[45])
    off = np.linalg.norm(face.landmarks - sample.landmarks, axis=1).mean()
    return float(100 * off / corners)


def whole(image: Pixels) -> Box:
    height, width = image.shape[:2]
    half = min(height, width) / 3
    x, y = (width - 1) / 2, (height - 1) / 2
    return np.array([x - half, y - half, x + half, y + half], np.float32)


def tile(
    image: Pixels, faces: list[Face], box: Box, title: str, text: str, colour: tuple[int, ...]
) -> Pixels:
    """The surroundings of a box with the faces' points, two lines of words below."""
    frame = CropTransform.from_box(box, TILE, 0.4)
    inside = [moved(face, frame) for face in faces]
    picture = Image.new("RGB", (TILE + 8, TILE + TITLE + 8), "white")
    picture.paste(Image.fromarray(facealign.draw_faces(frame.warp(image), inside)), (4, 4))
    pen = ImageDraw.Draw(picture)
    pen.text((6, TILE + 8), title, fill="black", font=ImageFont.load_default(17))
    pen.text((6, TILE + 28), text, fill=colour, font=ImageFont.load_default(15))
    return np.asarray(picture)


def moved(face: Face, frame: CropTransform) -> Face:
    half = box_size(face.box) * frame.scale / 2
    x, y = frame.to_crop(((face.box[:2] + face.box[2:]) / 2).astype(np.float32)).tolist()
    box = np.array([x - half, y - half, x + half, y + half], np.float32)
    return replace(face, box=box, landmarks=frame.to_crop(face.landmarks))


def draw_boxes(image: Pixels) -> Pixels:
    """The box of a face, and the larger square that the network sees."""
    face = facealign.align(image)[0]
    frame = CropTransform.from_box(face.box, 480, 0.45)
    picture = Image.fromarray(frame.warp(image))
    pen = ImageDraw.Draw(picture)
    crop = face.network_crop
    assert crop is not None
    side = crop.size
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32) - 0.5
    seen = frame.to_crop(crop.to_image(corners))
    x0, y0, x1, y1 = frame.to_crop(face.box.reshape(2, 2)).ravel().tolist()
    pen.polygon([tuple(p) for p in seen.tolist()], outline=LINE, width=3)
    pen.rectangle((x0, y0, x1, y1), outline=(255, 190, 0), width=3)
    font = ImageFont.load_default(18)
    pen.text((x0 + 6, y1 - 26), "box", fill=(255, 190, 0), font=font)
    pen.text((seen[3][0] + 6, seen[3][1] + 4), "what the network sees", fill=LINE, font=font)
    return np.asarray(picture)


def draw_attention(photos: dict[str, Pixels]) -> Pixels:
    with facealign.FaceAligner(BEST_AAN) as aligner:
        rows = [
            draw_maps(photos[name], aligner.align(photos[name], attention=True)[0])
            for name in ("astronaut", "hopper")
        ]
    return np.concatenate(rows)


def main(folder: Path) -> None:
    photos = read_photos()
    pictures = {
        "boxes.jpg": draw_boxes(photos["astronaut"]),
        "gallery/right.jpg": draw_cases(RIGHT_CASES, photos, RIGHT),
        "gallery/wrong.jpg": draw_cases(WRONG_CASES, photos, WRONG),
        "gallery/attention.jpg": draw_attention(photos),
    }
    for name, picture in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / name, quality=85, optimize=True)
        print(f"picture: {folder / name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
