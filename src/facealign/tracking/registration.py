"""How a face has moved between two frames, measured in its pixels.

The landmarks of two frames tremble, each on its own, by some 0.3 % of the distance of the outer eye
corners. What moves between the frames is the same picture, so its pixels tell the movement five
times as exactly: image registration by least squares (Lucas and Kanade, IJCAI 1981) in its inverse
compositional form (Baker and Matthews, IJCV 2004), affine, and robust against what moves otherwise,
such as a mouth that opens.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facealign.face import Face
from facealign.geometry import CropTransform, Matrix, box_of_points, box_size
from facealign.types import Pixels, Points

SIDE = 48
"""Pixels of a patch's side. At 32 the movement is half as exact."""
ROUNDS = 3
"""Most steps of a registration; two are usual."""
STILL = 0.1
"""Patch pixels; a step below this is the last one."""
ROBUST = 3.0
"""Differences of this many mean differences count half."""
FAR = 0.5
"""Largest change of the linear map, and of the contrast, in one step."""
UNLIKE = 0.35
"""Largest difference left, in deviations of the patch: above it the picture is another one."""
APART = 0.05
"""Largest gap between what pixels and landmarks say, in sides of the face's box."""

GRAY = np.array([0.299, 0.587, 0.114], np.float32)
_Y, _X = ((np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2).astype(np.float32)).reshape(2, -1)
_PLACES = np.stack([_X, _Y])
_NEAR = np.exp(-np.square(_X / (0.36 * SIDE)) - np.square(_Y / (0.42 * SIDE)))
"""How much each pixel counts: the face more than what is behind it."""

Gray = NDArray[np.float32]
Affine = tuple[float, ...]
"""The rows of a (2, 3) map: for six numbers Python is several times as fast as NumPy."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A face's picture in one frame, small and gray.

    Attributes:
        crop: from the frame to the patch.
        gray: (SIDE, SIDE) float32.
        points: (K, 2) the face's landmarks, in the frame's pixels.

    """

    crop: CropTransform
    gray: Gray
    points: Points

    @property
    def contrast(self) -> float:
        """The standard deviation of its pixels, at least 1."""
        return max(1.0, float(self.gray.std()))


def patch_of(image: Pixels, face: Face) -> Patch:
    """The picture of a face, upright by the crop it was found in."""
    box = box_of_points(face.landmarks)
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    angle = face.network_crop.angle if face.network_crop else 0.0
    crop = CropTransform.from_square((x, y), max(1.0, box_size(box)), SIDE, angle)
    return Patch(crop, crop.warp(image) @ GRAY, face.landmarks)


def likeness(one: Patch, other: Patch) -> float:
    """The correlation of two patches at half their size: -1 … 1."""
    halves = [
        patch.gray.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3)) for patch in (one, other)
    ]
    first, second = ((half - half.mean()) / max(1.0, float(half.std())) for half in halves)
    return float((first * second).mean())


def movement(before: Patch, image: Pixels, points: Points) -> Matrix | None:
    """The affine map from pixels of the frame before to those of this one, for the face.

    None where the pixels do not tell: another picture, a picture without contrast, points that
    went elsewhere, as when something passes in front of the face.

    Args:
        before: the face in the frame before.
        image: (H, W, 3) RGB uint8, this frame.
        points: (K, 2) the face's landmarks in it, where the search begins.

    """
    first = _affine(before.crop.matrix)
    try:
        guess = CropTransform.from_points(before.points, points, 1).matrix
        crop = _after(first, _inverse(_affine(guess)))
    except (ValueError, ZeroDivisionError):  # points that all coincide, or have changed sides
        return None
    template, steepest = before.gray.ravel(), _steepest(before.gray)
    weights = left = np.asarray(_NEAR)
    for number in range(ROUNDS):
        gaps = (CropTransform(_matrix(crop), SIDE).warp(image) @ GRAY).ravel() - template
        weighted = steepest * weights
        normal = weighted @ steepest.T
        normal.flat[:: len(normal) + 1] *= 1 + 1e-6
        try:
            step = np.linalg.solve(normal, weighted @ gaps)
        except np.linalg.LinAlgError:  # no contrast at all
            return None
        left = gaps - step @ steepest
        if not np.isfinite(step).all() or np.abs(step[2:7]).max() > FAR:
            return None
        x, y, a, b, c, d = step[:6].tolist()
        crop = _after(_about_middle(_inverse((1 - a, -b, -x, -c, 1 - d, -y))), crop)
        weights = _NEAR / (1 + np.square(left / (ROBUST * np.abs(left).mean() + 1)))
        if number and np.abs(step[:2]).sum() + SIDE / 2 * np.abs(step[2:6]).sum() < STILL:
            break
    moved = _matrix(_after(_inverse(crop), first))
    unlike = float(np.sqrt((left**2 * weights).sum() / weights.sum())) / before.contrast
    gap = moved - guess
    apart = np.hypot(*(before.points @ gap[:, :2].T + gap[:, 2]).T)
    near = float(apart.mean()) <= APART * box_size(box_of_points(points))
    return moved if near and unlike <= UNLIKE else None


def _steepest(gray: Gray) -> Gray:
    """(8, SIDE²) how the patch changes with a shift, with the affine map's four, with the light."""
    down, right = (gradient.ravel() for gradient in np.gradient(gray))
    slopes = np.empty((8, gray.size), np.float32)
    slopes[0], slopes[1], slopes[7] = right, down, 1
    np.multiply(right, _PLACES, out=slopes[2:4])
    np.multiply(down, _PLACES, out=slopes[4:6])
    np.subtract(gray.ravel(), gray.mean(), out=slopes[6])
    return slopes


def _affine(matrix: Matrix) -> Affine:
    return tuple(matrix.ravel().tolist())


def _matrix(affine: Affine) -> Matrix:
    return np.array(affine).reshape(2, 3)


def _after(second: Affine, first: Affine) -> Affine:
    """The map that applies `first`, then `second`."""
    (a, b, x, c, d, y), (e, f, u, g, h, v) = second, first
    upper = a * e + b * g, a * f + b * h, a * u + b * v + x
    return *upper, c * e + d * g, c * f + d * h, c * u + d * v + y


def _inverse(affine: Affine) -> Affine:
    a, b, x, c, d, y = affine
    size = a * d - b * c
    return d / size, -b / size, (b * y - d * x) / size, -c / size, a / size, (c * x - a * y) / size


def _about_middle(affine: Affine) -> Affine:
    """A map of places relative to the patch's middle, for its pixels."""
    (a, b, x, c, d, y), middle = affine, (SIDE - 1) / 2
    return a, b, x + middle * (1 - a - b), c, d, y + middle * (1 - c - d)
