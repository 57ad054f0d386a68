"""Aligners that the tests of the package share."""

from __future__ import annotations

import pytest

from facealign import Face, FaceAligner
from facealign.types import Pixels


@pytest.fixture(scope="session")
def aligner() -> FaceAligner:
    return FaceAligner(threads=1)


@pytest.fixture(scope="session")
def face(aligner: FaceAligner, astronaut: Pixels) -> Face:
    (found,) = aligner.align(astronaut)
    return found
