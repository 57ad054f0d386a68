"""Changing between webcams in Chromium, where one refuses, is slow, or comes too late."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_another_camera_that_does_not_start_is_told_and_the_first_goes_on(
    browse: Callable[..., dict[str, Any]],
) -> None:
    seen = browse("cameras")
    assert seen["errors"] == []
    assert seen["refused"] == {"said": "This camera cannot be used: not now", "back": True}
    assert seen["slow"]  # asked for again after a first failure by time
    assert seen["hidden"]
    assert seen["late"] == ["ended"]  # started after Stop: let go, its light is off
