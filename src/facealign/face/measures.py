"""How far eyes and mouth are open, in one face and over a track: plain functions with definitions.

They are ratios of distances within one face, so size and in-plane rotation do not matter. A head
turned to the side shortens widths and not heights: beyond `MOST_YAW`, or where a point that it
needs is hidden or uncertain, a ratio is None.

Left out: gaze, emotion, drowsiness and action units, which points alone do not support.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from facealign.face import Face
from facealign.types import Doubles, Points

MOST_YAW = 30.0
"""Largest yaw, in degrees to either side, for which the ratios are given."""
LEAST_SCORE = 0.45
"""Least mean score of the points of an eye or the mouth for a ratio to be given."""
EYES = {
    "eye_openness_left": (42, 43, 44, 45, 46, 47),
    "eye_openness_right": (36, 37, 38, 39, 40, 41),
}
"""ibug68's points of the subject's right and left eye."""
INNER_LIPS = (60, 61, 62, 63, 64, 65, 66, 67)
RATIOS = (*EYES, "mouth_openness")
NAMES = (*RATIOS, "yaw", "pitch", "roll")
"""The names of what `measure` returns, in order."""


def eye_openness(eye: Points) -> float:
    """Mean height of an eye over its width: Soukupová and Čech's eye aspect ratio (2016).

    (‖p2 − p6‖ + ‖p3 − p5‖) / (2 ‖p1 − p4‖): about 0.3 for an open eye, below 0.1 for a closed one.
    NaN for an eye without width.

    Args:
        eye: (6, 2) the outline from one corner over the upper lid to the other and back.

    >>> eye_openness(np.array([[0, 0], [1, -1], [2, -1], [3, 0], [2, 0], [1, 0]], np.float32))
    0.3333333333333333
    """
    p = eye.astype(np.float64)
    heights = np.linalg.norm(p[1] - p[5]) + np.linalg.norm(p[2] - p[4])
    return _ratio(float(heights) / 2, float(np.linalg.norm(p[0] - p[3])))


def mouth_openness(lips: Points) -> float:
    """Mean height between the inner lips over their width; 0 for a closed mouth.

    (‖p2 − p8‖ + ‖p3 − p7‖ + ‖p4 − p6‖) / (3 ‖p1 − p5‖); NaN for a mouth without width. The lips
    (8, 2) are the inner outline, from one corner over the upper lip to the other and back.
    """
    p = lips.astype(np.float64)
    heights = sum(float(np.linalg.norm(p[i] - p[8 - i])) for i in (1, 2, 3))
    return _ratio(heights / 3, float(np.linalg.norm(p[0] - p[4])))


def _ratio(height: float, width: float) -> float:
    return height / width if width > 0 else float("nan")


def measure(face: Face) -> Mapping[str, float | None]:
    """The measures of a face by name (`NAMES`); None where one is not known.

    Eyes and mouth need ibug68's points; yaw, pitch and roll in degrees are those of `Face.pose`.
    """
    pose = face.pose
    angles = {name: None if np.isnan(angle) else angle for name, angle in vars(pose).items()}
    if face.markup != "ibug68" or abs(pose.yaw) > MOST_YAW:
        return dict.fromkeys(RATIOS) | angles
    openness = {
        name: _known(face, points, eye_openness(face.landmarks[list(points)]))
        for name, points in EYES.items()
    }
    mouth = _known(face, INNER_LIPS, mouth_openness(face.landmarks[list(INNER_LIPS)]))
    return openness | {"mouth_openness": mouth} | angles


def measured(faces: Iterable[Face]) -> list[Face]:
    """The same faces with their `measures`."""
    return [replace(face, measures=measure(face)) for face in faces]


def _known(face: Face, points: tuple[int, ...], value: float) -> float | None:
    chosen = list(points)
    hidden = face.visible is not None and not face.visible[chosen].all()
    unsure = face.scores is not None and float(face.scores[chosen].mean()) < LEAST_SCORE
    return None if hidden or unsure or not np.isfinite(value) else value


@dataclass(frozen=True)
class Blink:
    """A dip of an eye's openness.

    Attributes:
        start, end: seconds; when the eye is half way between its open level and the lowest value.
        depth: the share of the open level lost at the lowest value, 0..1.
    """

    start: float
    end: float
    depth: float


LEAST_DEPTH = 0.35
"""Share of its open level by which an eye must close for a blink."""
LONGEST = 1.0
"""Seconds; an eye that stays closed for longer does not count as a blink."""


def open_level(openness: Doubles) -> float:
    """The openness of an open eye: the 80th percentile of the known values; NaN without any.

    Blinks take less than a fifth of the time, and no single frame weighs much.
    """
    known = openness[np.isfinite(openness)]
    return float(np.percentile(known, 80)) if known.size else float("nan")


def find_blinks(times: Doubles, openness: Doubles) -> list[Blink]:
    """The blinks of one eye of one track.

    A blink is a run of known frames below the open level less half of `LEAST_DEPTH`, that narrows
    by `LEAST_DEPTH` at least, lasts at most `LONGEST` seconds, and has an open eye on both sides:
    one that begins or ends where the eye is not known, or the track does, is not counted.

    Args:
        times: (T,) seconds, ascending.
        openness: (T,) as of `eye_openness`; NaN where it is not known.
    """
    level = open_level(openness)
    if not level > 0:
        return []
    share = openness / level
    low = np.flatnonzero(share < 1 - LEAST_DEPTH / 2)
    runs = np.split(low, np.flatnonzero(np.diff(low) > 1) + 1) if low.size else []
    found = [_blink(times, share, int(run[0]), int(run[-1])) for run in runs]
    return [b for b in found if b and b.depth >= LEAST_DEPTH and b.end - b.start <= LONGEST]


def _blink(times: Doubles, share: Doubles, first: int, last: int) -> Blink | None:
    before, after = first - 1, last + 1
    if before < 0 or after >= len(share) or not np.isfinite(share[[before, after]]).all():
        return None
    lowest = float(share[first : last + 1].min())
    half = (1 + lowest) / 2
    inside = [i for i in range(first, last + 1) if share[i] <= half]
    start = _crossing(times, share, inside[0] - 1, half)
    return Blink(start, _crossing(times, share, inside[-1], half), 1 - lowest)


def _crossing(times: Doubles, share: Doubles, index: int, level: float) -> float:
    a, b = float(share[index]), float(share[index + 1])
    part = (level - a) / (b - a)
    return float(times[index] + min(1.0, max(0.0, part)) * (times[index + 1] - times[index]))


def closed_share(times: Doubles, openness: Doubles, seconds: float = 60.0) -> Doubles:
    """The share of time for which an eye is closed, in each minute of a track.

    Closed is below half of the open level. A frame counts until the next one.

    Args:
        times: (T,) seconds, ascending.
        openness: (T,) as of `eye_openness`; NaN where it is not known.
        seconds: length of a piece; the last one may be shorter.

    Returns:
        (pieces,) in 0..1; NaN for a piece in which nothing is known.
    """
    if len(times) < 2:
        return np.zeros(0)
    durations = np.diff(times)
    piece = ((times[:-1] - times[0]) / seconds).astype(int)
    known = np.isfinite(openness[:-1])
    closed = known & (openness[:-1] < open_level(openness) / 2)
    count = int(piece.max()) + 1
    total = np.bincount(piece, durations * known, count)
    shut = np.bincount(piece, durations * closed, count)
    return np.asarray(np.where(total > 0, shut / np.where(total > 0, total, 1), np.nan))
