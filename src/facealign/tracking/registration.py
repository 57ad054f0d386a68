"""How a face has moved between two frames, measured in its pixels.

The landmarks of two frames tremble, each on its own, by some 0.3 % of the distance of the outer eye
corners. What moves between the frames is the same picture, so its pixels tell the movement five
times as exactly: image registration by least squares (Lucas and Kanade, IJCAI 1981) in its inverse
compositional form (Baker and Matthews, IJCV 2004), affine, and robust against what moves otherwise,
such as a mouth that opens. What is left of the differences tells whether anything did.
"""

from dataclasses import dataclass

import numpy as np

from facealign.geometry import Affine, CropTransform, Matrix, box_of_points, box_size, inverse
from facealign.tracking.patches import SIDE, Patch, Region, X, Y
from facealign.types import Pixels, Points

IDENTITY: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
ROUNDS = 5
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

_NEAR = np.exp(-np.square(X / (0.36 * SIDE)) - np.square(Y / (0.42 * SIDE)))
"""How much each pixel counts: the face more than what is behind it."""


@dataclass(frozen=True)
class Movement:
    """How a face has moved.

    Attributes:
        affine: from pixels of the earlier frame to those of this one.
        own: the largest movement of a landmark besides that, in patch pixels: of a lid or a lip.
    """

    affine: Affine
    own: float


def registered(before: Patch, image: Pixels, guess: Affine) -> Movement | None:
    """How the face of a patch has moved, searched from a guess.

    None where the pixels do not tell: another picture, a picture without contrast.

    Args:
        before: the face in an earlier frame.
        image: (H, W, 3) RGB uint8, this frame.
        guess: from pixels of that frame to those of this one.
    """
    first = to_affine(before.crop.matrix)
    try:
        crop = after(first, inverse(guess))
        region = Region(image, CropTransform(to_matrix(crop), SIDE), before.factor)
    except (ValueError, OverflowError, ZeroDivisionError):  # a guess that folds all into a line
        return None
    template, steepest = before.gray.ravel(), before.steepest
    weights = left = np.asarray(_NEAR)
    for number in range(ROUNDS):
        gaps = region.patch(CropTransform(to_matrix(crop), SIDE)).ravel() - template
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
        crop = after(_about_middle(inverse((1 - a, -b, -x, -c, 1 - d, -y))), crop)
        weights = _NEAR / (1 + np.square(left / (ROBUST * np.abs(left).mean() + 1)))
        if number and np.abs(step[:2]).sum() + SIDE / 2 * np.abs(step[2:6]).sum() < STILL:
            break
    unlike = float(np.sqrt((left**2 * weights).sum() / weights.sum())) / before.contrast
    if unlike > UNLIKE:
        return None
    return Movement(after(inverse(crop), first), before.own_movement(left))


def movement(
    before: Patch, image: Pixels, points: Points, found: Movement | None = None
) -> Movement | None:
    """How a face whose landmarks are known has moved; None where the pixels do not tell.

    Or where they tell something else than the landmarks, as when something passes in front of it.

    Args:
        before: the face in an earlier frame.
        image: (H, W, 3) RGB uint8, this frame.
        points: (K, 2) the face's landmarks in it.
        found: what `registered` gave without them; if they disagree it is searched from them.
    """
    guess = similarity(before.points, points)
    if guess is None:
        return None
    most = APART * box_size(box_of_points(points))
    if found is not None and _apart(before.points, found.affine, guess) <= most:
        return found
    again = registered(before, image, guess)
    near = again is not None and _apart(before.points, again.affine, guess) <= most
    return again if near else None


def _apart(points: Points, one: Affine, other: Affine) -> float:
    """How far apart two maps take points, on average."""
    return float(np.hypot(*(moved_points(points, one) - moved_points(points, other)).T).mean())


def _about_middle(affine: Affine) -> Affine:
    """A map of places relative to the patch's middle, for its pixels."""
    (a, b, x, c, d, y), middle = affine, (SIDE - 1) / 2
    return a, b, x + middle * (1 - a - b), c, d, y + middle * (1 - c - d)


def similarity(before: Points, points: Points) -> Affine | None:
    """The similarity nearest to how points moved; None if there is none that can be undone."""
    try:
        guess = to_affine(CropTransform.from_points(before, points, 1).matrix)
        inverse(guess)
    except (ValueError, ZeroDivisionError):  # points that all coincide, or have changed sides
        return None
    return guess


def moved_points(points: Points, affine: Affine) -> Points:
    """Points (K, 2) moved along."""
    return CropTransform(to_matrix(affine), 1).to_crop(points)


def moved_crop(crop: CropTransform, affine: Affine) -> CropTransform:
    """The crop that sees, once all has moved, what it saw before."""
    return CropTransform(to_matrix(after(to_affine(crop.matrix), inverse(affine))), crop.size)


def to_affine(matrix: Matrix) -> Affine:
    """The rows of a (2, 3) matrix."""
    return tuple(matrix.ravel().tolist())


def to_matrix(affine: Affine) -> Matrix:
    """(2, 3) float64."""
    return np.array(affine).reshape(2, 3)


def after(second: Affine, first: Affine) -> Affine:
    """The map that applies `first`, then `second`."""
    (a, b, x, c, d, y), (e, f, u, g, h, v) = second, first
    upper = a * e + b * g, a * f + b * h, a * u + b * v + x
    return *upper, c * e + d * g, c * f + d * h, c * u + d * v + y
