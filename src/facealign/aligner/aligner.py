"""`FaceAligner`: image (and boxes) → list of faces."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from facealign.aligner.found import Found, find_faces
from facealign.aligner.landmarker import BATCH, SHIFTS, Landmarker
from facealign.aligner.many import Room, core_count, in_batches, map_ordered, photo_result
from facealign.detector import Detections, Detector, WholeImage
from facealign.errors import FaceAlignError, SettingsError
from facealign.face import Face, ImageResult
from facealign.geometry import numbers, to_box
from facealign.image import Color, ImageSource, open_image, read_image
from facealign.markup import own_scheme, scheme_of_dict
from facealign.models import model_path
from facealign.types import MOST_THREADS, Pixels
from facealign.yunet import YuNet


class FaceAligner:
    """Landmarks for every face of a photo. Make one, use it for many photos, from many threads.

    A `with` statement closes it.

    Args:
        model: name of a bundled model, or a path to an exported one.
        detector: "yunet" (bundled), "whole-image" (every image is one tight face crop), or any
            object with the `Detector` protocol's `detect`.
        threads: of ONNX Runtime; None leaves the choice to it.
        max_faces: keep this many faces with the highest detector scores; None keeps all.
        turned_faces: search a photo without a sure face again, at other angles; and look at a face
            that the network doubts from all four sides. For 98 in 100 upright faces it is free.
        leaning_faces: look again, with the crop turned upright, at a face that leans by more than
            25 degrees.
        min_confidence: drop detected faces with a lower `Face.confidence`, 0..1. Faces in boxes
            from the caller are kept.
        markup: the point scheme of the landmarks: that of one of the model's heads
            (`facts.markups`), or one that `Face.to` can convert it to; None takes the first head's.
        providers: execution providers of ONNX Runtime, such as `models.DEVICES["cuda"]`, for the
            network and the bundled detector; None is the CPU.

    It may be pickled, and used after a fork: the other process opens the networks itself.

    Raises:
        ModelError: the model is missing, damaged or not one of ours.
        SettingsError: `threads` or `max_faces` is below 1, `min_confidence` is not in 0..1, the
            detector is unknown, or the model cannot give the points of `markup`, or the first of
            `providers` cannot be used.
    """

    def __init__(
        self,
        model: str | Path = "default",
        detector: str | Detector = "yunet",
        threads: int | None = None,
        max_faces: int | None = None,
        turned_faces: bool = True,
        leaning_faces: bool = True,
        markup: str | None = None,
        providers: Sequence[str] | None = None,
        min_confidence: float = 0.0,
    ) -> None:
        if max_faces is not None and max_faces < 1:
            raise SettingsError(f"max_faces must be 1 or more, or None for all; not {max_faces}")
        if not 0 <= min_confidence <= 1:
            raise SettingsError(f"min_confidence is 0 to 1, not {min_confidence}")
        self.max_faces, self.min_confidence = max_faces, min_confidence
        self._turned_faces = turned_faces
        ways = {"leaning": leaning_faces, "turned": turned_faces}
        landmarker = Landmarker(model_path(model), threads, markup, providers, **ways)
        self.facts = landmarker.facts
        self._markup = landmarker.markup
        parts = landmarker, _detector(detector, threads, providers)
        self._parts: tuple[Landmarker, Detector] | None = parts

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_scheme": own_scheme(self._markup)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if scheme := state.pop("_scheme"):  # one that the other process may not know
            scheme_of_dict(scheme, self.__class__.__name__)
        self.__dict__.update(state)

    @property
    def markup(self) -> str:
        """Name of the point scheme of the landmarks."""
        return self._markup

    def close(self) -> None:
        """Release the networks; calls in progress in other threads finish normally."""
        self._parts = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def align(
        self,
        source: ImageSource,
        boxes: ArrayLike | None = None,
        attention: bool = False,
        color: Color = "rgb",
    ) -> list[Face]:
        """The faces of one image, the highest score first; empty if there is none.

        Args:
            source: a path, an encoded file's bytes, a Pillow image, or an array.
            boxes: (N, 4) x0 y0 x1 y1 in image pixels: align one face in each, in this order,
                without the detector. A box reaches from the brows to the chin, ear to ear.
            attention: also return the attention maps.
            color: the order of an array's channels: "rgb", or "bgr" as OpenCV reads them.

        Raises:
            FaceAlignError: the aligner is closed.
            ImageError: the source cannot be read as an image.
            ValueError: the boxes are not (N, 4), not finite, or empty; or `color` is neither.
        """
        landmarker, _ = self._opened()
        image = read_image(source, color)
        if boxes is not None:
            return landmarker.align([_from_boxes(image, boxes)], attention)[0]
        return self._sure(landmarker.align([self.detect(image)], attention)[0])

    def _sure(self, faces: list[Face]) -> list[Face]:
        least = self.min_confidence
        return [face for face in faces if face.confidence is None or face.confidence >= least]

    def align_batch(
        self, sources: Iterable[ImageSource], batch_size: int = BATCH, color: Color = "rgb"
    ) -> Iterator[list[Face]]:
        """The faces of each image, in order; faces of several images share one run of the network.

        Args:
            sources: as `align` takes them; read only as needed for the next batch.
            batch_size: the largest number of faces in a run of the network; fewer share one where
                the photos that wait for it have more than 100 million pixels together.
            color: as in `align`.

        Raises:
            FaceAlignError: the aligner is closed.
            ImageError: a source cannot be read as an image; `stream` continues after one.
            SettingsError: `batch_size` is below 1.
        """
        if batch_size < 1:
            raise SettingsError(f"batch_size must be 1 or more, not {batch_size}")
        self._opened()
        photos = (open_image(source, color) for source in sources)

        def look(images: list[Found]) -> list[list[Face]]:
            return self._opened()[0].align(images, batch=batch_size)

        return map(self._sure, in_batches(photos, self.detect, look, batch_size))

    def stream(
        self, paths: Iterable[str | os.PathLike[str]], workers: int | None = None
    ) -> Iterator[ImageResult]:
        """The result of each file, in order; decoding, detecting and aligning overlap.

        A file that fails gives a result with an `error`, whatever was raised, and the others are
        not affected (FACEALIGN_DEBUG=1 in the environment lets bugs through). Each worker holds one
        image, all of them together as many pixels as half of the memory takes; at most 32 results
        per worker wait for their turn. Make the aligner with `threads=1`: the workers are its
        threads.

        Args:
            paths: image files; read only as the workers need them.
            workers: threads; None takes one for each core that this process may use.

        Raises:
            FaceAlignError: the aligner is closed.
            SettingsError: `workers` is below 1 or above 1024.
        """
        count = core_count() if workers is None else workers
        if not 1 <= count <= MOST_THREADS:
            raise SettingsError(f"workers must be 1 to {MOST_THREADS}, not {workers}")
        self._opened()
        return map_ordered(partial(self._result, Room()), paths, count)

    def _result(self, room: Room, path: str | os.PathLike[str]) -> ImageResult:
        name = os.fspath(path)
        result = photo_result(name, lambda: path, lambda _, image: self.align(image), room)
        if result.error is not None:
            self._opened()  # a closed aligner is not the fault of this file
        return result

    def _opened(self) -> tuple[Landmarker, Detector]:
        if (parts := self._parts) is None:
            raise FaceAlignError("this FaceAligner is closed: make a new one")
        return parts

    def detect(self, image: Pixels) -> Found:
        """The faces that the detector finds in an (H, W, 3) RGB uint8 image, without landmarks.

        Raises:
            FaceAlignError: the aligner is closed.
        """
        detector = self._opened()[1]
        found, angles = find_faces(detector, image, self._turned_faces)
        kept = slice(self.max_faces)
        lower = YuNet.LOWER / YuNet.NARROWER if isinstance(detector, YuNet) else 0.0
        certain = not isinstance(detector, YuNet)  # of the others' scores nothing is known
        return Found(image, found.boxes[kept], found.scores[kept], angles[kept], lower, certain)

    def look(self, found: Found, looks: int = 1) -> list[Face]:
        """The faces with landmarks of what `detect` or an earlier frame found, in the same order.

        Args:
            found: an image, and the boxes and angles of the faces in it.
            looks: 1, or 2 for the mean of two slightly shifted crops: steadier points for twice
                the time of the network.

        Raises:
            FaceAlignError: the aligner is closed.
            SettingsError: `looks` is neither.
        """
        if looks not in SHIFTS:
            raise SettingsError(f"looks must be 1 or 2, not {looks}")
        return self._opened()[0].align([replace(found, certain=True)], looks=looks)[0]


_default_aligner = cache(FaceAligner)


def align(source: ImageSource, boxes: ArrayLike | None = None) -> list[Face]:
    """The faces of one photo, by the default model and detector; empty if there is none.

    See `FaceAligner.align`. The model is opened by the first call and kept.

    Raises:
        ImageError: the source cannot be read as an image.
    """
    return _default_aligner().align(source, boxes)


def _detector(
    detector: str | Detector, threads: int | None, providers: Sequence[str] | None
) -> Detector:
    if detector == "yunet":
        return YuNet(threads=threads, providers=providers)
    if detector == "whole-image":
        return WholeImage()
    if isinstance(detector, str) or not callable(getattr(detector, "detect", None)):
        raise SettingsError(
            f'unknown detector "{detector}": choose yunet or whole-image, or give an object with '
            "detect(image)"
        )
    return detector


def _from_boxes(image: Pixels, boxes: ArrayLike) -> Found:
    rows = numbers(boxes)
    if rows.size == 0:
        none = Detections.none()
        return Found(image, none.boxes, none.scores, none.scores)
    if rows.ndim != 2:
        raise ValueError(f"boxes must be (N, 4) numbers x0 y0 x1 y1, not of shape {rows.shape}")
    ones = np.ones(len(rows), np.float32)
    return Found(image, np.stack([to_box(row) for row in rows]), ones, 0 * ones)
