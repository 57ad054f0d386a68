"""Head pose: a generic 3D face fitted to the landmarks.

The frame of the face, in millimetres: x to the subject's left, y down, z away from the camera when
the face looks straight into it. The camera is weak perspective: rotate, scale, shift, drop depth.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from facealign.markup import load_markup
from facealign.types import Doubles, Points

STEPS = 12
CLOSE = 1e-9
LARGEST_STEP = 0.5
"""The largest rotation in one step of the fit, in radians."""

# Left half and midline of an average adult face, from the usual proportions: eye corners 33 and
# 90 mm apart, nose 37 mm long and 30 mm high, mouth 52 mm wide. Only points that move
# little in speech and laughter; the eye centre is that of the outline of the lids.
LEFT_HALF = {
    "left_eye_outer": (45.0, 0.0, 10.0),
    "left_eye_inner": (16.5, 1.0, 0.0),
    "left_eye_centre": (31.0, 0.0, 3.0),
    "left_nostril_1": (13.5, 46.0, -9.0),
    "left_nose": (17.0, 44.0, -7.0),
    "left_mouth_corner": (26.0, 70.0, -3.0),
}
MIDLINE = {
    "nose_bridge_1": (0.0, 1.0, -9.0),
    "nose_bridge_2": (0.0, 13.0, -16.0),
    "nose_bridge_3": (0.0, 25.0, -24.0),
    "nose_tip": (0.0, 37.0, -31.0),
    "nose_base": (0.0, 48.0, -17.0),
}


@dataclass(frozen=True)
class Pose:
    """Where a head looks, in degrees; (0, 0, 0) looks straight into the camera, upright.

    Attributes:
        yaw: to the subject's left, which is the right of the photo, is positive; -180 … 180.
        pitch: up is positive; -90 … 90.
        roll: leaning clockwise in the photo, to the subject's left shoulder, is positive;
            -180 … 180. Turning the photo changes roll alone.
    """

    yaw: float
    pitch: float
    roll: float

    def rotation(self) -> Doubles:
        """(3, 3) from the frame of the face to the camera's: x right, y down, z away from it."""
        y, p, r = (math.radians(angle) for angle in (-self.yaw, -self.pitch, self.roll))
        turn_y = [[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]]
        turn_x = [[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]]
        turn_z = [[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]]
        return np.asarray(np.array(turn_z) @ np.array(turn_x) @ np.array(turn_y))

    @classmethod
    def from_rotation(cls, rotation: Doubles) -> "Pose":
        """The angles of a (3, 3) rotation as `rotation` gives it."""
        angles = (
            math.atan2(rotation[2, 0], rotation[2, 2]),
            -math.asin(min(1.0, max(-1.0, float(rotation[2, 1])))),
            math.atan2(-rotation[0, 1], rotation[1, 1]),
        )
        yaw, pitch, roll = (math.degrees(angle) for angle in angles)
        return cls(yaw, pitch, roll)


FEWEST = 4
"""Points that a scheme must share with the generic face: fewer leave its turn open."""


@lru_cache(maxsize=32)
def generic_face(markup: str) -> tuple[NDArray[np.intp], Doubles]:
    """The points of a scheme that the generic 3D face has: their indices (M,), and (M, 3) mm.

    The millimetres are counted from these points' mean. M is 0 for a scheme with too few of them.

    Raises:
        DataError: no scheme has this name.
    """
    places = dict(MIDLINE)
    for name, (x, y, z) in LEFT_HALF.items():
        places[name] = (x, y, z)
        places["right" + name.removeprefix("left")] = (-x, y, z)
    known = [(i, places[n]) for i, n in enumerate(load_markup(markup).names) if n in places]
    if len(known) < FEWEST:
        return np.zeros(0, np.intp), np.zeros((0, 3))
    model = np.array([place for _, place in known])
    return np.array([i for i, _ in known], dtype=np.intp), model - model.mean(axis=0)


def fit_pose(landmarks: Points, markup: str) -> Pose:
    """The pose of a face from its landmarks; NaN where the scheme has too few known points.

    The rotation and scale of the generic face under weak perspective that come nearest to the
    points (K, 2), x y in pixels, by least squares (Gauss-Newton from the best affine fit).

    Raises:
        DataError: no scheme has this name.
    """
    indices, model = generic_face(markup)
    if not len(indices):
        return Pose(math.nan, math.nan, math.nan)
    points = landmarks[indices].astype(np.float64)
    points -= points.mean(axis=0)
    size = float(np.abs(points).max())
    if not size > 0:  # all points coincide: no pose to find
        return Pose(0.0, 0.0, 0.0)
    return Pose.from_rotation(_fit(model / np.abs(model).max(), points / size))


def _fit(model: Doubles, points: Doubles) -> Doubles:
    """(3, 3) rotation; the model (M, 3) and the points (M, 2) have their means at 0."""
    affine = points.T @ np.linalg.pinv(model.T)
    left, sizes, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    scale = float(sizes.mean())
    for _ in range(STEPS):
        turned = model @ rotation.T
        x, y, z = turned.T * scale
        nothing = np.zeros_like(x)
        # How the projected points move when the face turns about x, y, z, and when it grows.
        slopes = np.array([[nothing, z, -y, turned[:, 0]], [-z, nothing, x, turned[:, 1]]])
        missing = points.T - np.stack([x, y])
        step = np.linalg.lstsq(slopes.transpose(0, 2, 1).reshape(-1, 4), missing.ravel())[0]
        rotation, scale = _turn(step[:3]) @ rotation, scale + float(step[3])
        if np.abs(step).max() < CLOSE:
            break
    return rotation


def _turn(axis: Doubles) -> Doubles:
    """(3, 3) rotation about an axis by its length in radians (Rodrigues), cut at `LARGEST_STEP`."""
    angle = float(np.linalg.norm(axis))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = axis / angle
    angle = min(angle, LARGEST_STEP)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * (cross @ cross))


def lean(landmarks: Points, markup: str) -> Doubles:
    """By how many degrees faces lean clockwise in the photo: (..., K, 2) → (...), -180 … 180.

    The rotation in the image plane that brings the generic face, seen from the front, nearest to
    the points. Close to `Pose.roll` for a face that looks into the camera, and vectorized.
    """
    indices, model = generic_face(markup)
    points = landmarks[..., indices, :].astype(np.float64)
    # The mean of the model is 0, so that of the points need not be subtracted.
    along = np.einsum("...mi,mi->...", points, model[:, :2])
    across = np.einsum("...mi,mi->...", points[..., ::-1], model[:, :2] * [1.0, -1.0])
    return np.asarray(np.degrees(np.arctan2(across, along)))
