"""How sure a face is, from the scores of its points.

Fitted to half of the 197 faces of 300W that were held out of training, each under 18 troubles
(turned, masked, behind sunglasses, covered, dark, half in shadow, blurred, of 20 and 30 pixels, cut
in half …), in given boxes and as found in the photo, by aan-m: 3,300 faces. Of the other half,
99 % of those of 0.9 and more have an error under 10 %, and 72 % of those from 0.7 to 0.8; expected
calibration error 0.026, area under the ROC curve 0.98. Of heatmap-m it is 99 % and 81 %, 0.020 and
0.98, so these constants serve it too (`benchmarks/confidence.py`).
"""

import numpy as np

from facealign.face import Face
from facealign.geometry import box_of_points, nms
from facealign.types import Doubles, Floats

UNSURE = 10
"""Percentile of the scores: the surest of the points that are unsure."""
SLOPES, SHIFT = (7.46, 2.02), -2.45
"""Of the logistic function of that percentile and of the median."""
FACE, SHARE = 0.55, 0.5
"""A detected face is dropped where the mean of its points' scores and the `SHARE` of the detector's
score are less than `FACE` together.

Of 4,841 faces found under the troubles above 32 do not pass by heatmap-m (33 by aan-m); of 501
things found in 622 textures without a face 11 pass (18), 9 of them by `SURE` (the same script).
"""
SURE = 0.75
"""Upright faces with this score are kept whatever the landmarks say: very blurred ones reach it."""
SAME = 0.3
"""Faces whose points' boxes share more of their union are one."""


def confidence(scores: Floats) -> Floats:
    """(N, K) scores of points → (N,) probability of an error below a tenth of the eyes' distance.

    The error is the mean over the points, the distance that of the outer eye corners.

    >>> [round(float(p), 2) for p in confidence(np.array([[0.9] * 68, [0.2] * 68], np.float32))]
    [1.0, 0.36]
    """
    ordered = np.sort(scores, axis=-1)
    unsure, median = percentile(ordered, UNSURE), percentile(ordered, 50)
    sum_ = SLOPES[0] * unsure + SLOPES[1] * median + SHIFT
    return np.asarray(1 / (1 + np.exp(-sum_)), dtype=np.float32)


def percentile(ordered: Floats, share: float) -> Doubles:
    """(..., K) ascending values → (...) what `np.percentile` gives, in a tenth of its time.

    >>> float(percentile(np.array([1, 2, 4], np.float32), 75))
    3.0
    """
    place, last = share / 100 * (ordered.shape[-1] - 1), ordered.shape[-1] - 1
    low, part = ordered[..., int(place)].astype(np.float64), place - int(place)
    return np.asarray(low + part * (ordered[..., min(int(place) + 1, last)] - low))


def distinct_faces(faces: list[Face], angles: Floats) -> list[Face]:
    """The detected faces that the landmarks confirm, each once.

    Two boxes of one turned face may lead to the same points: the surer look is kept.

    Args:
        faces: that were found.
        angles: (N,) by how many degrees each leans, as the detector knows.
    """
    real = [
        face
        for face, angle in zip(faces, angles, strict=True)
        if face.scores is None
        or (face.score >= SURE and angle == 0)
        or float(face.scores.mean()) + SHARE * face.score >= FACE
    ]
    if len(real) < 2 or any(face.scores is None for face in real):
        return real
    boxes = np.stack([box_of_points(face.landmarks) for face in real])
    sure = np.array([face.scores.mean() for face in real if face.scores is not None])
    return [real[i] for i in sorted(nms(boxes, sure, SAME))]
