"""The `Markup` class: a point scheme."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from facealign.types import Points


@dataclass(frozen=True, eq=False)
class Markup:
    """A point scheme.

    Attributes:
        name: such as ``"ibug68"``.
        count: K, the number of points.
        names: (K,) name of each point, such as ``"right_eye_outer"``; that of its mirror image
            has left and right exchanged.
        groups: face region → indices of its points, in drawing order; every point is in
            exactly one region.
        closed: the regions whose outline returns to its first point.
        mirror: (K,) ``mirror[i]`` is the index that point i has in a mirrored photo.
        eye_corners: the outer corners of the right and the left eye: inter-ocular distance; None
            if the scheme does not have them.
        eye_points: the points whose mean is the centre of the right and of the left eye:
            inter-pupil distance.

    """

    name: str
    count: int
    names: tuple[str, ...]
    groups: MappingProxyType[str, tuple[int, ...]]
    closed: frozenset[str]
    mirror: NDArray[np.intp]
    eye_corners: tuple[int, int] | None
    eye_points: tuple[tuple[int, ...], tuple[int, ...]]

    def index_of(self, word: str, first: int) -> int:
        """The index of a point, given as its number, counted from `first`, or its name.

        Raises:
            ValueError: there is no such point.

        """
        if word in self.names:
            return self.names.index(word)
        if word.isdecimal() and first <= int(word) < first + self.count:
            return int(word) - first
        raise ValueError(f'{self.name} has no point "{word}"')

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
        """Indices of points to join by a line, one list for each region of two points or more."""
        return [
            [*indices, indices[0]] if name in self.closed else list(indices)
            for name, indices in self.groups.items()
            if len(indices) > 1
        ]
