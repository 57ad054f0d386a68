"""Boxes (IoU, NMS) and crops: the only place with affine maths.

One pixel convention everywhere: (0, 0) is the centre of the top-left pixel, so an image of width W
spans -0.5 … W - 0.5. Boxes and landmarks are in this frame, in the image as in the crop.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from facealign.types import Box, Pixels, Points

Matrix = NDArray[np.float64]
Boxes = NDArray[np.float32]
"""(N, 4) x0, y0, x1, y1."""
Row = tuple[float, float, float]
Affine = tuple[float, ...]
"""The rows of a (2, 3) matrix: for six numbers Python is several times as fast as NumPy."""
BLOCK = 64
"""Boxes that non-maximum suppression compares with those near them at a time: it bounds memory."""
MOST_PIXELS = 1e9
"""No photo is this wide: a greater coordinate means a damaged file."""


def to_box(values: ArrayLike) -> Box:
    """`values` as a box, checked.

    Raises:
        ValueError: not four finite numbers x0 y0 x1 y1 with x0 < x1 and y0 < y1.
    """
    box = numbers(values).astype(np.float32)
    if box.shape != (4,):
        raise ValueError(f"a box is four numbers x0 y0 x1 y1, not an array of shape {box.shape}")
    if not (np.abs(box) <= MOST_PIXELS).all():  # also false of NaN
        raise ValueError(
            f"box {box.tolist()} holds a number that is not finite, or too large for a pixel"
        )
    if not (box[0] < box[2] and box[1] < box[3]):
        raise ValueError(f"box {box.tolist()} is empty: it needs x0 < x1 and y0 < y1")
    return box


def numbers(values: ArrayLike) -> NDArray[np.float64]:
    """`values` as an array; what is too large for float32 is infinite in it.

    Raises:
        ValueError: they are no numbers, or not of one shape.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (OverflowError, TypeError) as error:
        raise ValueError(f"{str(values)[:80]} is not made of numbers ({error})") from None
    return np.where(np.abs(array) > np.finfo(np.float32).max, np.inf, array)


def whole_image_box(width: int, height: int) -> Box:
    """The box that holds the whole image."""
    return np.array([-0.5, -0.5, width - 0.5, height - 0.5], dtype=np.float32)


def box_size(box: Box) -> float:
    """√(width · height) in pixels: the size of a box, by which AFLW normalises."""
    return math.sqrt(float(box[2] - box[0]) * float(box[3] - box[1]))


def box_of_points(points: Points) -> Box:
    """The tightest box around the points. A box of the true points reveals the answer: say so."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)


def nms(boxes: Boxes, scores: NDArray[np.float32], max_iou: float) -> NDArray[np.intp]:
    """Non-maximum suppression: the indices to keep, the highest score first.

    A box is dropped when its intersection over union with a better one exceeds `max_iou`.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, kept = boxes[order], np.ones(len(order), bool)
    by_left = np.argsort(ranked[:, 0], kind="stable")
    left = ranked[by_left, 0]
    # Boxes that overlap by more than `max_iou` differ in width by a factor of at most 1 / max_iou,
    # so only those whose left sides are close need comparing: few of a large photo's thousands.
    reach = (ranked[:, 2] - ranked[:, 0]) / max(max_iou, 1e-6)
    first = np.searchsorted(left, ranked[:, 0] - reach)
    counts = np.searchsorted(left, ranked[:, 2], "right") - first
    for start in range(0, len(order), BLOCK):
        near = counts[start : start + BLOCK]
        rows = np.repeat(np.arange(start, start + len(near)), near)
        starts = np.cumsum(near) - near - first[start : start + BLOCK]
        others = by_left[np.arange(len(rows)) - np.repeat(starts, near)]
        over = (others > rows) & (iou(ranked[rows], ranked[others]) > max_iou)
        for i, j in zip(rows[over].tolist(), others[over].tolist(), strict=True):
            if kept[i]:
                kept[j] = False
    return order[kept]


def iou(box: NDArray[Any], others: Boxes) -> NDArray[np.float32]:
    """Intersection over union of one box (4,) with others (N, 4), or of each (N, 4) with its own.

    Returns:
        (N,) in 0..1.
    """
    sides = np.minimum(box[..., 2:], others[:, 2:]) - np.maximum(box[..., :2], others[:, :2])
    shared = np.maximum(sides[..., 0], 0) * np.maximum(sides[..., 1], 0)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    own = (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])
    return np.asarray(shared / np.maximum(own + areas - shared, 1e-12), dtype=np.float32)


def turned_back(boxes: NDArray[Any], quarter: int, width: int, height: int) -> NDArray[Any]:
    """Boxes (N, 4) of a photo turned 1 to 3 quarters counterclockwise, in pixels of the photo."""
    x0, y0, x1, y1 = boxes.T
    right, bottom = width - 1, height - 1
    edges = {
        1: (right - y1, x0, right - y0, x1),
        2: (right - x1, bottom - y1, right - x0, bottom - y0),
        3: (y0, bottom - x1, y1, bottom - x0),
    }
    return np.stack(edges[quarter], axis=1)


class Part(NamedTuple):
    """A part of an image, from its pixel (x0, y0) on, reduced by a whole factor."""

    picture: Image.Image
    x0: int
    y0: int
    factor: int


@dataclass(frozen=True, eq=False)
class CropTransform:
    """From image pixels to crop pixels and back: a similarity (rotation, scale, shift), no shear.

    Attributes:
        matrix: (2, 3) float64, image pixels → crop pixels.
        size: side of the square crop in pixels.
    """

    matrix: Matrix
    size: int

    @classmethod
    def from_box(cls, box: Box, size: int, margin: float, angle: float = 0.0) -> "CropTransform":
        """The upright square around a box.

        Args:
            box: (4,) x0 y0 x1 y1 in image pixels.
            size: side of the crop in pixels.
            margin: added on each side, as a fraction of the box size √(w·h).
            angle: degrees by which the face leans clockwise in the photo; the crop undoes it.
        """
        centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
        return cls.from_square(centre, box_size(box) * (1 + 2 * margin), size, angle)

    @classmethod
    def from_square(
        cls, centre: tuple[float, float], side: float, size: int, angle: float = 0.0
    ) -> "CropTransform":
        """The square of `side` image pixels around `centre`, turned by `angle` degrees."""
        scale = size / side
        c, s = math.cos(math.radians(angle)) * scale, math.sin(math.radians(angle)) * scale
        (x, y), middle = centre, (size - 1) / 2
        rows = [[c, s, middle - (c * x + s * y)], [-s, c, middle - (c * y - s * x)]]
        return cls(np.array(rows), size)

    @classmethod
    def from_points(cls, points: Points, template: Points, size: int) -> "CropTransform":
        """The similarity that brings points nearest to a template by least squares; no mirroring.

        Args:
            points: (n, 2) x y in image pixels.
            template: (n, 2) their places, x y in crop pixels.
            size: side of the crop in pixels.

        Raises:
            ValueError: the points all coincide, or those of the template do.
        """
        source, target = (  # (n,) numbers x + yi, copies
            np.array(places, dtype=np.float64, order="C").view(np.complex128)[:, 0]
            for places in (points, template)
        )
        middle, goal = complex(source.mean()), complex(target.mean())
        source -= middle
        target -= goal
        spread = float(np.vdot(source, source).real)
        if not (spread > 0 and np.vdot(target, target).real > 0):
            raise ValueError("points that all coincide, or are not finite, fit no template")
        turn = complex(np.vdot(source, target)) / spread  # a product turns and scales
        shift = goal - turn * middle
        rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
        return cls(np.array(rows), size)

    @property
    def scale(self) -> float:
        """Crop pixels per image pixel."""
        return math.hypot(self.matrix[0, 0], self.matrix[1, 0])

    def resized(self, size: int) -> "CropTransform":
        """The same part of the image in a crop of another size."""
        ratio = size / self.size
        shift = self.matrix[:, 2] * ratio + (ratio - 1) / 2
        return CropTransform(np.column_stack([self.matrix[:, :2] * ratio, shift]), size)

    def shifted(self, x: float, y: float) -> "CropTransform":
        """The crop whose content is moved by `x`, `y` crop pixels."""
        return CropTransform(self.matrix + np.array([[0.0, 0.0, x], [0.0, 0.0, y]]), self.size)

    @property
    def angle(self) -> float:
        """Degrees by which a face that is upright in the crop leans clockwise in the image."""
        return math.degrees(math.atan2(self.matrix[0, 1], self.matrix[0, 0]))

    def inverse_matrix(self) -> Matrix:
        """(2, 3) float64, crop pixels → image pixels."""
        return np.array(self._inverse)

    @cached_property
    def _inverse(self) -> tuple[Row, Row]:
        a, b, x, c, d, y = inverse(tuple(self.matrix.ravel().tolist()))
        return (a, b, x), (c, d, y)

    def to_crop(self, points: Points) -> Points:
        """Points (..., 2) from image pixels to crop pixels."""
        return _apply(self.matrix, points)

    def to_image(self, points: Points) -> Points:
        """Points (..., 2) from crop pixels to image pixels."""
        return _apply(self.inverse_matrix(), points)

    def warp(self, image: Pixels) -> Pixels:
        """The crop of an (H, W, 3) uint8 image, antialiased; black outside the image."""
        part = self.part(image)
        if part is None:
            return np.zeros((self.size, self.size, 3), np.uint8)
        return np.asarray(self.cut(part))

    def part(self, image: Pixels, factor: int = 0) -> Part | None:
        """What the crop can see of an image, reduced by a factor; None if it lies outside.

        Without a factor by the largest one that leaves the crop a pixel for each of its own.
        """
        x0, y0, x1, y1 = self._region(image.shape[1], image.shape[0])
        if x0 >= x1 or y0 >= y1:
            return None
        factor = min(factor or max(1, int(1 / self.scale)), max(x1 - x0, y1 - y0))
        # Reducing by a whole factor first keeps fine texture from aliasing in the bilinear step.
        part = Image.fromarray(np.ascontiguousarray(image[y0:y1, x0:x1]))
        return Part(part.reduce(factor) if factor > 1 else part, x0, y0, factor)

    def cut(self, part: Part) -> Image.Image:
        """The crop out of a part of an image, in its mode; black outside the part."""
        data = self._to_part(part.x0, part.y0, part.factor)
        size, affine = (self.size, self.size), Image.Transform.AFFINE
        return part.picture.transform(size, affine, data, Image.Resampling.BILINEAR)

    def _region(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The pixels of the image that the crop can see: x0, y0, x1, y1, the last exclusive."""
        pad = 1 + 1 / self.scale
        (x0, x1), (y0, y1) = (self._seen(row, pad) for row in self._inverse)
        within = min(max(x0, 0), width), min(max(y0, 0), height)
        return *within, min(max(x1, 0), width), min(max(y1, 0), height)

    def _seen(self, row: Row, pad: float) -> tuple[int, int]:
        """The range of the corners of the crop along one side of the image, extended by `pad`."""
        a, b, shift = row
        ends = (-0.5, self.size - 0.5)
        places = [float(np.float32(a * u + b * v + shift)) for u in ends for v in ends]
        return math.floor(min(places) - pad), math.ceil(max(places) + pad) + 1

    def _to_part(self, x0: int, y0: int, factor: int) -> tuple[float, ...]:
        """Crop → reduced part of the image, in Pillow's frame: the corner of a pixel at (0, 0)."""
        # Pillow passes pixel centres (u + ½) to the matrix and takes the result as x + ½.
        rows = zip(self._inverse, (x0, y0), strict=True)
        shifted = [(a, b, shift - (a + b) / 2 + 0.5 - start) for (a, b, shift), start in rows]
        return tuple(value / factor for row in shifted for value in row)


def _apply(matrix: Matrix, points: ArrayLike) -> Points:
    moved = np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return moved.astype(np.float32)


def inverse(affine: Affine) -> Affine:
    """The map back.

    Raises:
        ZeroDivisionError: it folds the plane into a line.
    """
    a, b, x, c, d, y = affine
    size = a * d - b * c
    return d / size, -b / size, (b * y - d * x) / size, -c / size, a / size, (c * x - a * y) / size
