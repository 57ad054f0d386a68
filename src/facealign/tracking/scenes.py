"""Where a scene may end: the grays of one frame beside those of the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facealign.types import Pixels

CUT = 0.35
"""A frame may start a new scene if more than this share of its pixels changes gray-level bin."""
SIDE, LEVELS = 64, 16
"""Pixels a side of which the grays are counted, evenly out of the frame; bins of gray levels."""

Counts = NDArray[np.intp]


def gray_levels(image: Pixels) -> Counts:
    """(LEVELS,) how many pixels of an (H, W, 3) RGB uint8 frame have each gray level."""
    rows, columns = (
        ((np.arange(SIDE) + 0.5) * side / SIDE).astype(int) for side in image.shape[:2]
    )
    few = image[rows].take(columns, axis=1)  # twice as fast as both at once
    gray = np.asarray(Image.fromarray(few).convert("L"))
    return np.bincount(gray.ravel() // (256 // LEVELS), minlength=LEVELS)


def is_cut(before: Counts, now: Counts) -> bool:
    """Whether more than `CUT` of the pixels have another level than in the frame before.

    >>> is_cut(np.array([10, 0]), np.array([7, 3])), is_cut(np.array([10, 0]), np.array([6, 4]))
    (False, True)

    """
    return bool(np.abs(now - before).sum() > 2 * CUT * now.sum())
