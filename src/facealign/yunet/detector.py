"""Where in an image faces are looked for, and how closely: `YuNet`."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facealign.detector import Detections
from facealign.errors import SettingsError
from facealign.exposure import brighten
from facealign.geometry import CropTransform, nms, turned_back
from facealign.models import WEIGHTS, checked
from facealign.types import Box, Doubles, Floats, Pixels
from facealign.yunet.network import Network, reduced

QUARTERS = (1, 2, 3)
"""Quarter turns of an image in which no face is sure."""
HALVED = 2
"""A photo too small to be reduced is also searched at this reduction, where faces behind masks and
sunglasses are found."""
AROUND = 4
"""About how many cells per face are kept until boxes that overlap a surer one are dropped."""
MAX_OVERLAP = 0.4
"""Boxes that share more of their union belong to one face."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Possible faces, in image pixels.

    Attributes:
        boxes: (N, 4) float32, of YuNet itself.
        scores: (N,) float32.
        angles: (N,) float32, degrees by which it leans clockwise.
        small: (N,) whether it was seen small, so that a closer look pays.
    """

    boxes: Floats
    scores: Floats
    angles: Floats
    small: NDArray[np.bool_]

    def __getitem__(self, rows: NDArray[Any] | slice) -> "Candidates":
        return Candidates(*(values[rows] for values in vars(self).values()))

    def or_surer(self, others: "Candidates", margin: float = 0.0) -> "Candidates":
        """Each candidate, or that of the same row in `others` if it is surer by a margin."""
        surer = others.scores > self.scores + margin
        pairs = zip(vars(self).values(), vars(others).values(), strict=True)
        rows = (np.where(surer[:, None] if a.ndim > 1 else surer, b, a) for a, b in pairs)
        return Candidates(*rows)

    @classmethod
    def best_of(cls, *parts: "Candidates") -> "Candidates":
        """All candidates, the surest first, without those that overlap a surer one."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        joined = cls(*(np.concatenate(values) for values in columns))
        return joined[nms(joined.boxes, joined.scores, MAX_OVERLAP)]


class YuNet:
    """The bundled face detector: OpenCV Zoo's YuNet (2023mar, MIT) on ONNX Runtime, offline.

    An image is reduced, by a whole factor, until a face of `min_face` pixels has about `SMALLEST`,
    but not below `LEAST` pixels, and searched once. The network finds faces of about 10 to 300
    pixels: an image that is then still larger than `COARSE` is also searched at coarser scales,
    each at most `COARSER` times coarser than the next. A finer scale only contributes faces below
    `ROOMY` pixels on the scale before, so that no eye or mouth of a large face counts as a face.

    So coarse a search leaves doubts: candidates smaller than `ROOMY` that score `FAINT` or more get
    a closer look. The network sees a patch of the image in which the face takes half the side, and
    its score there counts if it is higher. Next to a large, sure face fewer candidates get one:
    nearly all faint ones there are hair, clothes and background.

    The box of YuNet itself starts at the hairline. Returned is the square from the brows to the
    chin, like 300W's official boxes: `LOWER` box sizes lower and `NARROWER` times as large, the
    means over the 2,012 faces of 300W's training part (standard deviations 0.04 and 0.06).

    Args:
        min_score: drop faces with a lower score, 0.1..1. Alone, 0.7 gives as few false faces as 0.3
            does where the landmarks are asked, too: see `FaceAligner`.
        min_face: side of the smallest face to look for, in image pixels. A larger value is faster
            on large photos.
        threads: of ONNX Runtime; None leaves the choice to it.
        path: another file of the same network.
        providers: as of `FaceAligner`.

    Raises:
        ModelError: the file is missing, damaged or not a YuNet.
        SettingsError: `threads` is below 1, or `min_face` or `min_score` out of range.
    """

    SHA256 = "95db1989c4c19347d892364e446628206b7cdc58ad483956947d12b1d90dc94d"
    LOWER, NARROWER = 0.139, 0.872
    SMALLEST, LEAST, COARSE, COARSER = 10.0, 320, 640, 8.0
    FAINT, LIKELY, ROOMY = 0.005, 0.1, 24.0
    PATCH, WIDER, ASTRAY = 64, 2.0, 0.25
    """Side of a patch: in pixels, and in sides of the box at its centre. How far from its centre a
    face may be, in sides of the patch."""
    FEW, PER = 4, 25_000
    """Of the small candidates the surest `FEW` get a closer look, and one more per `PER` pixels."""
    BESIDE, PROVEN = 0.02, 0.5
    """Next to a large, sure face, only the surest `FEW` of the candidates below `BESIDE` get a
    closer look, and those that were not `LIKELY` then need the score `PROVEN`."""
    SURE, EIGHTH, BETTER, RARER = 0.85, 45.0, 0.02, 2
    """An image with a face that scores `SURE` is not searched turned. A face is taken to lean by an
    `EIGHTH` more or less if that makes its score `BETTER`. Turned, `RARER` times fewer candidates
    get a closer look: of 35 faces of 300W's training part, in three sizes and at four angles, as
    many are found."""

    def __init__(
        self,
        min_score: float = 0.3,
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
        self.min_score, self.min_face = min_score, min_face
        self._network = Network(Path(path) if path else self.bundled_file(), threads, providers)

    @classmethod
    def bundled_file(cls) -> Path:
        """The network file that comes with facealign.

        Raises:
            ModelError: it is missing or damaged.
        """
        return checked(WEIGHTS / "yunet.onnx", cls.SHA256)

    def detect(self, image: Pixels) -> Detections:
        """Find upright faces in an (H, W, 3) RGB uint8 image; the highest score first."""
        return self.find(image, turned=False)[0]

    def find(self, image: Pixels, turned: bool = True) -> tuple[Detections, Floats]:
        """Find faces; where none is sure, and if `turned`, also those at other angles.

        Returns:
            The faces, the highest score first, and (N,) float32, by how many degrees each leans
            clockwise: a multiple of 45. The boxes are upright squares around the middle of a face.
        """
        image = brighten(image)
        looks = self._looks(image.shape[0] * image.shape[1])
        found = self._verified(image, self._candidates(image), looks)
        if turned and found.scores.max(initial=0) < self.SURE:
            found = self._turned(image, found, looks // self.RARER)
        found = found[found.scores >= self.min_score]
        return Detections(self._face_squares(found.boxes, found.angles), found.scores), found.angles

    def _face_squares(self, boxes: Floats, angles: Floats) -> Floats:
        """YuNet's boxes (N, 4), of faces that lean → squares (N, 4) from the brows to the chin."""
        size = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
        turns, lower = np.radians(angles), np.float32(self.LOWER) * size
        x = (boxes[:, 0] + boxes[:, 2]) / 2 - np.sin(turns) * lower
        y = (boxes[:, 1] + boxes[:, 3]) / 2 + np.cos(turns) * lower
        half = np.float32(self.NARROWER) * size / 2
        return np.stack([x - half, y - half, x + half, y + half], axis=1).astype(np.float32)

    def _candidates(self, image: Pixels) -> Candidates:
        """Possible upright faces, at all scales."""
        parts, most = [], math.inf
        if max(image.shape[:2]) < HALVED * self.LEAST:
            parts.append(self._search(reduced(image, HALVED), HALVED))
            if self._has_clear(parts[0]):
                return Candidates.best_of(*parts)
        for factor, view in self._views(image):
            found = self._search(view, factor)
            parts.append(found[(found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1) < most])
            most = factor * self.ROOMY
        return Candidates.best_of(*parts)

    def _views(self, image: Pixels) -> Iterator[tuple[int, Pixels]]:
        """Whole factors and the image reduced by them, the coarsest first."""
        finest, *coarser = self._factors(*image.shape[:2])
        view = reduced(image, finest)
        for factor in reversed(coarser):
            yield factor, reduced(view, factor // finest)
        yield finest, view

    def _factors(self, height: int, width: int) -> list[int]:
        """By how much the image is reduced, each a multiple of the first; the finest first."""
        worth = max(height, width) // self.LEAST  # a small photo costs little as it is
        finest = max(1, min(int(self.min_face / self.SMALLEST), worth))
        excess = max(height, width) / finest / self.COARSE
        steps = math.ceil(math.log(max(excess, 1.0)) / math.log(self.COARSER))
        return [finest * math.ceil(excess ** (i / max(steps, 1))) for i in range(steps + 1)]

    def _search(self, view: Pixels, factor: int) -> Candidates:
        """Possible faces in an image reduced by `factor`, in pixels of the full image."""
        boxes, scores = self._network.search(view, self.FAINT)
        small = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) < self.ROOMY
        angles = np.zeros(len(boxes), np.float32)
        found = Candidates((factor * boxes - 0.5).astype(np.float32), scores, angles, small)
        kept = scores >= self.LIKELY
        faint = np.flatnonzero(small & ~kept)
        most = AROUND * self._looks(factor**2 * view.shape[0] * view.shape[1])
        kept[faint[np.argsort(-scores[faint], kind="stable")[:most]]] = True
        return found[kept]

    def _verified(self, image: Pixels, found: Candidates, looks: int) -> Candidates:
        """The candidates after a closer look at the surest small ones, without the faint ones."""
        clear = self._has_clear(found)
        rank = np.cumsum(found.small)
        looked = found.small & (rank <= looks)
        if clear:
            looked &= (rank <= self.FEW) | (found.scores >= self.BESIDE)
        small = found[looked]
        surer = small.or_surer(self._look_closely(image, small))
        least = np.where(clear & (small.scores < self.LIKELY), self.PROVEN, self.LIKELY)
        others = found[~looked & (found.scores >= self.LIKELY)]
        return Candidates.best_of(others, surer[surer.scores >= least])

    def _has_clear(self, found: Candidates) -> bool:
        return bool((found.scores[~found.small] >= self.SURE).any())

    def _looks(self, pixels: int) -> int:
        return self.FEW + pixels // self.PER

    def _turned(self, image: Pixels, upright: Candidates, looks: int) -> Candidates:
        """The candidates and those of the image turned by quarters, each at its best angle."""
        height, width = image.shape[:2]
        factor = max(self._factors(height, width)[0], math.ceil(max(height, width) / self.COARSE))
        view, parts = reduced(image, factor), []
        width, height = factor * view.shape[1], factor * view.shape[0]
        for quarter in QUARTERS:
            # np.rot90 turns counterclockwise: what is upright now leaned clockwise before.
            found = self._search(np.rot90(view, quarter), factor)
            boxes = turned_back(found.boxes, quarter, width, height)
            angles = found.angles + np.float32(90 * quarter)
            parts.append(replace(found, boxes=boxes, angles=angles))
        lying = self._verified(image, Candidates.best_of(*parts), looks)
        found = Candidates.best_of(upright, lying)
        return self._leaning(image, found)

    def _leaning(self, image: Pixels, found: Candidates) -> Candidates:
        """The candidates, the surest `FEW` of them at the angle at which the network is surest."""
        few, others = found[: self.FEW], found[self.FEW :]
        count, turns = len(few.scores), (0.0, -self.EIGHTH, self.EIGHTH)
        angles = np.concatenate([few.angles + np.float32(turn) for turn in turns])
        again = few[np.tile(np.arange(count), len(turns))]
        looked = self._look_closely(image, replace(again, angles=angles))
        best = few.or_surer(looked[:count])
        for first in (count, 2 * count):
            best = best.or_surer(looked[first : first + count], self.BETTER)
        return Candidates.best_of(best, others)

    def _look_closely(self, image: Pixels, found: Candidates) -> Candidates:
        """The surest face near the middle of a patch around each candidate."""
        crops = [self._patch(*row) for row in zip(found.boxes, found.angles, strict=True)]
        boxes, scores = self._network.surest([c.warp(image) for c in crops], self.ASTRAY)
        rows = [_box_in(crop, box - 0.5) for crop, box in zip(crops, boxes, strict=True)]
        return replace(found, boxes=np.array(rows, np.float32).reshape(-1, 4), scores=scores)

    def _patch(self, box: Box, angle: float) -> CropTransform:
        centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
        side = self.WIDER * float(max(box[2] - box[0], box[3] - box[1]))
        return CropTransform.from_square(centre, side, self.PATCH, float(angle))


def _box_in(crop: CropTransform, box: Doubles) -> Box:
    """A box in a turned crop → the box with the same sides and centre in the image."""
    middle = crop.to_image(((box[:2] + box[2:]) / 2).astype(np.float32))
    half = (box[2:] - box[:2]) / 2 / crop.scale
    return np.concatenate([middle - half, middle + half]).astype(np.float32)
