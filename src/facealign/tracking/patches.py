"""Small gray pictures of a face and of a whole frame, to be compared with those of the next."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from facealign.face import Face
from facealign.geometry import CropTransform, box_of_points, box_size
from facealign.markup import load_markup
from facealign.types import Pixels, Points

SIDE = 48
"""Pixels of a patch's side. At 32 the movement is half as exact."""
REACH = 6
"""Patch pixels around a patch that a `Region` holds too."""
Y, X = ((np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2).astype(np.float32)).reshape(2, -1)
"""(SIDE²) where each pixel of a patch is, from its middle."""

SOFT = ImageFilter.Kernel((3, 3), (1, 2, 1, 2, 4, 2, 1, 2, 1))
"""A patch is cut between pixels, which blurs it by where they lie: a picture that is soft already
is blurred half as much by it."""
AROUND = 5
"""Patch pixels, a side of the square around a landmark in which its own movement is measured."""
FLAT = 0.06
"""Variances of the patch, of slopes that tell a movement half as much as they would alone."""

CUT = 0.35
"""A frame may start a new scene if more than this share of its pixels changes gray-level bin."""
FEW, LEVELS = 64, 16
"""Pixels a side of which the grays are counted, evenly out of the frame; bins of gray levels."""

Gray = NDArray[np.float32]
Counts = NDArray[np.intp]
_SQUARE = np.add.outer(*[np.arange(AROUND) - AROUND // 2] * np.array([[SIDE], [1]])).ravel()


class Region:
    """The part of a frame around a face, gray: cut once, where its patch is cut several times.

    Args:
        image: (H, W, 3) RGB uint8.
        crop: from the frame to the patch, as it is known so far.
        factor: by which the frame is reduced first; 0 leaves it to the crop.
    """

    def __init__(self, image: Pixels, crop: CropTransform, factor: int = 0) -> None:
        wide = CropTransform(crop.shifted(REACH, REACH).matrix, SIDE + 2 * REACH)
        part = wide.part(image, factor)
        self.factor = part.factor if part else 0
        if part:  # "F", as between its pixels "L" would round
            part = part._replace(picture=part.picture.convert("L").filter(SOFT).convert("F"))
        self._part = part

    def patch(self, crop: CropTransform) -> Gray:
        """(SIDE, SIDE) what a crop sees of the region, black outside."""
        if self._part is None:
            return np.zeros((SIDE, SIDE), np.float32)
        return np.asarray(crop.cut(self._part))


@dataclass(frozen=True, eq=False)
class Patch:
    """A face's picture in one frame, small and gray.

    Attributes:
        crop: from the frame to the patch.
        gray: (SIDE, SIDE) float32.
        points: (K, 2) the face's landmarks, in the frame's pixels.
        factor: by which the frame was reduced: a patch that is compared with it, too.
        inner: (K,) which of them are not on the face's outline, behind which the ground moves.
    """

    crop: CropTransform
    gray: Gray
    points: Points
    factor: int
    inner: NDArray[np.bool_]

    @cached_property
    def contrast(self) -> float:
        """The standard deviation of its pixels, at least 1."""
        return max(1.0, float(self.gray.std()))

    @cached_property
    def steepest(self) -> Gray:
        """(8, SIDE²) how it changes with a shift, with the affine map's four, with the light."""
        down, right = (gradient.ravel() for gradient in np.gradient(self.gray))
        slopes = np.empty((8, self.gray.size), np.float32)
        slopes[0], slopes[1], slopes[7] = right, down, 1
        np.multiply(right, X, out=slopes[2])
        np.multiply(right, Y, out=slopes[3])
        np.multiply(down, X, out=slopes[4])
        np.multiply(down, Y, out=slopes[5])
        np.subtract(self.gray.ravel(), self.gray.mean(), out=slopes[6])
        return slopes

    def own_movement(self, left: Gray) -> float:
        """The largest movement of a landmark of its own, in patch pixels, from differences.

        Args:
            left: (SIDE²) differences that the movement of the whole face leaves.
        """
        places, slopes, weights = self._squares
        moved = (left[places] * slopes).sum(axis=-1) * weights
        return float(np.abs(moved).max(initial=0))

    @cached_property
    def _squares(self) -> tuple[NDArray[np.intp], Gray, Gray]:
        """Around each inner landmark: its pixels (n, AROUND²), their slopes, and weights (2, n)."""
        middles = np.round(self.crop.to_crop(self.points[self.inner])).astype(np.intp)
        x, y = middles.clip(AROUND // 2, SIDE - 1 - AROUND // 2).T
        places = (SIDE * y + x)[:, None] + _SQUARE
        slopes = self.steepest[:2, places]
        flat = FLAT * self.contrast**2 * AROUND**2
        return places, slopes, 1 / (np.square(slopes).sum(axis=-1) + flat)


def patch_of(image: Pixels, face: Face) -> Patch:
    """The picture of a face, upright by the crop it was found in."""
    box = box_of_points(face.landmarks)
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    angle = face.network_crop.angle if face.network_crop else 0.0
    crop = CropTransform.from_square((x, y), max(1.0, box_size(box)), SIDE, angle)
    region = Region(image, crop)
    inner = inner_points(face.markup)
    return Patch(crop, region.patch(crop), face.landmarks, region.factor, inner)


@cache
def inner_points(markup: str) -> NDArray[np.bool_]:
    """(K,) which points of a scheme are not on the outline of the face."""
    scheme = load_markup(markup)
    inner = np.ones(scheme.count, bool)
    inner[list(scheme.groups.get("jaw", ()))] = False
    return inner


def likeness(one: Patch, other: Patch) -> float:
    """The correlation of two patches at half their size: -1 … 1."""
    halves = [p.gray.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3)) for p in (one, other)]
    first, second = ((half - half.mean()) / max(1.0, float(half.std())) for half in halves)
    return float((first * second).mean())


def gray_levels(image: Pixels) -> Counts:
    """(LEVELS,) how many pixels of an (H, W, 3) RGB uint8 frame have each gray level."""
    rows, columns = (((np.arange(FEW) + 0.5) * side / FEW).astype(int) for side in image.shape[:2])
    few = image[rows].take(columns, axis=1)  # twice as fast as both at once
    gray = np.asarray(Image.fromarray(few).convert("L"))
    return np.bincount(gray.ravel() // (256 // LEVELS), minlength=LEVELS)


def is_cut(before: Counts, now: Counts) -> bool:
    """Whether more than `CUT` of the pixels have another level than in the frame before.

    >>> is_cut(np.array([10, 0]), np.array([7, 3])), is_cut(np.array([10, 0]), np.array([6, 4]))
    (False, True)
    """
    return bool(np.abs(now - before).sum() > 2 * CUT * now.sum())
