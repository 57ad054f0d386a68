"""One face over time, and where it is looked for next."""

import math
from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from facealign.face import Face
from facealign.face.pose import lean
from facealign.geometry import Affine, CropTransform, box_of_points, box_size, inverse
from facealign.markup import load_markup
from facealign.tracking.patches import Patch, patch_of
from facealign.tracking.registration import (
    IDENTITY,
    Movement,
    after,
    moved_crop,
    moved_points,
    movement,
)
from facealign.tracking.smoothing import MOST_SECONDS, LiveSmoother, fit_at
from facealign.types import Box, Pixels, Points

LOST = 0.45
"""Mean score of the points below which a face is lost: true boxes have 0.68 at their first
percentile, background has 0.09."""
STEADY = 8
"""Frames that give a face's direction of movement; the newest `UNSURE` are left out."""
UNSURE = 2
PULL = 0.1
"""Share of the way by which a box moves, in each frame, to the box around its points. All points
together say how a face has moved; the box around them hangs on the outermost four, and jitters."""
UNLOOKED = 0.15
"""Most seconds for which the network does not look at a face."""
OWN = 0.06
"""Most `Movement.own` of a face that the network need not look at.

At 0.08 narrow eyes are not seen to blink: of eight blinks 88 % is kept, now 91 %. At 0.04 a face
that only comes nearer is looked at twice as often.
"""
NEWEST = 4
"""Frames from whose places, sizes and angles the next one is predicted."""


@dataclass(eq=False)
class Track:
    """One face over time.

    Attributes:
        number: given once, never to another face.
        face: as last found, its landmarks as the network gave them.
        box: where it is looked for next; of a missing face, where it was last seen.
        angle: degrees by which it leans clockwise in the picture; keeps counting past 180.
        seen: when it was last found, in seconds.
        missing: it is lost, and may return.
        unseen: runs of the detector in a row that did not find it.
        anchor: a box and the points in it, from which the next box is moved as the points are: the
            last frame's, or, of schemes that do not outline a face, the detector's last one.
        patch: its picture where the network last looked at it.
        looked: when that was, in seconds.
        moved: how it has moved since then, in image pixels.
        step: how it has moved since the frame before; None if that is not known.
        since: at the last look, how it had moved since the one before; None if that is not known.
        carried: in the last frame its landmarks were moved along, without a look.
        places: the latest ones: time, centre, logarithm of the size, angle.
    """

    number: int
    face: Face
    box: Box
    angle: float
    seen: float
    smoother: LiveSmoother | None
    anchor: tuple[Box, Points]
    patch: Patch = field(init=False)
    looked: float = 0.0
    moved: Affine = IDENTITY
    step: Affine | None = None
    since: Affine | None = None
    carried: bool = False
    missing: bool = True
    unseen: int = 0
    places: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=STEADY + UNSURE))

    def heading(self, time: float) -> Box:
        """The box where the face should be at a time if it keeps moving as before."""
        steady = list(self.places)[:-UNSURE]
        if len(steady) < 3:
            return self.box
        (t0, x0, y0, *_), (t1, x1, y1, *_) = steady[0], steady[-1]
        pace = np.array([x1 - x0, y1 - y0]) / (t1 - t0)
        moved = np.array([x1, y1]) + pace * (time - t1) - (self.box[:2] + self.box[2:]) / 2
        return (self.box + np.tile(moved, 2)).astype(np.float32)

    def expected(self, time: float) -> tuple[Box, float]:
        """Box and angle at a time shortly after, by the straight line through the last ones."""
        newest = [place for place in self.places if time - place[0] <= MOST_SECONDS][-NEWEST:]
        if len(newest) < NEWEST:
            return self.box, self.angle
        values = np.array(newest)
        x, y, size, angle = fit_at(values[:, 0], values[:, 1:].astype(complex), time, 1).real
        return _square((float(x), float(y)), float(np.exp(size))), float(angle)


def look(
    track: Track, face: Face, image: Pixels, time: float, found: Movement | None = None
) -> None:
    """Record the face of the track, as the network sees it in a frame.

    Args:
        track: of the face.
        face: with its landmarks.
        image: (H, W, 3) RGB uint8.
        time: in seconds.
        found: how it has moved since the last look, as `registered` without landmarks.
    """
    moved = None if track.missing else movement(track.patch, image, face.landmarks, found)
    track.since = None if moved is None else moved.affine
    track.step = track.since and after(track.since, inverse(track.moved))
    track.moved, track.looked, track.carried = IDENTITY, time, False
    _move(track, face, time)
    track.patch = patch_of(image, face)


def needs_no_look(track: Track, found: Movement, time: float) -> bool:
    """Whether a face's landmarks may be moved along: its place is sure, and all moved alike."""
    steady = track.smoother is not None and track.smoother.steady
    return steady and found.own <= OWN and 0 < time - track.looked <= UNLOOKED


def carry(track: Track, found: Movement, time: float) -> None:
    """Move a track's face along to a frame: all of it has moved alike since the last look."""
    track.step = after(found.affine, inverse(track.moved))
    track.moved, track.carried = found.affine, True
    points = moved_points(track.patch.points, found.affine)
    crop = track.face.network_crop and moved_crop(track.face.network_crop, track.step)
    _move(track, replace(track.face, landmarks=points, network_crop=crop), time)


def ahead(track: Track) -> Affine:
    """Where the pixels of the last look should be in the next frame, as the face moved last."""
    return after(track.step, track.moved) if track.step else track.moved


def _move(track: Track, face: Face, time: float) -> None:
    angle = float(lean(face.landmarks, face.markup))
    track.angle += (angle - track.angle + 180) % 360 - 180
    track.face, track.seen, track.missing = face, time, False
    track.box = _next_box(track, face.landmarks)
    if is_outline(face):
        track.anchor = track.box, face.landmarks
    x, y = ((track.box[:2] + track.box[2:]) / 2).tolist()
    track.places.append((time, x, y, math.log(box_size(track.box)), track.angle))


def _next_box(track: Track, points: Points) -> Box:
    """The anchor's box, moved and scaled as its points were, pulled a little to these points."""
    box, before = track.anchor
    try:
        moved = CropTransform.from_points(before, points, 1)
    except ValueError:  # points that all coincide are no face, and move nothing
        return box
    x, y = moved.to_crop(((box[:2] + box[2:]) / 2).astype(np.float32)).tolist()
    there = _square((x, y), box_size(box) * moved.scale)
    if not is_outline(track.face):
        return there
    return (there + PULL * (_squared(_box_round(points, track.angle)) - there)).astype(np.float32)


def set_anchor(track: Track, face: Face) -> None:
    """Record a face that the detector found, for the first time or again."""
    track.places.clear()
    track.angle = float(lean(face.landmarks, face.markup))
    box = _squared(_box_round(face.landmarks, track.angle)) if is_outline(face) else face.box
    track.anchor = box, face.landmarks


def shown_box(track: Track, points: Points) -> Box:
    """The box to report with a face: around its points, if they outline it."""
    return _box_round(points, track.angle) if is_outline(track.face) else _next_box(track, points)


def _squared(box: Box) -> Box:
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    return _square((x, y), box_size(box))


def _square(centre: tuple[float, float], side: float) -> Box:
    x, y, half = *centre, side / 2
    return np.array([x - half, y - half, x + half, y + half], np.float32)


def is_outline(face: Face) -> bool:
    """Whether the scheme's points outline the face, so that their box is the face's."""
    return "jaw" in load_markup(face.markup).groups


def _box_round(points: Points, angle: float) -> Box:
    """The box of points that lean by `angle`, turned upright about its centre."""
    turn = CropTransform.from_square((0.0, 0.0), 1.0, 1, angle)
    upright = box_of_points(turn.to_crop(points))
    centre, half = (upright[:2] + upright[2:]) / 2, (upright[2:] - upright[:2]) / 2
    place = turn.to_image(centre.astype(np.float32))
    return np.concatenate([place - half, place + half]).astype(np.float32)


def is_sure(face: Face) -> bool:
    """Whether the network sees a face there; True if its model gives no scores."""
    return face.scores is None or bool(face.scores.mean() >= LOST)


def is_inside(box: Box, image: Pixels) -> bool:
    """Whether the middle of a box is in the picture."""
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    return bool(0 <= x < image.shape[1] and 0 <= y < image.shape[0])
