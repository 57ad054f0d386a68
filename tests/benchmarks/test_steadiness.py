"""How steady points are, on numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from steadiness import shake, wander


def test_a_steady_drift_wanders_and_does_not_shake() -> None:
    drift = np.zeros((3, 2, 2))
    drift[:, :, 0] = [[0.0, 0.0], [3.0, 3.0], [6.0, 6.0]]  # means 3: 3, 0 and 3 from it
    assert wander(drift, 10.0) == pytest.approx(0.2)
    assert shake(drift, 10.0) == 0.0


def test_a_point_that_jumps_once_shakes_thrice() -> None:
    jump = np.zeros((5, 1, 2))
    jump[2, 0] = [3.0, 4.0]  # second differences 5, 10, 5; means (0.6, 0.8): four times 1, once 4
    assert shake(jump, 100.0) == pytest.approx(20 / 3 / 100)
    assert wander(jump, 100.0) == pytest.approx((4 * 1 + 4) / 5 / 100)


def test_frames_without_the_face_are_left_out() -> None:
    jump = np.zeros((7, 1, 2))
    jump[0], jump[2] = np.nan, [0.0, 5.0]  # 1 … 6 are left: means 5/6, in a row all six
    strayed = [5 / 6] * 5 + [25 / 6]
    assert wander(jump, 1.0) == pytest.approx(sum(strayed) / 6)
    assert shake(jump, 1.0) == pytest.approx((10 + 5 + 0 + 0) / 4)


def test_too_few_frames_say_nothing_of_steadiness() -> None:
    assert math.isnan(wander(np.full((4, 68, 2), np.nan), 1.0))
    assert math.isnan(wander(np.zeros((0, 68, 2)), 1.0))
    assert math.isnan(shake(np.zeros((2, 68, 2)), 1.0))
