"""The clip's camera: a closed path."""

from __future__ import annotations

from types import ModuleType

import numpy as np


def test_the_camera_ends_where_it_began(script: ModuleType) -> None:
    first, half, last = (script.camera(share).matrix for share in (0.0, 0.5, 1.0))
    assert np.allclose(first, last, atol=1e-4)
    assert not np.allclose(first, half)
