"""Steady landmarks: one face's points over time, filtered without lagging behind the face.

A face moves in two ways, which are filtered separately. The similarity (place, size and turn in
the picture) follows the head: it is fitted by a local polynomial in time, which leaves a steady
movement unchanged. The shape, what is left in the face's own frame, follows lids and lips: it is
still most of the time and then moves fast.

- `LiveSmoother` knows only the past. Similarity: Savitzky and Golay's local polynomial, evaluated
  at its newest point. Shape: the One-Euro filter (Casiez et al., CHI 2012).
- `smooth_at` also knows the frames after: centred local polynomials, which have no lag.

Times are in seconds and need not be even. Units of the shape: the face's own size, as the distance
between the outer eye corners where the scheme has them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facealign.markup import load_markup
from facealign.types import Points

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

MOST_SECONDS = 0.3
"""Seconds; frames further apart are not fitted together, as in a video of few frames a second."""


@dataclass(frozen=True)
class Window:
    """Which frames a local polynomial is fitted to.

    Attributes:
        frames: the largest number, including the one it is evaluated at.
        degree: of the polynomial; lower with too few frames.

    """

    frames: int
    degree: int


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


# Chosen on 18 videos of 90 frames (six photos under a moving camera, noise of 3 in 255), by shake,
# error and lag, and by how much is kept of a blink of 0.2 s and of a mouth that opens 5 times a
# second: live 0.91 and 0.94, centred 0.92 and 0.89.
LIVE = Window(frames=7, degree=2)
LIVE_SHAPE = OneEuro()
CENTRED = Window(frames=9, degree=2)
CENTRED_SHAPE = Window(frames=9, degree=4)


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

    def split(self, points: Points) -> tuple[Complex, Complex]:
        """(2,) place and size-and-turn in the picture, and (K,) the shape in the face's units."""
        values = to_complex(points)
        place = values.mean()
        turn = (np.conj(self._reference) * (values - place)).sum() / self._weight
        if turn == 0:  # all points coincide: no face, and a division by 0
            turn = 1e-6
        return np.array([place, turn]), (values - place) / turn


def join(similarity: Complex, shape: Complex) -> Points:
    """The (K, 2) image points of what `Frame.split` returned."""
    values = similarity[0] + similarity[1] * shape
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
        window: of the similarity's polynomial, ending at the newest frame.
        shape: settings of the shape's One-Euro filter.

    """

    def __init__(self, markup: str, window: Window = LIVE, shape: OneEuro = LIVE_SHAPE) -> None:
        self._markup, self._window, self._settings = markup, window, shape
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after a lost face or a cut."""
        self._frame: Frame | None = None
        self._past: deque[tuple[float, Complex]] = deque(maxlen=self._window.frames)
        self._shape: Complex | None = None
        self._speed: Complex | None = None
        self._last: Complex | None = None

    def step(self, points: Points, time: float) -> Points:
        """The (K, 2) points of a frame, in pixels, filtered.

        Args:
            points: as found.
            time: seconds; one that is not later than the last starts again.

        """
        if self._past and not 0 < time - self._past[-1][0] <= MOST_SECONDS:
            self.reset()
        if self._frame is None:
            self._frame = Frame(points, self._markup)
        similarity, shape = self._frame.split(points)
        seconds = time - self._past[-1][0] if self._past else 0.0
        self._past.append((time, similarity))
        recent = [(t, s) for t, s in self._past if time - t <= MOST_SECONDS]
        times, values = np.array([t for t, _ in recent]), np.stack([s for _, s in recent])
        return join(fit_at(times, values, time, self._window.degree), self._filter(shape, seconds))

    def _filter(self, shape: Complex, seconds: float) -> Complex:
        """One-Euro, a cutoff for each point by its own speed."""
        if self._shape is None or self._last is None or self._speed is None:
            self._shape, self._speed = shape, np.zeros_like(shape)
        else:
            rate = (shape - self._last) / seconds
            self._speed += _share(self._settings.speed_cutoff, seconds) * (rate - self._speed)
            cutoff = self._settings.cutoff + self._settings.beta * np.abs(self._speed)
            self._shape = self._shape + _share(cutoff, seconds) * (shape - self._shape)
        self._last = shape
        return self._shape


def _share(cutoff: float | Array, seconds: float) -> Array:
    """The share of the way to a new value that a first-order low-pass moves."""
    turns = 2 * math.pi * np.asarray(cutoff) * seconds
    return np.asarray(turns / (1 + turns))


def smooth_at(
    points: Sequence[Points],
    times: Sequence[float],
    index: int,
    markup: str,
) -> Points:
    """The (K, 2) points of one frame, smoothed by those before and after it; no lag.

    Args:
        points: of one face in frames without a gap, (K, 2) pixels each; those further away than
            half a window are not used.
        times: of these frames, in seconds, ascending.
        index: the frame to smooth.
        markup: the name of the scheme.

    """
    frame = Frame(points[index], markup)
    windows = CENTRED, CENTRED_SHAPE  # of place, size and turn, and of the shape
    chosen = [_around(times, index, window) for window in windows]
    split = {i: frame.split(points[i]) for part in chosen for i in part}
    fitted = [
        fit_at(
            np.array([times[i] for i in part]),
            np.stack([split[i][kind] for i in part]),
            times[index],
            window.degree,
        )
        for kind, (part, window) in enumerate(zip(chosen, windows, strict=True))
    ]
    return join(*fitted)


def _around(times: Sequence[float], index: int, window: Window) -> range:
    """The frames of a window centred on one, as far as they exist and are close in time."""
    half = window.frames // 2
    near = [
        i
        for i in range(max(0, index - half), min(len(times), index + half + 1))
        if abs(times[i] - times[index]) <= MOST_SECONDS
    ]
    return range(near[0], near[-1] + 1)
