"""Point schemes: how many points, what each means, and which is whose mirror image.

Left and right are the subject's own: the subject's left eye is on the right of an unmirrored photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError
from facealign.types import Points


@dataclass(frozen=True, eq=False)
class Markup:
    """A point scheme.

    Attributes:
        name: such as ``"ibug68"``.
        count: K, the number of points.
        groups: face region → indices of its points, in drawing order; together they hold
            every point.
        closed: the groups whose outline returns to its first point.
        mirror: (K,) ``mirror[i]`` is the point that point i becomes in a mirrored photo.
        eye_corners: the outer corners of the right and the left eye: inter-ocular distance.
        eye_points: the points whose mean is the centre of the right and of the left eye:
            inter-pupil distance.

    """

    name: str
    count: int
    groups: MappingProxyType[str, tuple[int, ...]]
    closed: frozenset[str]
    mirror: NDArray[np.intp]
    eye_corners: tuple[int, int]
    eye_points: tuple[tuple[int, ...], tuple[int, ...]]

    def mirrored(self, points: Points, width: int) -> Points:
        """The points of the same face in the mirrored photo.

        Args:
            points: (..., K, 2) x y in pixels, the top-left pixel's centre at (0, 0).
            width: of the photo, in pixels.

        """
        flipped = points[..., self.mirror, :].copy()
        flipped[..., 0] = (width - 1) - flipped[..., 0]
        return flipped

    def polylines(self) -> list[list[int]]:
        """Indices of the points to join by a line, one list a region."""
        return [
            [*indices, indices[0]] if name in self.closed else list(indices)
            for name, indices in self.groups.items()
        ]


def _span(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def _mirror(count: int, pairs: list[tuple[int, int]]) -> NDArray[np.intp]:
    order = np.arange(count)
    for one, other in pairs:
        order[one], order[other] = other, one
    return order


def _ibug68() -> Markup:
    jaw = [(i, 16 - i) for i in range(8)]
    brows = [(17 + i, 26 - i) for i in range(5)]
    nostrils = [(31, 35), (32, 34)]
    eyes = [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    outer_lip = [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56)]
    inner_lip = [(60, 64), (61, 63), (67, 65)]
    groups = {
        "jaw": _span(0, 16),
        "right_brow": _span(17, 21),
        "left_brow": _span(22, 26),
        "nose_bridge": _span(27, 30),
        "nose_base": _span(31, 35),
        "right_eye": _span(36, 41),
        "left_eye": _span(42, 47),
        "outer_lip": _span(48, 59),
        "inner_lip": _span(60, 67),
    }
    return Markup(
        name="ibug68",
        count=68,
        groups=MappingProxyType(groups),
        closed=frozenset({"right_eye", "left_eye", "outer_lip", "inner_lip"}),
        mirror=_mirror(68, jaw + brows + nostrils + eyes + outer_lip + inner_lip),
        eye_corners=(36, 45),
        eye_points=(_span(36, 41), _span(42, 47)),
    )


MARKUPS: MappingProxyType[str, Markup] = MappingProxyType({"ibug68": _ibug68()})
"""Every known point scheme by name."""


def load_markup(name: str) -> Markup:
    """The point scheme called `name`.

    Raises:
        DataError: no scheme has this name.

    """
    if name not in MARKUPS:
        raise DataError(f'unknown markup "{name}": choose one of {", ".join(MARKUPS)}')
    return MARKUPS[name]
