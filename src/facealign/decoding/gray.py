"""Wide gray values, of 16 or 32 bits or floating point, to 8 bits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTHS = (255.0, 1023.0, 4095.0, 16383.0)
"""Maxima of 8, 10, 12 and 14 bits, which cameras and scanners store in 16."""
DIM = 4095.0
"""A 16-bit picture that stays below this looks all black on a screen (16 of 255)."""
NEAR = 15 / 16
"""A well-lit picture gets this close to the top of its range."""
OVER = 1.05
"""A float may lie this far over the top of its range: sharpening and resizing overshoot."""
ROWS = 256


def to_eight_bits(values: NDArray[Any], stated: bool = False) -> NDArray[np.uint8]:
    """Gray values (H, W) as uint8.

    16 bits are taken as they are, unless the brightest value is below `DIM` or as near to the top
    of 14 bits as `NEAR`: then the range is the smallest of `DEPTHS` that holds it. A dark picture
    of 16 bits stays dark; one so dark that no screen shows it is read as one of fewer bits. 32-bit
    and float values have the smallest usual range that holds them; those not finite are black.
    `stated`: the file's format says that 16 bits are the range.
    """
    numbers = values if values.dtype.kind != "f" else np.where(np.isfinite(values), values, 0)
    full = 65535.0 if stated else _range(float(numbers.max(initial=0)), values.dtype.kind)
    eight = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), ROWS):
        part = numbers[top : top + ROWS].astype(np.float32) / np.float32(full)
        eight[top : top + ROWS] = np.round(np.clip(part, 0.0, 1.0) * 255)
    return eight


def _range(brightest: float, kind: str) -> float:
    """The value that is white."""
    if kind == "u":
        few = brightest <= DIM or NEAR * DEPTHS[-1] <= brightest <= DEPTHS[-1]
        return next(top for top in DEPTHS if brightest <= top) if few else 65535.0
    over, first = (OVER, (1.0,)) if kind == "f" else (1.0, ())
    usual = (*first, *DEPTHS, 65535.0, 2.0**31)
    return next((top for top in usual if brightest <= top * over), brightest)
