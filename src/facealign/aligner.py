"""Photo → faces: `FaceAligner` finds boxes, cuts crops, runs the network, maps points back."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facealign.detector import Detections, Detector, WholeImage, YuNet, open_session
from facealign.errors import FaceAlignError, ModelError
from facealign.geometry import CropTransform, to_box
from facealign.image import ImageSource, read_image
from facealign.models import ModelFacts, model_path
from facealign.types import Face, Pixels

BATCH = 32
"""Faces of one image that go through the network at once."""


class FaceAligner:
    """Landmarks for every face of a photo. Make one, use it for many photos, from many threads.

    Args:
        model: name of a bundled model, or a path to an exported one.
        detector: "yunet" (bundled), "whole-image" (every image is one tight face crop), or any
            object with the `Detector` protocol's `detect`.
        threads: of ONNX Runtime; None lets it choose.

    Raises:
        ModelError: the model is missing, damaged or not one of ours.

    """

    def __init__(
        self,
        model: str | Path = "default",
        detector: str | Detector = "yunet",
        threads: int | None = None,
    ) -> None:
        path = model_path(model)
        self._session = open_session(path, threads)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.facts = ModelFacts.from_metadata(metadata, str(path))
        self._detector = _detector(detector, threads)

    @property
    def markup(self) -> str:
        """Name of the point scheme of the landmarks."""
        return self.facts.markup

    def align(
        self, source: ImageSource, boxes: ArrayLike | None = None, attention: bool = False
    ) -> list[Face]:
        """The faces of one image, the most certain first; an empty list when there is none.

        Args:
            source: a path, an encoded file's bytes, a Pillow image, or an RGB array.
            boxes: (N, 4) x0 y0 x1 y1 in image pixels: one face is aligned in each, in this order,
                and no detector runs. A box runs from the brows to the chin, ear to ear.
            attention: also return the attention maps.

        Raises:
            ImageError: the source cannot be read as an image.
            ValueError: the boxes are not (N, 4), not finite or empty.

        """
        image = read_image(source)
        found = _checked(self._detector.detect(image)) if boxes is None else _given(boxes)
        transforms = [self._transform(box) for box in found.boxes]
        faces: list[Face] = []
        for first in range(0, len(found), BATCH):
            part = slice(first, first + BATCH)
            faces += self._align_part(image, transforms[part], found, first, attention)
        return faces

    def _transform(self, box: NDArray[np.float32]) -> CropTransform:
        return CropTransform.from_box(box, self.facts.input_size, self.facts.margin)

    def _align_part(
        self,
        image: Pixels,
        transforms: list[CropTransform],
        found: Detections,
        first: int,
        attention: bool,
    ) -> list[Face]:
        crops = np.stack([transform.warp(image) for transform in transforms])
        landmarks, maps = self._run(crops, attention)
        return [
            Face(
                box=found.boxes[first + i],
                score=float(found.scores[first + i]),
                landmarks=transform.to_image(landmarks[i]),
                markup=self.markup,
                attention=None if maps is None else maps[i],
            )
            for i, transform in enumerate(transforms)
        ]

    def _run(
        self, crops: NDArray[np.uint8], attention: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Crops (B, S, S, 3) → landmarks (B, K, 2) in crop pixels, attention (B, stages, S, S)."""
        scale = np.float32(1 / (255 * self.facts.std))
        image = crops.transpose(0, 3, 1, 2) * scale - np.float32(self.facts.mean / self.facts.std)
        names = ["landmarks", "attention"] if attention else ["landmarks"]
        if attention and len(self._session.get_outputs()) < 2:
            raise ModelError(f"the model {self.facts.name} has no attention maps")
        try:
            values = self._session.run(names, {"image": image})
        except Exception as error:
            raise ModelError(f"the model failed: {str(error).splitlines()[0]}") from None
        # The network counts from the crop's outer corner, half a pixel before the first centre.
        landmarks = values[0] * np.float32(self.facts.input_size) - np.float32(0.5)
        return landmarks, values[1] if attention else None


def align(source: ImageSource, boxes: ArrayLike | None = None) -> list[Face]:
    """The faces of one photo, by the default model and detector; empty when there is none.

    See `FaceAligner.align`. The model is opened at the first call and kept.

    Raises:
        ImageError: the source cannot be read as an image.

    """
    return _default_aligner().align(source, boxes)


@lru_cache(maxsize=1)
def _default_aligner() -> FaceAligner:
    return FaceAligner()


def _detector(detector: str | Detector, threads: int | None) -> Detector:
    if not isinstance(detector, str):
        return detector
    if detector == "yunet":
        return YuNet(threads=threads)
    if detector == "whole-image":
        return WholeImage()
    raise FaceAlignError(f'unknown detector "{detector}": choose yunet or whole-image')


def _checked(found: Detections) -> Detections:
    """What a detector found; one of the caller's own may give boxes that are none."""
    for box in found.boxes:
        to_box(box)
    return found


def _given(boxes: ArrayLike) -> Detections:
    rows = np.asarray(boxes, dtype=np.float64)
    if rows.size == 0:
        return Detections.none()
    if rows.ndim != 2:
        raise ValueError(f"boxes must be (N, 4) numbers x0 y0 x1 y1, not of shape {rows.shape}")
    return Detections(np.stack([to_box(row) for row in rows]), np.ones(len(rows), np.float32))
