"""Points where a photo shows nothing: `blank`."""

import numpy as np
from numpy.typing import NDArray

from facealign.exposure import brighten
from facealign.geometry import box_of_points, box_size
from facealign.types import Pixels, Points

REACH = 0.04
"""A point is judged by its surroundings: itself and what is `REACH` face sizes away, each way."""
AROUND = np.stack(np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]), axis=-1).reshape(9, 1, 2)
FLAT, BLACK = 2, 3
"""Gray levels by which one colour may vary, and up to which it is black, as JPEGs store it."""


def blank(image: Pixels, points: Points) -> NDArray[np.bool_]:
    """Which of the points (K, 2), in image pixels, an (H, W, 3) RGB uint8 photo cannot show: (K,).

    They lie outside the photo; or there is one colour all around, and it is black, or reaches
    straight to the photo's border as what is filled in round a turned or cut photo does. In a photo
    that is dark all over black hides nothing.
    """
    height, width = image.shape[:2]
    last = np.array([width - 1, height - 1])
    beyond = np.any((points < -0.5) | (points > last + 0.5), axis=1)
    reach = max(1.0, REACH * box_size(box_of_points(points)))
    places = np.rint(points + reach * AROUND)
    x, y = np.minimum(np.maximum(places, 0), last).astype(np.intp).transpose(2, 0, 1)
    colours = image[y, x]  # (9, K, 3): the least and the greatest along the first axis is fast
    darkest, brightest = colours.min(axis=0), colours.max(axis=0)
    flat = (brightest - darkest <= FLAT).all(axis=1) & ~beyond
    hidden = np.array(beyond)
    for k in np.flatnonzero(flat):
        place = np.rint(points[k]).astype(int)
        hidden[k] = _reaches_border(image, *np.clip(place, 0, last).tolist())
    black = flat & (brightest <= BLACK).all(axis=1) & ~hidden
    if black.any() and brighten(image) is image:
        hidden |= black
    return hidden


def _reaches_border(image: Pixels, x: int, y: int) -> bool:
    """Whether all pixels straight from one to a side of the photo have its colour."""
    ways = (image[y, x::-1], image[y, x:], image[y::-1, x], image[y:, x])
    colour = image[y, x].astype(int)
    likely = [way for way in ways if (np.abs(way[-1] - colour) <= FLAT).all()]  # saves long ways
    return any(bool((np.abs(way - colour) <= FLAT).all()) for way in likely)
