"""What tests of settings share."""

from __future__ import annotations

import pytest


@pytest.fixture
def toml(tmp_path):
    """Text → the path of a file that holds it."""

    def write(text):
        path = tmp_path / "run.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write
