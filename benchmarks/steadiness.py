"""How steady the points of a film are: plain functions of arrays. T frames, K points."""

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
