"""The `Markup` class: a point scheme."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facealign.errors import DataError
from facealign.markup.sides import other_side, side_of
from facealign.types import Doubles, Points

NAME = re.compile(r"[\w.-]{1,64}")
"""What a scheme may be called: it becomes part of the names of a model's outputs."""
KEYS = ("name", "points", "mirror", "groups", "outline", "eyes", "normaliser", "skeleton", "chart")
"""Keys of a scheme in a file; the first two are required."""
CENTRES = ("pupil", "eye_centre")
"""After "right_" or "left_", these name the centre of an eye."""


def fold(name: str) -> str:
    """A name without what tools write differently: case, spaces, dashes.

    >>> fold("Left Eye"), fold("left_eye"), fold("leftEye")
    ('lefteye', 'lefteye', 'lefteye')
    """
    return re.sub(r"[\W_]+", "", name.casefold())


class Markup:
    """A point scheme.

    Args:
        name: such as ``"ibug68"``: letters, digits, ``_``, ``-`` and ``.``.
        points: (K,) what each point is, in order; ``right_`` and ``left_`` are the subject's. A
            point with a name of the known schemes means the same as there.
        mirror: the pairs that change places in a mirrored photo, by name; None takes them from
            the names (``left_ear`` and ``right_ear``).
        groups: face region → names of its points in drawing order; a point without one is a
            region by itself.
        outline: the groups whose line returns to its first point.
        eyes: the points whose mean is the centre of the right and of the left eye; None takes them
            from the names.
        normaliser: two points whose distance the errors are divided by ("point_pair").
        skeleton: pairs of points to join by a line, instead of the groups' lines.
        chart: point → x, y of its place in a drawing, y down, any unit.

    Raises:
        DataError: a point is named twice, a name is unknown, or it cannot be told which points
            change places in a mirrored photo.

    Attributes:
        name: such as ``"ibug68"``.
        count: K, the number of points.
        names: (K,) what each point is, such as ``"right_eye_outer"``.
        groups: face region → indices of its points, in drawing order; together they hold
            every point, each once.
        closed: the groups whose outline returns to its first point.
        mirror: (K,) ``mirror[i]`` is the point that point i becomes in a mirrored photo.
        eye_corners: the outer corners of the right and the left eye: inter-ocular distance; None
            if the scheme does not have them.
        eye_points: the points whose mean is the centre of the right and of the left eye:
            inter-pupil distance; None where the scheme does not mark them.
        normaliser: the two points of "point_pair"; None where there are none.
        skeleton: pairs of points to join by a line; empty where the groups say it.
        chart: (K, 2) places in a drawing; None where the scheme gives none.
    """

    def __init__(
        self,
        name: str,
        points: Sequence[str],
        mirror: Iterable[Sequence[str]] | None = None,
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        outline: Collection[str] = (),
        eyes: Sequence[str | Sequence[str]] | None = None,
        normaliser: Sequence[str] | None = None,
        skeleton: Iterable[Sequence[str]] = (),
        chart: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.name, self.names, self.count = name, tuple(points), len(points)
        self._place = {point: i for i, point in enumerate(self.names)}
        words = [fold(point) for point in self.names]
        self._folded = {w: i for i, w in enumerate(words) if w and words.count(w) == 1}
        self._check_names()
        pairs = None if mirror is None else [self._indices(p, "mirror", 2) for p in mirror]
        self.mirror = self._mirror_by_name() if pairs is None else self._mirror_of(pairs)
        self.groups = self._all_groups(groups or {})
        if unknown := set(outline) - set(self.groups):
            raise DataError(f'markup {name}: outline "{min(unknown)}" is not a group')
        self.closed = frozenset(outline)
        self.eye_corners = self._pair("right_eye_outer", "left_eye_outer")
        self.eye_points = self._eyes(eyes)
        two = None if normaliser is None else self._indices(normaliser, "normaliser", 2)
        self.normaliser = None if two is None else (two[0], two[1])
        self.skeleton = tuple(self._indices(pair, "skeleton", 2) for pair in skeleton)
        self.chart = None if chart is None else self._chart_of(chart)

    def __repr__(self) -> str:
        return f"Markup({self.name!r}, {self.count} points)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Markup) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.name, self.names))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], place: str) -> "Markup":
        """A scheme from what a file says: the arguments by name.

        Raises:
            DataError: a key is missing, unknown or of the wrong type, or as the class has it; the
                message starts with `place`.
        """
        if unknown := sorted(set(content) - set(KEYS)):
            raise DataError(f'{place}: unknown key "{unknown[0]}"; known are {", ".join(KEYS)}')
        if lacking := [key for key in KEYS[:2] if key not in content]:
            raise DataError(f'{place}: a point scheme needs "{lacking[0]}"')
        points = content["points"]
        if not isinstance(points, list) or not all(isinstance(point, str) for point in points):
            raise DataError(f'{place}: "points" must be a list of names')
        try:
            return cls(**content)
        except DataError as error:
            raise DataError(f"{place}: {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{place}: a value is of the wrong kind ({error})") from None

    def to_dict(self) -> dict[str, Any]:
        """The scheme in plain values, for TOML or JSON: what `from_dict` reads."""
        names = self.names
        pairs = enumerate(self.mirror.tolist())
        content: dict[str, Any] = {
            "name": self.name,
            "points": list(names),
            "mirror": [[names[i], names[k]] for i, k in pairs if i < k],
            "groups": {name: [names[i] for i in group] for name, group in self.groups.items()},
            "outline": sorted(self.closed),
        }
        if self.eye_points is not None:
            content["eyes"] = [[names[i] for i in eye] for eye in self.eye_points]
        if self.normaliser is not None:
            content["normaliser"] = [names[i] for i in self.normaliser]
        if self.skeleton:
            content["skeleton"] = [[names[i] for i in pair] for pair in self.skeleton]
        if self.chart is not None:
            content["chart"] = dict(zip(names, self.chart.tolist(), strict=True))
        return content

    def find(self, name: str) -> int | None:
        """The index of a point, perhaps written in other letters: "Left Eye" is "left_eye"."""
        return self._place.get(name, self._folded.get(fold(name)))

    def index_of(self, word: str, first: int) -> int:
        """The index of a point, given as its number, counted from `first`, or its name.

        Raises:
            ValueError: there is no such point.
        """
        if (found := self.find(word)) is not None:
            return found
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
        """Indices of the points to join by a line: the skeleton, or one list a larger region."""
        if self.skeleton:
            return [list(pair) for pair in self.skeleton]
        return [
            [*indices, indices[0]] if name in self.closed else list(indices)
            for name, indices in self.groups.items()
            if len(indices) > 1
        ]

    def _check_names(self) -> None:
        if not NAME.fullmatch(self.name):
            raise DataError(f'"{self.name}" cannot be the name of a markup: use letters and digits')
        if not self.names:
            raise DataError(f"markup {self.name} has no points")
        if len(self._place) < self.count:
            twice = next(point for point in self.names if self.names.count(point) > 1)
            raise DataError(f'markup {self.name} has two points called "{twice}"')

    def _indices(self, names: str | Sequence[str], key: str, count: int = 0) -> tuple[int, ...]:
        """Names as indices; with `count`, that number of different ones."""
        words = [names] if isinstance(names, str) else list(names)
        for word in words:
            if word not in self._place:
                raise DataError(f'markup {self.name}: {key} names "{word}", which is not a point')
        if count and not (len(words) == len(set(words)) == count):
            raise DataError(f"markup {self.name}: {key} needs {count} points, not {words}")
        return tuple(self._place[word] for word in words)

    def _mirror_of(self, pairs: Iterable[tuple[int, ...]]) -> NDArray[np.intp]:
        mirror = np.arange(self.count, dtype=np.intp)
        for one, other in pairs:
            if mirror[one] != one or mirror[other] != other:
                raise DataError(
                    f'markup {self.name}: mirror has two pairs with "{self.names[one]}" or '
                    f'"{self.names[other]}"'
                )
            mirror[one], mirror[other] = other, one
        return mirror

    def _mirror_by_name(self) -> NDArray[np.intp]:
        twins = [other_side(point) for point in self.names]
        for point, twin in zip(self.names, twins, strict=True):
            if twin not in self._place:
                raise DataError(
                    f'markup {self.name} has "{point}" and no "{twin}": give the pairs that change '
                    'places in a mirrored photo, as mirror = [["a", "b"], …]'
                )
        if self.count > 1 and not any(map(side_of, self.names)):
            raise DataError(
                f"markup {self.name}: no name of a point says left or right: give the pairs that "
                'change places in a mirrored photo, as mirror = [["a", "b"], …], or mirror = []'
            )
        return np.array([self._place[twin] for twin in twins], dtype=np.intp)

    def _all_groups(
        self, groups: Mapping[str, Sequence[str]]
    ) -> MappingProxyType[str, tuple[int, ...]]:
        found = {name: self._indices(points, f"group {name}") for name, points in groups.items()}
        taken = [index for group in found.values() for index in group]
        if len(taken) > len(set(taken)):
            twice = next(self.names[i] for i in taken if taken.count(i) > 1)
            raise DataError(f'markup {self.name}: "{twice}" is in the groups twice')
        alone = {point: (i,) for i, point in enumerate(self.names) if i not in taken}
        for point in alone:
            if point in found:
                raise DataError(f'markup {self.name}: group "{point}" lacks the point "{point}"')
        return MappingProxyType(found | alone)

    def _pair(self, right: str, left: str) -> tuple[int, int] | None:
        one, other = self._place.get(right), self._place.get(left)
        return None if one is None or other is None else (one, other)

    def _eyes(
        self, eyes: Sequence[str | Sequence[str]] | None
    ) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        if eyes is not None:
            if len(eyes) != 2:
                raise DataError(f"markup {self.name}: eyes needs the right eye and the left eye")
            return self._indices(eyes[0], "eyes"), self._indices(eyes[1], "eyes")
        for word in CENTRES:
            if pair := self._pair(f"right_{word}", f"left_{word}"):
                return (pair[0],), (pair[1],)
        right, left = self.groups.get("right_eye"), self.groups.get("left_eye")
        return None if right is None or left is None else (right, left)

    def _chart_of(self, chart: Mapping[str, Sequence[float]]) -> Doubles:
        if set(chart) != set(self.names):
            odd = min(set(chart) ^ set(self.names))
            raise DataError(f'markup {self.name}: chart must place every point; see "{odd}"')
        places = np.array([chart[point] for point in self.names], np.float64)
        if places.shape != (self.count, 2) or not np.isfinite(places).all():
            raise DataError(f"markup {self.name}: chart must give x, y of every point")
        return places
