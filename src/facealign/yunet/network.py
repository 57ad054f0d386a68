"""The network of YuNet on ONNX Runtime: pictures, made smaller → boxes and scores."""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facealign.errors import ModelError
from facealign.session import Session
from facealign.types import Doubles, Floats, Pixels

STRIDES = (8, 16, 32)
"""Pixels per cell, for each of the three outputs."""
TILE, OVERLAP = 1280, 192
"""Larger pictures are cut into tiles of this side, which bounds memory; neighbours share `OVERLAP`,
the largest face that a tile's edge cannot hide."""
BATCH = 32
"""Patches per run of the network."""
STRIP = 64
"""Rows of a smaller picture that are made at a time: they stay in the processor's cache."""

Boxes = Doubles


class Network:
    """Boxes and scores of pictures, in pixels from the outer corner of each.

    Args:
        file: of the network.
        threads: of ONNX Runtime; None leaves the choice to it.
        providers: as of `FaceAligner`.

    Raises:
        ModelError: the file is missing, damaged or not a YuNet.
        SettingsError: `threads` is below 1.
    """

    def __init__(
        self, file: Path, threads: int | None, providers: Sequence[str] | None = None
    ) -> None:
        self._session = Session(file, threads, providers)
        self._outputs = [f"{kind}_{s}" for s in STRIDES for kind in ("cls", "obj", "bbox")]
        if not set(self._outputs) <= set(self._session.outputs):
            raise ModelError(f"{file}: not a YuNet face detector")

    def search(self, picture: Pixels, min_score: float) -> tuple[Boxes, Floats]:
        """Every box (N, 4) of at least this score, and the scores (N,)."""
        boxes, scores = [], []
        for x, y, w, h in tiles(picture.shape[1], picture.shape[0]):
            for stride, columns, values in self.run([picture[y : y + h, x : x + w]]):
                inside, certain = decode([v[0] for v in values], stride, columns, min_score)
                boxes.append(inside + np.array([x, y, x, y]))
                scores.append(certain)
        return np.concatenate(boxes), np.concatenate(scores)

    def surest(self, patches: Sequence[Pixels], astray: float) -> tuple[Boxes, Floats]:
        """The surest box (N, 4) near the centre of each square patch, and its score (N,).

        Args:
            patches: of one size.
            astray: how far apart the centres of box and patch may be, in sides of the patch.
        """
        boxes, scores = np.zeros((len(patches), 4)), np.full(len(patches), -1, np.float32)
        for first in range(0, len(patches), BATCH):
            rows = slice(first, first + BATCH)
            for stride, columns, values in self.run(patches[rows]):
                cells = middle_cells(columns, astray)
                classes, objects, offsets = (value[:, cells] for value in values)
                certain = _scores(classes, objects)
                best = certain.argmax(axis=1)
                n = np.flatnonzero(certain.max(axis=1) > scores[rows])
                scores[rows][n] = certain[n, best[n]]
                boxes[rows][n] = _boxes(offsets[n, best[n]], cells[best[n]], stride, columns)
        return boxes, scores

    def run(self, pictures: Sequence[Pixels]) -> list[tuple[int, int, list[Floats]]]:
        """For pictures (H, W, 3) of one size, per stride: it, the columns of cells, the values.

        The values are cls and obj (B, cells, 1), in 0..1, and bbox (B, cells, 4).
        """
        height, width = pictures[0].shape[:2]
        sides = (-(-side // 32) * 32 for side in (height, width))
        padded = np.zeros((len(pictures), 3, *sides), np.float32)
        for planes, picture in zip(padded, pictures, strict=True):
            planes[:, :height, :width] = picture[..., ::-1].transpose(2, 0, 1)  # it takes BGR
        values = self._session.run(self._outputs, {"input": padded})
        columns = padded.shape[3]
        return [(s, columns // s, values[3 * i : 3 * i + 3]) for i, s in enumerate(STRIDES)]


def decode(
    values: Sequence[Floats], stride: int, columns: int, min_score: float
) -> tuple[Boxes, Floats]:
    """Boxes of one stride of YuNet.

    Each cell (row r, column c) gives the score √(cls·obj) and a box with the centre
    ((c + dx)·stride, (r + dy)·stride) and the sides exp(w)·stride, exp(h)·stride.

    Args:
        values: cls and obj (cells, 1), in 0..1; offsets (cells, 4), dx dy w h.
        stride: pixels per cell.
        columns: cells per row.
        min_score: drop cells with a lower score.

    Returns:
        (N, 4) boxes in pixels from the picture's outer corner, (N,) scores.
    """
    classes, objects, offsets = values
    scores = _scores(classes, objects)
    cells = np.flatnonzero(scores >= min_score)
    return _boxes(offsets[cells], cells, stride, columns), scores[cells]


def _scores(classes: Floats, objects: Floats) -> Floats:
    """(..., 1) each → (...)."""
    return np.asarray(np.sqrt(np.clip(classes[..., 0], 0, 1) * np.clip(objects[..., 0], 0, 1)))


def _boxes(offsets: Floats, cells: NDArray[np.intp], stride: int, columns: int) -> Boxes:
    dx, dy, w, h = offsets.astype(np.float64).T
    x, y = (cells % columns + dx) * stride, (cells // columns + dy) * stride
    half_w, half_h = np.exp(w) * stride / 2, np.exp(h) * stride / 2
    return np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1)


@cache
def middle_cells(side: int, astray: float) -> NDArray[np.intp]:
    """Of side × side cells, those whose centre is at most `astray` sides from the grid's centre."""
    near = np.abs((np.arange(side) + 0.5) / side - 0.5) <= astray
    return np.flatnonzero(near[:, None] & near)


def tiles(
    width: int, height: int, most: int = TILE, overlap: int = OVERLAP
) -> Iterator[tuple[int, int, int, int]]:
    """Tiles (x, y, w, h) that cover a picture, as few and as small as can be."""
    for y, h in spans(height, most, overlap):
        for x, w in spans(width, most, overlap):
            yield x, y, w, h


def spans(length: int, most: int, overlap: int) -> list[tuple[int, int]]:
    """Start and length of equal parts that cover `length` and share at least `overlap`."""
    if length <= most:
        return [(0, length)]
    count = math.ceil((length - overlap) / (most - overlap))
    part = math.ceil((length + (count - 1) * overlap) / count)
    return [(round(i * (length - part) / (count - 1)), part) for i in range(count)]


def reduced(image: Pixels, factor: int) -> Pixels:
    """The means of squares of `factor` × `factor` pixels; those at the edges may be smaller.

    The values are those of Pillow's `reduce`. By two, the usual factor, they are computed here in
    half of its time, and lie in memory channel by channel, as the network wants them.

    Args:
        image: (H, W, 3).
        factor: 1 or more.
    """
    if factor == 1:
        return image
    if factor == 2:
        return _halved(image)
    if image.strides[1] == 1:  # by channels already
        planes = image.transpose(2, 0, 1)
        small = [np.asarray(Image.fromarray(plane).reduce(factor)) for plane in planes]
        return np.stack(small).transpose(1, 2, 0)
    return np.asarray(Image.fromarray(image).reduce(factor))


def _halved(image: Pixels) -> Pixels:
    height, width = -(-image.shape[0] // 2), -(-image.shape[1] // 2)
    planes = np.empty((3, height, width), np.uint8)
    for first in range(0, height, STRIP):
        rows = image[2 * first : 2 * (first + STRIP)]
        above, below = rows[::2], rows[1::2]
        if len(below) < len(above):  # the last row alone: the mean with itself is the same
            below = np.concatenate([below, above[-1:]])
        sums = np.add(above, below, dtype=np.uint16)
        if image.shape[1] % 2:
            sums = np.concatenate([sums, sums[:, -1:]], axis=1)
        pairs = sums.reshape(len(above), width, 6)
        for channel, plane in enumerate(planes):
            plane[first : first + STRIP] = (pairs[..., channel] + pairs[..., channel + 3] + 2) >> 2
    return planes.transpose(1, 2, 0)
