"""Steady landmarks: one face's points over time, filtered without lagging behind the face.

A face moves in two ways, which are filtered separately. The similarity (place, size and turn in
the picture) follows the head. The shape, what is left in the face's own frame, follows lids and
lips: it is still most of the time and then moves fast.

Where the pixels tell how the face has moved from frame to frame (registration.py), all that is
known of it is moved along into the newest frame first. What is then left to filter is nearly
still, so a mean over many frames lags behind nothing. Without that the similarity is fitted by a
local polynomial in time, which leaves a steady movement unchanged.

- `LiveSmoother` knows only the past. Similarity: a mean, or Savitzky and Golay's local polynomial,
  evaluated at its newest point. Shape: the One-Euro filter (Casiez et al., CHI 2012).
- `offline.smooth_at` also knows the frames after: centred local polynomials, which have no lag.

Times are in seconds and need not be even. Units of the shape: the face's own size, as the distance
between the outer eye corners where the scheme has them.
"""

import math
from collections import deque
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from facealign.geometry import Matrix
from facealign.markup import load_markup
from facealign.types import Points

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

MOST_SECONDS = 0.3
"""Seconds; frames further apart are not fitted together, as in a video of few frames a second."""


@dataclass(frozen=True)
class OneEuro:
    """The One-Euro filter's settings: a low-pass whose cutoff rises with the speed.

    Attributes:
        cutoff: Hz, for a point at rest.
        beta: Hz for each unit per second.
        speed_cutoff: Hz, of the low-pass on the speed itself.
    """

    cutoff: float = 1.0
    beta: float = 40.0
    speed_cutoff: float = 8.0


# Chosen on 63 videos of 30 frames (seven training photos of 300W under moving cameras, with noise,
# with a blink of 0.2 s, with a mouth that opens 5 times a second, and squeezed as by a turning
# head), by shake, error and lag, and by how much is kept of the blink and of the mouth.
FRAMES, DEGREE = 7, 2
"""Most frames that a local polynomial is fitted to, with the newest, and its degree."""
MOVED = 9
"""Frames whose mean similarity is taken, each moved along with the pixels."""
LIVE_SHAPE = OneEuro()
QUICK = OneEuro(beta=160.0)
CALM = OneEuro(cutoff=0.5, beta=10.0)
"""Of a shape whose past was moved along: lids and lips, and all other points."""
QUICK_WORDS = {"upper", "lower", "top", "bottom"}
"""In the names of lids and lips, and not in those of their corners."""
KNOWN = 4
"""Frames in a row whose movement is known, from which on the similarity is their mean."""


class Frame:
    """The frame of a face: between image pixels and its own units, centred on its points.

    Args:
        points: (K, 2) any face of the track, x y in pixels; the others are compared with it.
        markup: the name of the scheme.
    """

    def __init__(self, points: Points, markup: str) -> None:
        corners = load_markup(markup).eye_corners
        values = to_complex(points)
        centred = values - values.mean()
        spread = float(np.sqrt((np.abs(centred) ** 2).mean()))
        unit = abs(values[corners[0]] - values[corners[1]]) if corners else 0.0
        self._reference = centred / (unit or spread or 1.0)
        self._weight = float((np.abs(self._reference) ** 2).sum()) or 1.0

    def split(self, points: Complex) -> tuple[Complex, Complex]:
        """(..., 2) place and size-and-turn in the picture, and (..., K) shapes in face's units.

        Args:
            points: (..., K) as of `to_complex`.
        """
        place = points.mean(axis=-1, keepdims=True)
        along = (np.conj(self._reference) * (points - place)).sum(axis=-1, keepdims=True)
        turn = along / self._weight
        turn[turn == 0] = 1e-6  # all points coincide: no face, and a division by 0
        return np.concatenate([place, turn], axis=-1), (points - place) / turn


def join(similarity: Complex, shape: Complex) -> Points:
    """The (K, 2) image points of what `Frame.split` returned."""
    return _to_points(similarity[0] + similarity[1] * shape)


def _to_points(values: Complex) -> Points:
    return np.stack([values.real, values.imag], axis=1).astype(np.float32)


def to_complex(points: Points) -> Complex:
    """Points (..., 2) as (...) complex numbers: a similarity is then a product and a sum."""
    return np.asarray(points[..., 0].astype(np.float64) + 1j * points[..., 1].astype(np.float64))


def fit_at(times: Array, values: Complex, at: float, degree: int) -> Complex:
    """The local polynomial through (T, …) values by least squares, evaluated at one time.

    Of `degree`, or lower where there are too few frames for it.

    >>> fit_at(np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 4.0]) + 0j, 3.0, 1).real.round(6)
    np.float64(6.0)
    """
    degree = min(degree, len(times) - 1)
    powers = np.vander(times - at, degree + 1, increasing=True)
    return np.asarray(np.linalg.lstsq(powers, values, rcond=None)[0][0])


class LiveSmoother:
    """Filters the points of one face, frame by frame.

    Args:
        markup: the name of the scheme.
    """

    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._quick = quick_points(markup)
        pairs = zip(astuple(QUICK), astuple(CALM), strict=True)
        moved = tuple(np.where(self._quick, *pair) for pair in pairs)
        self._filters = {False: astuple(LIVE_SHAPE), True: moved}
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after a lost face or a cut."""
        self._frame: Frame | None = None
        self._past: deque[tuple[float, Complex]] = deque(maxlen=FRAMES)
        self._moved: Complex | None = None  # (T, K), the latest points, moved along to this frame
        self._last: Complex | None = None  # (2, K), those of the last frame, found and smoothed
        self._speed: Complex | Array | float = 0.0
        self._latest = 0.0  # the time of the last frame

    @property
    def steady(self) -> bool:
        """Whether the place is a mean of several frames, no longer that of one alone."""
        return self._moved is not None and len(self._moved) >= KNOWN

    def carried(self, movement: Matrix, time: float) -> Points:
        """The (K, 2) points of a frame without new ones: the last smoothed ones, moved along.

        Lids and lips go on towards where they were found last: else an eye that opened just before
        would be drawn half closed until the next looks.

        Args:
            movement: of the face's pixels from the frame of the last `step` to this one.
            time: seconds. The face stood still in itself until then, so that what the next step
                finds has happened since.
        """
        assert self._last is not None
        assert self._frame is not None
        places, (found, shape) = self._frame.split(self._last)
        cutoff, beta, speed_cutoff = self._filters[True]
        seconds, self._latest = time - self._latest, time
        self._speed = self._speed * (1 - _share(speed_cutoff, seconds))
        share = self._quick * _share(cutoff + beta * np.abs(self._speed), seconds)
        smooth = places[1, 0] + places[1, 1] * (shape + share * (found - shape))
        self._last = np.stack([self._last[0], smooth])
        return _to_points(map_points(movement, smooth))

    def step(self, points: Points, time: float, movement: Matrix | None = None) -> Points:
        """The (K, 2) points of a frame, in pixels, filtered.

        Args:
            points: as found.
            time: seconds; one that is not later than the last starts again.
            movement: the affine map of the face's pixels from the last step's frame to this one,
                as of `registration.movement`; None if it is not known.
        """
        if self._past and not 0 < time - self._past[-1][0] <= MOST_SECONDS:
            self.reset()
        if self._frame is None:
            self._frame = Frame(points, self._markup)
        seconds = time - self._latest if self._past else 0.0
        self._latest = time
        found = to_complex(points)
        known = found[None]
        if movement is not None and self._moved is not None and self._last is not None:
            known = np.concatenate([map_points(movement, self._moved), known])[-MOVED:]
            self._last = map_points(movement, self._last)
        self._moved = known
        similarity, shape = self._frame.split(found)
        self._past.append((time, similarity))
        if seconds:
            shape = self._filtered(shape, seconds, movement is not None)
        smooth = join(self._similarity(time), shape)
        self._last = np.stack([found, to_complex(smooth)])
        return smooth

    def _similarity(self, time: float) -> Complex:
        assert self._frame is not None
        assert self._moved is not None
        if len(self._moved) >= KNOWN:
            return np.asarray(self._frame.split(self._moved)[0].mean(axis=0))
        recent = [(t, s) for t, s in self._past if time - t <= MOST_SECONDS]
        times, values = np.array([t for t, _ in recent]), np.stack([s for _, s in recent])
        return fit_at(times, values, time, DEGREE)

    def _filtered(self, shape: Complex, seconds: float, moved: bool) -> Complex:
        """One-Euro, a cutoff for each point by its own speed."""
        assert self._frame is not None
        assert self._last is not None
        last, before = self._frame.split(self._last)[1]
        rate = (shape - last) / seconds
        cutoff, beta, speed_cutoff = self._filters[moved]
        self._speed = self._speed + _share(speed_cutoff, seconds) * (rate - self._speed)
        share = _share(cutoff + beta * np.abs(self._speed), seconds)
        return np.asarray(before + share * (shape - before))


def quick_points(markup: str) -> NDArray[np.bool_]:
    """(K,) which points of a scheme move fast on a face: lids and lips, but not their corners."""
    names = load_markup(markup).names
    return np.array([bool(QUICK_WORDS.intersection(name.split("_"))) for name in names])


def map_points(movement: Matrix, points: Complex) -> Complex:
    """(..., K) points moved by an affine map (2, 3)."""
    (a, b, x), (c, d, y) = movement.tolist()
    real, imag = points.real, points.imag
    return np.asarray(a * real + b * imag + x + 1j * (c * real + d * imag + y))


def _share(cutoff: float | Array, seconds: float) -> Array:
    """The share of the way to a new value that a first-order low-pass moves."""
    turns = 2 * math.pi * np.asarray(cutoff) * seconds
    return np.asarray(turns / (1 + turns))
