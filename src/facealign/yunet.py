"""YuNet, the bundled face detector, on ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facealign.detector import Detections
from facealign.errors import ModelError, SettingsError
from facealign.exposure import brighten
from facealign.geometry import nms
from facealign.models import WEIGHTS, checked
from facealign.session import Session
from facealign.types import Pixels

Array = NDArray[np.float32]


class YuNet:
    """The bundled face detector: OpenCV Zoo's YuNet (2023mar, MIT) on ONNX Runtime, offline.

    The network finds faces of about 10 to 300 pixels. Larger images are therefore searched at
    several scales: the first fits the whole image into `COARSE` pixels, each next one is four
    times finer, until a face of `min_face` pixels is large enough. A fine scale only contributes
    faces below `SURE` pixels on the scale before, so that no eye or mouth of a large face counts as
    a face. Fine scales are cut into overlapping tiles, which bounds memory for any image size.

    The box of YuNet itself starts at the hairline. Returned is the square from the brows to the
    chin, like 300W's official boxes: `LOWER` box sizes lower and `NARROWER` times as large, the
    means over the 2,012 faces of 300W's training part (standard deviations 0.04 and 0.06).

    Args:
        min_score: drop faces with a lower score, 0..1.
        min_face: side of the smallest face to look for, in image pixels. A larger value is faster
            on large photos.
        threads: of ONNX Runtime; None leaves the choice to it.
        path: another file of the same network.
        providers: as of `FaceAligner`.

    Raises:
        ModelError: the file is missing, damaged or not a YuNet.
        SettingsError: `threads` is below 1, or `min_face` or `min_score` out of range.

    """

    SHA256 = "f6dc65eea5bf24eb082dd7363e2e21f5cceb284abd3c3582986ae1f07bc57008"
    COARSE = 640
    LOWER, NARROWER = 0.139, 0.872
    TILE = 1280
    OVERLAP = 192
    SMALLEST = 16.0
    SURE = 24.0
    STRIDES = (8, 16, 32)
    MAX_OVERLAP = 0.4

    def __init__(
        self,
        min_score: float = 0.7,
        min_face: float = 20.0,
        threads: int | None = None,
        path: str | Path | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        if not (0 < min_face < math.inf and 0 <= min_score <= 1):
            raise SettingsError(
                f"min_face must be a number of pixels above 0, min_score one in 0..1; not "
                f"{min_face} and {min_score}"
            )
        self.min_score = min_score
        self.min_face = min_face
        file = Path(path) if path else self.bundled_file()
        self._session = Session(file, threads, providers)
        self._outputs = [f"{k}_{s}" for s in self.STRIDES for k in ("cls", "obj", "bbox")]
        if not set(self._outputs) <= set(self._session.outputs):
            raise ModelError(f"{file}: not a YuNet face detector")

    @classmethod
    def bundled_file(cls) -> Path:
        """The network file that comes with facealign.

        Raises:
            ModelError: it is missing or damaged.

        """
        return checked(WEIGHTS / "yunet.onnx", cls.SHA256)

    def detect(self, image: Pixels) -> Detections:
        """Find faces in an (H, W, 3) RGB uint8 image; the highest score first."""
        image = brighten(image)
        scales = self._scales(*image.shape[:2])
        limits = [math.inf, *(self.SURE / scale for scale in scales)]
        found = [self._search(image, *level) for level in zip(scales, limits, strict=False)]
        boxes = np.concatenate([boxes for boxes, _ in found])
        scores = np.concatenate([scores for _, scores in found])
        keep = nms(boxes, scores, self.MAX_OVERLAP)
        return Detections(self._face_squares(boxes[keep]), scores[keep])

    def _face_squares(self, boxes: Array) -> Array:
        """YuNet's boxes (N, 4) → squares (N, 4) from the brows to the chin."""
        size = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
        x = (boxes[:, 0] + boxes[:, 2]) / 2
        y = (boxes[:, 1] + boxes[:, 3]) / 2 + self.LOWER * size
        half = self.NARROWER * size / 2
        return np.stack([x - half, y - half, x + half, y + half], axis=1).astype(np.float32)

    def _scales(self, height: int, width: int) -> list[float]:
        finest = min(1.0, self.SMALLEST / max(self.min_face, 1e-6))
        scales = [min(1.0, self.COARSE / max(height, width))]
        while scales[-1] < finest:
            scales.append(min(finest, scales[-1] * 4))
        return scales

    def _search(self, image: Pixels, scale: float, largest: float) -> tuple[Array, Array]:
        """Boxes (N, 4) below `largest` pixels and scores (N,), on the image reduced by `scale`."""
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        per_pixel = np.array([image.shape[1] / width, image.shape[0] / height] * 2)
        boxes, scores = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        for x, y, w, h in _tiles(width, height, self.TILE, self.OVERLAP):
            tile = _reduced(image, (x, y, w, h), per_pixel)
            inside, certain = self._run_tile(tile)
            edges = (inside + np.array([x, y, x, y])) * per_pixel
            small = (edges[:, 2:] - edges[:, :2]).max(axis=1) < largest
            boxes.append((edges[small] - 0.5).astype(np.float32))
            scores.append(certain[small])
        return np.concatenate(boxes), np.concatenate(scores)

    def _run_tile(self, tile: Pixels) -> tuple[NDArray[np.float64], Array]:
        height, width = tile.shape[:2]
        padded = np.empty((1, 3, _ceil32(height), _ceil32(width)), np.float32)
        padded[0, :, :height, :width] = tile[..., ::-1].transpose(2, 0, 1)  # the network takes BGR
        padded[:, :, height:] = padded[:, :, :, width:] = 0
        values = self._session.run(self._outputs, {"input": padded})
        columns = padded.shape[3]
        parts = [
            decode(values[3 * i : 3 * i + 3], stride, columns // stride, self.min_score)
            for i, stride in enumerate(self.STRIDES)
        ]
        return np.concatenate([b for b, _ in parts]), np.concatenate([s for _, s in parts])


def decode(
    values: Sequence[Array], stride: int, columns: int, min_score: float
) -> tuple[NDArray[np.float64], Array]:
    """Boxes of one stride of YuNet.

    Each cell (row r, column c) gives the score √(cls·obj) and a box with the centre
    ((c + dx)·stride, (r + dy)·stride) and the sides exp(w)·stride, exp(h)·stride.

    Args:
        values: cls and obj (1, cells, 1), in 0..1; offsets (1, cells, 4), dx dy w h.
        stride: pixels per cell.
        columns: cells per row.
        min_score: drop cells with a lower score.

    Returns:
        (N, 4) boxes in pixels from the tile's outer corner, (N,) scores.

    """
    classes, objects, offsets = values
    scores = np.sqrt(np.clip(classes[0, :, 0], 0, 1) * np.clip(objects[0, :, 0], 0, 1))
    cells = np.flatnonzero(scores >= min_score)
    dx, dy, w, h = offsets[0, cells].astype(np.float64).T
    x, y = (cells % columns + dx) * stride, (cells // columns + dy) * stride
    half_w, half_h = np.exp(w) * stride / 2, np.exp(h) * stride / 2
    return np.stack([x - half_w, y - half_h, x + half_w, y + half_h], axis=1), scores[cells]


def _tiles(width: int, height: int, tile: int, overlap: int) -> Iterator[tuple[int, int, int, int]]:
    for y in _starts(height, tile, overlap):
        for x in _starts(width, tile, overlap):
            yield x, y, min(tile, width - x), min(tile, height - y)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Start of each tile, so that they cover `length` and neighbours share at least `overlap`."""
    if length <= tile:
        return [0]
    count = math.ceil((length - overlap) / (tile - overlap))
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def _reduced(
    image: Pixels, tile: tuple[int, int, int, int], per_pixel: NDArray[np.float64]
) -> Pixels:
    """One tile (x, y, w, h in reduced pixels) of the image, reduced with antialiasing."""
    x, y, w, h = tile
    x0, y0, x1, y1 = np.array([x, y, x + w, y + h]) * per_pixel
    left, top = math.floor(x0), math.floor(y0)
    part = image[top : math.ceil(y1), left : math.ceil(x1)]
    if part.shape[:2] == (h, w):
        return part
    # Pillow refuses a box that ends a rounding error past the image.
    box = (
        x0 - left,
        y0 - top,
        min(x1 - left, float(part.shape[1])),
        min(y1 - top, float(part.shape[0])),
    )
    picture = Image.fromarray(np.ascontiguousarray(part))
    return np.asarray(picture.resize((w, h), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0))


def _ceil32(length: int) -> int:
    return -(-length // 32) * 32
