"""The troubles that parts of training are meant for, applied to small crops of held-out faces.

Every face is first cut out with a margin, its box as large as in a network's input, and then
changed, by `photo_changes.py` or here, so that a strength means the same for every face.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from photo_changes import (
    Change,
    Changed,
    blurred,
    compressed,
    covered,
    face_mask,
    gray,
    noisy,
    nothing,
    reduced,
    sunglasses,
    turned,
)
from PIL import Image

from facealign.datasets import stream_pixels
from facealign.evaluation.predictions import same_face
from facealign.geometry import CropTransform, box_of_points, box_size
from facealign.markup import load_markup
from facealign.metrics import distances, nme
from facealign.types import Pixels, Points, Sample
from facealign.yunet import YuNet

ROOM = 2
"""Side of what is cut out over the side of the crop: a crop turned by 45° still fits."""
PLAIN = "as they are"
Predict = Callable[[np.ndarray], Points]
"""Crops (N, S, S, 3) uint8 → landmarks (N, K, 2) in crop pixels."""


def either_way(sample: Sample, image: Pixels, random: np.random.Generator, angle: float) -> Changed:
    return turned(sample, image, random, angle * random.choice((-1, 1)))


def astray(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """Another box: its centre is off by 6 % of its size along each axis, its size by 10 %."""
    size = box_size(sample.box)
    middle = (sample.box[:2] + sample.box[2:]) / 2 + random.normal(0, 0.06, 2) * size
    half = size * np.exp(random.normal(0, 0.1)) / 2
    return replace(sample, box=np.r_[middle - half, middle + half].astype(np.float32)), image


def squeezed(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """12 % narrower or broader than the face is, about the middle of the box."""
    height, width = image.shape[:2]
    factor = random.choice((1 / 1.12, 1.12))
    middle = float(sample.box[0] + sample.box[2]) / 2
    # Pillow counts from the corner of the first pixel: x of the source for x of the result.
    row = (1 / factor, 0, (middle + 0.5) * (1 - 1 / factor), 0, 1, 0)
    picture = Image.fromarray(image).transform(
        (width, height), Image.Transform.AFFINE, row, Image.Resampling.BILINEAR
    )
    moved = sample.landmarks.copy()
    moved[:, 0] = middle + (moved[:, 0] - middle) * factor
    return replace(sample, landmarks=moved), np.asarray(picture)


def mirrored(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    last, order = image.shape[1] - 1, load_markup(sample.markup).mirror
    landmarks, box = sample.landmarks[order].copy(), sample.box.copy()
    landmarks[:, 0] = last - landmarks[:, 0]
    box[[0, 2]] = last - sample.box[[2, 0]]
    after = replace(sample, landmarks=landmarks, labelled=sample.labelled[order], box=box)
    return after, np.ascontiguousarray(image[:, ::-1])


def shadowed(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """A third of the light on one side of a line through the middle of the box, at any angle."""
    height, width = image.shape[:2]
    turn, (x, y) = random.uniform(0, 2 * np.pi), (sample.box[:2] + sample.box[2:]) / 2
    far = (np.arange(width) - x) * np.cos(turn) + ((np.arange(height) - y) * np.sin(turn))[:, None]
    light = 1 - (2 / 3) / (1 + np.exp(-far / (0.02 * box_size(sample.box))))
    return sample, np.round(image * light[..., None]).astype(np.uint8)


def miscoloured(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """Dark (gamma 2) or bright (gamma 1/2), its colours each up to 30 % weaker."""
    values = (image / 255) ** random.choice((0.5, 2.0)) * random.uniform(0.7, 1, 3)
    return sample, np.round(255 * values).astype(np.uint8)


def smeared(sample: Sample, image: Pixels, random: np.random.Generator) -> Changed:
    """The mean of the picture moved along a line of a tenth of the box, in any direction."""
    turn, reach = random.uniform(0, np.pi), 0.05 * box_size(sample.box)
    total = np.zeros(image.shape)
    steps = np.linspace(-reach, reach, 15)
    for step in steps:
        row = (1, 0, step * np.cos(turn), 0, 1, step * np.sin(turn))
        place = (image.shape[1], image.shape[0]), Image.Transform.AFFINE, row
        total += Image.fromarray(image).transform(*place, Image.Resampling.BILINEAR)
    return sample, np.round(total / len(steps)).astype(np.uint8)


TROUBLES: dict[str, Change] = {
    PLAIN: nothing,
    "turned 20°": partial(either_way, angle=20.0),
    "turned 45°": partial(either_way, angle=45.0),
    "boxes astray": astray,
    "YuNet's boxes": nothing,
    "squeezed": squeezed,
    "mirrored": mirrored,
    "1/4 covered": covered,
    "sunglasses": sunglasses,
    "face mask": face_mask,
    "shadow": shadowed,
    "other colours": miscoloured,
    "gray": gray,
    "blurred": partial(blurred, share=0.02),
    "motion": smeared,
    "1/3 resolution": partial(reduced, factor=3),
    "noise": partial(noisy, deviation=15.0),
    "JPEG 20": partial(compressed, quality=20),
}
"""Changes to a face whose box is as large as in the network's input, by name."""


@dataclass(frozen=True, eq=False)
class Troubled:
    """Held-out faces under one trouble, as a network sees them.

    Attributes:
        crops: (N, S, S, 3) uint8.
        truth: (N, K, 2) in crop pixels.
        labelled: (N, K) the labelled points.
        markup: name of the point scheme.

    """

    crops: np.ndarray
    truth: Points
    labelled: np.ndarray
    markup: str

    def error(self, predict: Predict) -> float:
        """Mean NME of the faces, inter-ocular."""
        no_boxes = np.zeros((len(self.truth), 4))
        far = distances(
            "inter_ocular", self.truth, self.labelled, no_boxes, load_markup(self.markup)
        )
        return float(np.nanmean(nme(predict(self.crops), self.truth, self.labelled, far)))


def trouble_all(
    samples: Iterable[Sample], size: int, margin: float, names: Iterable[str] = TROUBLES
) -> dict[str, Troubled]:
    """The faces under each trouble; each photo is read once.

    Args:
        samples: the faces, with the boxes to use.
        size: S, of the network's input.
        margin: of its crops, as a fraction of the box size.
        names: of the troubles.

    """
    rows: dict[str, list[tuple[Pixels, Points, Sample]]] = {name: [] for name in names}
    detector = YuNet()
    for sample, image in stream_pixels(list(samples)):
        if image is None:
            continue
        near, picture = cut_out(sample, image, size, margin)
        for name, row in rows.items():
            face = detected(sample, image, near, detector) if name == "YuNet's boxes" else near
            random = np.random.default_rng(zlib.crc32(f"{sample.id} {name}".encode()))
            after, changed = TROUBLES[name](face, picture, random)
            crop = CropTransform.from_box(after.box, size, margin)
            row.append((crop.warp(changed), crop.to_crop(after.landmarks), after))
    return {name: _stacked(row) for name, row in rows.items()}


def cut_out(sample: Sample, image: Pixels, size: int, margin: float, room: int = ROOM) -> Changed:
    """The face with a margin, its box as large as in a crop of this size."""
    around = around_box(sample, size, margin, room)
    corners = around.to_crop(sample.box.reshape(2, 2)).ravel()
    landmarks = around.to_crop(sample.landmarks)
    return replace(sample, landmarks=landmarks, box=corners), around.warp(image)


def around_box(sample: Sample, size: int, margin: float, room: int) -> CropTransform:
    middle = (sample.box[:2] + sample.box[2:]) / 2
    side = room * box_size(sample.box) * (1 + 2 * margin)
    return CropTransform.from_square((float(middle[0]), float(middle[1])), side, room * size)


def detected(sample: Sample, image: Pixels, near: Sample, detector: YuNet) -> Sample:
    """The cut-out face, in the detector's box, or in its own if it is not found."""
    boxes = list(detector.detect(image).boxes)
    chosen = same_face(boxes, box_of_points(sample.landmarks[sample.labelled]))
    if chosen is None:
        return near
    scale = box_size(near.box) / box_size(sample.box)
    shift = (near.box - sample.box * scale)[:2]
    return replace(near, box=(boxes[chosen] * scale + np.tile(shift, 2)).astype(np.float32))


def _stacked(row: list[tuple[Pixels, Points, Sample]]) -> Troubled:
    crops, truth, samples = zip(*row, strict=True)
    labelled = np.stack([sample.labelled for sample in samples])
    return Troubled(np.stack(crops), np.stack(truth), labelled, samples[0].markup)
