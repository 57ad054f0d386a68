"""What a point scheme is."""

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
        names: (K,) what each point is, such as ``"right_eye_outer"``; the name of its mirror image
            has left and right exchanged.
        groups: face region → indices of its points, in drawing order; together they hold
            every point, each once.
        closed: the groups whose outline returns to its first point.
        mirror: (K,) ``mirror[i]`` is the point that point i becomes in a mirrored photo.
        eye_corners: the outer corners of the right and the left eye: inter-ocular distance; None
            where the scheme does not mark them.
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
        """The index of a point called by number, the first one's being `first`, or by its name.

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
        """Indices of the points to join by a line, one list a region of two points or more."""
        return [
            [*indices, indices[0]] if name in self.closed else list(indices)
            for name, indices in self.groups.items()
            if len(indices) > 1
        ]
