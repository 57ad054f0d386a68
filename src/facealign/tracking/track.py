"""One face over time: where it is looked for next, and how well a detected box fits it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facealign.face import Face
from facealign.geometry import CropTransform, box_of_points, box_size, iou
from facealign.markup import load_markup
from facealign.smoothing import LiveSmoother
from facealign.types import Box, Pixels, Points

LOST = 0.45
"""Mean score of the points below which a face is lost: true boxes have 0.68 at their first
percentile, background has 0.09."""
SAME_BOX = 0.3
"""A detected face is the one followed here if the IoU of their boxes is at least this."""
STEADY = 8
"""Frames that give a face's direction of movement; the newest `UNSURE` are left out."""
UNSURE = 2
LEAST_RATIO = 0.6
"""Of the sizes of a missing face and of a detected one that may be it."""


@dataclass(eq=False)
class Track:
    """One face over time.

    Attributes:
        number: given once, never to another face.
        face: as last found, its landmarks as the network gave them.
        box: where it is looked for next; of a missing face, where it was last seen.
        angle: degrees by which it leans in the picture.
        seen: when it was last found, in seconds.
        missing: it is lost, and waited for.
        unseen: runs of the detector in a row that did not find it.
        patch: its picture in its own frame, small and gray.
        anchor: the detector's last box of it, and its points in that frame.

    """

    number: int
    face: Face
    box: Box
    angle: float
    seen: float
    smoother: LiveSmoother | None
    patch: NDArray[np.float64]
    anchor: tuple[Box, Points]
    missing: bool = False
    unseen: int = 0
    places: deque[tuple[float, float, float]] = field(
        default_factory=lambda: deque(maxlen=STEADY + UNSURE)
    )

    def heading(self, time: float) -> Box:
        """The box where the face should be at a time, had it moved on as before."""
        steady = list(self.places)[:-UNSURE]
        if len(steady) < 3:
            return self.box
        (t0, x0, y0), (t1, x1, y1) = steady[0], steady[-1]
        pace = np.array([x1 - x0, y1 - y0]) / (t1 - t0)
        moved = np.array([x1, y1]) + pace * (time - t1) - (self.box[:2] + self.box[2:]) / 2
        return (self.box + np.tile(moved, 2)).astype(np.float32)


def move(track: Track, face: Face, image: Pixels, time: float) -> None:
    """The track has its face in a frame."""
    track.angle = face.network_crop.angle if face.network_crop else track.angle
    track.face, track.seen, track.missing = face, time, False
    track.box = next_box(track, face.landmarks)
    x, y = ((track.box[:2] + track.box[2:]) / 2).tolist()
    track.places.append((time, x, y))
    track.patch = patch_of(image, face)


def next_box(track: Track, points: Points) -> Box:
    """Where to look for the face: round its points, where these outline it.

    Of other schemes, the detector's box moved and scaled as the points have since.
    """
    if is_outline(track.face):
        return _box_round(points, track.angle)
    box, before = track.anchor
    moved = CropTransform.from_points(before, points, 1)
    centre = moved.to_crop(((box[:2] + box[2:]) / 2).astype(np.float32))
    half = box_size(box) * moved.scale / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def is_outline(face: Face) -> bool:
    """Whether the scheme's points go round the face, so that their box is the face's."""
    return "jaw" in load_markup(face.markup).groups


def _box_round(points: Points, angle: float) -> Box:
    """The box of points that lean by `angle`, put upright about its own centre."""
    turn = CropTransform.from_square((0.0, 0.0), 1.0, 1, angle)
    upright = box_of_points(turn.to_crop(points))
    centre, half = (upright[:2] + upright[2:]) / 2, (upright[2:] - upright[:2]) / 2
    place = turn.to_image(centre.astype(np.float32))
    return np.concatenate([place - half, place + half]).astype(np.float32)


def is_sure(face: Face) -> bool:
    """Whether the network sees a face there, as far as its model says."""
    return face.scores is None or bool(face.scores.mean() >= LOST)


def is_inside(box: Box, image: Pixels) -> bool:
    """Whether the middle of a box is in the picture."""
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    return bool(0 <= x < image.shape[1] and 0 <= y < image.shape[0])


def affinity_of(track: Track, box: Box, time: float) -> float:
    """How well a detected box fits a track, 0..1; 0 where it is not this face's."""
    if not track.missing:
        shared = float(iou(track.box, box[None])[0])
        return shared if shared >= SAME_BOX else 0.0
    size, other = box_size(track.box), box_size(box)
    if not LEAST_RATIO < other / size < 1 / LEAST_RATIO:
        return 0.0
    gaps = [
        float(np.linalg.norm((box[:2] + box[2:] - there[:2] - there[2:]) / 2))
        for there in (track.box, track.heading(time))
    ]
    return max(0.0, SAME_BOX * (1 - min(gaps) / size))


def strayed(track: Track, time: float) -> float:
    """How far a face is from where it was heading, in sides of its box."""
    gap = (track.box - track.heading(time))[:2]
    return float(np.linalg.norm(gap)) / box_size(track.box)


def patch_of(image: Pixels, face: Face) -> NDArray[np.float64]:
    """A face's picture in its own frame, (24, 24) gray, of mean 0 and deviation 1."""
    box = box_of_points(face.landmarks)
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    angle = face.network_crop.angle if face.network_crop else 0.0
    crop = CropTransform.from_square((x, y), max(1.0, box_size(box)), 24, angle)
    gray = crop.warp(image).mean(axis=2)
    return np.asarray((gray - gray.mean()) / max(1.0, float(gray.std())))
