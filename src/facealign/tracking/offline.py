"""Steady landmarks of a video that is over: each frame by those before and after it."""

from collections.abc import Sequence

import numpy as np

from facealign.geometry import Matrix
from facealign.tracking.smoothing import (
    MOST_SECONDS,
    Complex,
    Frame,
    fit_at,
    join,
    map_points,
    quick_points,
    to_complex,
)
from facealign.types import Points

HALF = 4
"""Frames before and after that the centred polynomials are fitted to."""
CENTRED = (2, 4, 4)
"""Their degrees: of the similarity, of lids and lips, of all other points."""
CENTRED_MOVED = (1, 4, 2)
"""The same, where all was moved along into the frame."""


def smooth_at(
    points: Sequence[Points],
    times: Sequence[float],
    index: int,
    markup: str,
    movements: Sequence[Matrix | None] = (),
) -> Points:
    """The (K, 2) points of one frame, smoothed by those before and after it; no lag.

    Args:
        points: of one face in frames without a gap, (K, 2) pixels each; those further away than
            half a window are not used.
        times: of these frames, in seconds, ascending.
        index: the frame to smooth.
        markup: the name of the scheme.
        movements: for each frame, how the face moved since the one before, as of
            `registration.movement`; empty if that is not known.
    """
    near = _around(times, index)
    found = _moved_to(index, near, points, movements)
    degrees = CENTRED_MOVED if found else CENTRED
    values = found or {i: to_complex(points[i]) for i in near}
    similarities, shapes = Frame(points[index], markup).split(np.stack([values[i] for i in near]))
    when = np.array([times[i] for i in near])
    similarity, quick, calm = (
        fit_at(when, part, times[index], degree)
        for part, degree in zip((similarities, shapes, shapes), degrees, strict=True)
    )
    return join(similarity, np.where(quick_points(markup), quick, calm))


def _around(times: Sequence[float], index: int) -> range:
    """The frames of a window centred on one, as far as they exist and are close in time."""
    near = [
        i
        for i in range(max(0, index - HALF), min(len(times), index + HALF + 1))
        if abs(times[i] - times[index]) <= MOST_SECONDS
    ]
    return range(near[0], near[-1] + 1)


def _moved_to(
    index: int, near: range, points: Sequence[Points], movements: Sequence[Matrix | None]
) -> dict[int, Complex] | None:
    """The points of the frames in `near`, moved along into one of them; None if it is not known."""
    steps = [movements[i] if movements else None for i in near[1:]]
    known = [np.vstack([step, [0, 0, 1]]) for step in steps if step is not None]
    if len(known) < len(steps):
        return None
    here, to_here = index - near[0], {index: np.eye(3)}
    for number in reversed(range(here)):
        to_here[near[number]] = to_here[near[number + 1]] @ known[number]
    for number in range(here, len(known)):
        to_here[near[number + 1]] = to_here[near[number]] @ np.linalg.inv(known[number])
    return {i: map_points(to_here[i][:2], to_complex(points[i])) for i in near}
