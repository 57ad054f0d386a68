"""Templates of aligned crops, as other networks expect them: where the points of a face belong."""

import math

import numpy as np
from numpy.typing import ArrayLike

from facealign.geometry import CropTransform
from facealign.types import Points

ARCFACE_SIDE = 112
# InsightFace's `arcface_dst`, pixels of a 112 × 112 crop, in celeba5's order.
ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366)) + (
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
SIDES = {"ffhq": 1024, "arcface112": ARCFACE_SIDE}
"""The published templates and the side of their crops, in pixels."""


def template_crop(five: Points, template: str, size: int | None = None) -> CropTransform:
    """The crop of a published template in `SIDES`, for celeba5's points (5, 2) in image pixels.

    `size` is the side of the crop in pixels; None takes the template's. Any shows the same part of
    the photo.

    Raises:
        ValueError: no such template, a size out of range, or points that all coincide.
    """
    if template not in SIDES:
        raise ValueError(f'unknown template "{template}": choose {" or ".join(SIDES)}, or points')
    side = checked_size(SIDES[template] if size is None else size)
    if template == "ffhq":
        return _ffhq(np.asarray(five, dtype=np.float64), side)
    # Resizing keeps the corners of pixels in place, not their centres.
    places = (np.array(ARCFACE) + 0.5) * (side / ARCFACE_SIDE) - 0.5
    return CropTransform.from_points(five, places.astype(np.float32), side)


def points_crop(points: Points, template: ArrayLike, size: int | None) -> CropTransform:
    """The crop that brings points (n, 2), image pixels, nearest to places (n, 2) in the crop's.

    Raises:
        ValueError: the template is not (n, 2) finite numbers, or the size is bad.
    """
    places = np.asarray(template, dtype=np.float32)
    if places.shape != points.shape or not np.isfinite(places).all():
        raise ValueError(
            f"a template for {len(points)} points is ({len(points)}, 2) finite numbers, "
            f"not of shape {places.shape}"
        )
    if size is None:
        raise ValueError("a template of your own needs size=, the side of the crop in pixels")
    return CropTransform.from_points(points, places, checked_size(size))


def checked_size(size: int) -> int:
    """The side of a crop in pixels.

    Raises:
        ValueError: it is out of range.
    """
    if not 1 <= size <= 8192:
        raise ValueError(f"the side of a crop is 1 to 8192 pixels, not {size}")
    return int(size)


def _ffhq(five: Points, size: int) -> CropTransform:
    """The square of FFHQ's published alignment (NVlabs, `recreate_aligned_images`).

    Its axis is the mean of the line between the eyes and the normal of the line from eyes to mouth;
    half its side is twice the first or 1.8 times the second, whichever is longer.
    """
    eyes, mouth = five[:2].mean(axis=0), five[3:].mean(axis=0)
    across, down = five[1] - five[0], mouth - eyes
    x, y = across + [down[1], -down[0]]
    if not math.hypot(x, y) > 0:
        raise ValueError("points that all coincide, or are not finite, fit no template")
    half = max(2.0 * math.hypot(*across), 1.8 * math.hypot(*down))
    centre = eyes + 0.1 * down
    angle = math.degrees(math.atan2(y, x))
    return CropTransform.from_square((float(centre[0]), float(centre[1])), 2 * half, size, angle)
