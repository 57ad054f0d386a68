"""Damage at random: faces with finite points come out, or one of the documented errors.

A thousand damaged files each time; thousands of everything by hand:
pytest tests/aligner/test_fuzz.py --hypothesis-profile=thorough
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from facealign import Face, FaceAligner, FaceAlignError
from facealign.geometry import to_box
from facealign.types import Pixels

KINDS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "HEIC")
Change = tuple[str, float, int]


@pytest.fixture(scope="module")
def files(astronaut: Pixels) -> dict[str, bytes]:
    """A small photo of a face in every usual format."""
    photo = Image.fromarray(astronaut[40:240, 120:320]).resize((96, 96))
    found: dict[str, bytes] = {}
    for kind in KINDS:
        buffer = io.BytesIO()
        if kind == "HEIC":
            pytest.importorskip("pillow_heif").from_pillow(photo).save(buffer)
        else:
            photo.save(buffer, kind)
        found[kind] = buffer.getvalue()
    return found


def damaged(data: bytes, changes: list[Change]) -> bytes:
    """The bytes after changes at places given as shares of their length."""
    content = bytearray(data)
    for what, where, value in changes:
        place = int(where * len(content))
        if what == "set":
            content[place : place + 1] = bytes([value])
        elif what == "cut":
            del content[place:]
        elif what == "drop":
            del content[place : place + value]
        else:
            content[place:place] = bytes([value]) * value
    return bytes(content)


def check(faces: list[Face]) -> None:
    for face in faces:
        pose = face.pose
        assert np.isfinite(face.landmarks).all()
        assert np.isfinite(face.box).all()
        assert np.isfinite([face.score, pose.yaw, pose.pitch, pose.roll]).all()


changes = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "set", "cut", "drop", "insert"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=max(1000, settings().max_examples))
@given(kind=st.sampled_from(KINDS), changes=changes)
def test_a_damaged_file(
    aligner: FaceAligner, files: dict[str, bytes], kind: str, changes: list[Change]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own remarks on damaged metadata
        with contextlib.suppress(FaceAlignError):
            check(aligner.align(damaged(files[kind], changes)))


@given(
    arrays.arrays(
        st.sampled_from(["u1", "u2", "f2", "f4", "f8", "i2", "i8", "b1", "c8"]),
        arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=24),
    )
)
def test_an_array_of_any_kind(aligner: FaceAligner, array: np.ndarray) -> None:
    with contextlib.suppress(FaceAlignError):
        check(aligner.align(array))


@given(
    arrays.arrays(
        "f8",
        arrays.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=5),
        elements=st.floats(width=64) | st.floats(-200, 800),
    )
)
def test_boxes_of_any_kind(aligner: FaceAligner, astronaut: Pixels, boxes: np.ndarray) -> None:
    with contextlib.suppress(ValueError):
        rows = [to_box(row) for row in boxes] if boxes.ndim == 2 else []
        faces = aligner.align(astronaut, boxes=boxes)
        assert len(faces) == len(rows)
        check(faces)
