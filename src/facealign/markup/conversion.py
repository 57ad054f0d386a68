"""Converting points of one scheme to those of another with the same meaning."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError
from facealign.markup.known import MARKUPS, load_markup
from facealign.types import Doubles, Points


@dataclass(frozen=True, eq=False)
class Conversion:
    """From one point scheme to another.

    Attributes:
        source, target: the schemes' names.
        weights: (K', K) float64, each row sums to 1: the target point is the mean with
            these weights.
    """

    source: str
    target: str
    weights: Doubles

    def points(self, points: Points) -> Points:
        """(..., K, 2) points of the source → (..., K', 2) of the target, same frame."""
        return np.asarray(self.weights @ points.astype(np.float64), dtype=np.float32)

    def visible(self, visible: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(..., K) flags → (..., K'): a target point is visible if all its source points are."""
        needed = self.weights > 0
        return np.asarray((visible[..., None, :] | ~needed).all(axis=-1))


# The points of WFLW at the places of iBUG's 68: every second one of the jaw, the upper edge of the
# brows, the lids without their middle (the field's WFLW-68).
_WFLW_AS_IBUG = (
    *(*range(0, 33, 2), *range(33, 38), *range(42, 47), *range(51, 60)),
    *(60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75),
    *range(76, 96),
)
_FIVE = ("nose_tip", "right_mouth_corner", "left_mouth_corner")


def load_conversion(source: str, target: str) -> Conversion:
    """The conversion of `source` points to `target` points.

    Defined: any scheme into itself, and into celeba5 where it marks the eyes, `nose_tip` and the
    corners of the mouth; ibug68 → ibug51; wflw98 → ibug68 and ibug51.

    Raises:
        DataError: a scheme is unknown, or the source lacks points that the target needs.
    """
    one, other = load_markup(source), load_markup(target)
    source, target = one.name, other.name
    if source == target:
        rows: list[tuple[int, ...]] = [(i,) for i in range(one.count)]
    elif target == "celeba5" and one.eye_points and set(_FIVE) <= set(one.names):
        rows = [*one.eye_points, *((one.names.index(name),) for name in _FIVE)]
    elif (source, target) == ("ibug68", "ibug51"):
        rows = [(i,) for i in range(17, 68)]
    elif source == "wflw98" and target in ("ibug68", "ibug51"):
        rows = [(i,) for i in _WFLW_AS_IBUG[-other.count :]]
    else:
        raise DataError(f"{source} points cannot be converted to {target}: no rule is defined")
    weights = np.zeros((other.count, one.count))
    for i, row in enumerate(rows):
        weights[i, list(row)] = 1 / len(row)
    return Conversion(source, target, weights)


def targets(source: str) -> list[str]:
    """The schemes that `source` points can be converted to; empty for an unknown scheme."""
    found = []
    for name in dict.fromkeys((source, *MARKUPS)):
        with suppress(DataError):
            found.append(load_conversion(source, name).target)
    return found
