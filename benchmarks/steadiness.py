"""How steady the points of a video are: plain functions of arrays. T frames, K points."""

from __future__ import annotations

import numpy as np

from facealign.metrics import Array


def wander(tracks: Array, distance: float) -> float:
    """How far points of a still face are from their own means.

    Mean over frames and points of the distance from the point's mean over the frames, over
    `distance`; NaN without frames.

    Args:
        tracks: (T, K, 2) the points frame by frame, in pixels that move with the face; NaN in
            frames where it was not found, which are left out.
        distance: the normaliser, in the same pixels.

    >>> wander(np.array([[[0.0, 0.0]], [[0.0, 4.0]]]), 100.0)
    0.02

    """
    seen = tracks[np.isfinite(tracks).all(axis=(1, 2))]
    if not len(seen):
        return float("nan")
    return float(np.linalg.norm(seen - seen.mean(axis=0), axis=2).mean() / distance)


def shake(tracks: Array, distance: float) -> float:
    """How much points tremble from frame to frame, without slow drift.

    Mean over points, and over frames between two others, of |next − 2 · this + last|, the second
    difference, over `distance`; NaN without three frames in a row. The arguments are those of
    `wander`.

    >>> shake(np.array([[[0.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]]), 100.0)
    0.02

    """
    bends = np.linalg.norm(np.diff(tracks, n=2, axis=0), axis=2)
    known = bends[np.isfinite(bends)]
    return float(known.mean() / distance) if known.size else float("nan")


def lag(tracks: Array, motion: Array) -> float:
    """By how many frames the points are late; NaN where nothing moves or no face was found.

    The least-squares τ of `points − their mean = −τ · motion`: a follower that gives what was
    true a frame ago is off by exactly one frame's motion, backwards.

    Args:
        tracks: (T, K, 2) as of `wander`.
        motion: (T, K, 2) by how much each point moves from one frame to the next, in the same
            pixels: the mean of the step before and the step after.

    >>> place = np.array([0.0, 0.0, 2.0, 4.0, 4.0, 4.0, 2.0, 0.0])[:, None, None]
    >>> moved = (np.roll(place, -1, 0) - np.roll(place, 1, 0)) / 2
    >>> round(lag(np.roll(place, 1, 0) - place, moved), 2)
    1.0

    """
    seen = np.isfinite(tracks).all(axis=(1, 2))
    gaps, steps = tracks[seen] - tracks[seen].mean(axis=0), motion[seen]
    power = float((steps**2).sum())
    return -float((gaps * steps).sum()) / power if power > 1e-9 else float("nan")


def response(values: Array, drive: Array) -> float:
    """How far a measure of the face goes along with what drives it: the slope of least squares.

    Noise does not raise it, as it would a range; a filter's delay lowers it, as it should.

    Args:
        values: (T,) such as an eye's openness; NaN in frames without the face.
        drive: (T,) such as how far the lid is closed.

    >>> round(response(np.array([0.3, 0.2, 0.1]), np.array([0.0, 0.5, 1.0])), 3)
    -0.2

    """
    seen = np.isfinite(values)
    if seen.sum() < 2 or not np.ptp(drive[seen]):
        return float("nan")
    return float(np.polyfit(drive[seen], values[seen], 1)[0])
