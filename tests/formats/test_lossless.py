"""Results at random through all formats that keep all, in any order: nothing is lost.

A thorough run by hand: pytest tests/formats/test_lossless.py --hypothesis-profile=thorough
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from facealign import MARKUPS
from facealign.face import Face, ImageResult
from facealign.face.measures import NAMES
from facealign.formats.registry import FORMATS, VIDEO, read_results, write_results

WHOLE = [name for name in FORMATS if FORMATS[name].keeps_all]
unit = st.floats(0, 1, width=32)
pixel = st.floats(-4000, 30_000, width=32)
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@st.composite
def faces(draw: st.DrawFn, markup: str, scored: bool, seen: bool, filmed: bool = False) -> Face:
    count = MARKUPS[markup].count
    x, y = draw(st.floats(-500, 5000)), draw(st.floats(-500, 5000))
    width, height = draw(st.floats(1, 3000)), draw(st.floats(1, 3000))
    visible = draw(arrays(np.bool_, count)) if seen else None
    if visible is not None:
        visible[0] = False  # where all are visible COCO does not say it
    points = arrays(np.float32, (count, 2), elements=pixel)
    measured = st.none() | st.floats(-180, 180, width=32)
    return Face(
        box=np.array([x, y, x + width, y + height], np.float32),
        score=draw(unit),
        landmarks=draw(points),
        markup=markup,
        scores=draw(arrays(np.float32, count, elements=unit)) if scored else None,
        visible=visible,
        confidence=draw(unit) if scored else None,
        track=draw(st.integers(0, 2**31 - 1)) if filmed else None,
        raw=draw(points) if filmed else None,
        measures={name: draw(measured) for name in NAMES} | {"yaw": 1.5} if filmed else None,
    )


@st.composite
def some_results(draw: st.DrawFn) -> list[ImageResult]:
    """Photos of one markup, as a CSV table holds them; each named once."""
    kind = draw(st.sampled_from(sorted(MARKUPS))), draw(st.booleans()), draw(st.booleans())
    results = []
    for name in draw(st.lists(text, max_size=4, unique=True)):
        error = draw(st.none() | text)
        size = draw(st.none() | st.tuples(st.integers(1, 60_000), st.integers(1, 60_000)))
        found = [] if error else draw(st.lists(faces(*kind), max_size=2))
        results.append(ImageResult(name, *(size or (None, None)), found, error))
    return results


@given(way=st.permutations(WHOLE), results=some_results())
def test_a_way_through_all_formats_keeps_all(
    tmp_path_factory: pytest.TempPathFactory, way: list[str], results: list[ImageResult]
) -> None:
    after = results
    for name in [*way, way[0]]:
        path = tmp_path_factory.getbasetemp() / f"way{FORMATS[name].suffixes[0]}"
        assert write_results(lambda after=after: iter(after), path)[1] == set()
        after = list(read_results(path))
    assert_same(results, after)


@st.composite
def some_video(draw: st.DrawFn) -> list[ImageResult]:
    """Frames of videos of one markup, the faces with all that a tracker and `measure` give."""
    kind = draw(st.sampled_from(["ibug68", "celeba5"])), draw(st.booleans()), False, True
    results = []
    for name in draw(st.lists(text, max_size=2, unique=True)):
        for frame in sorted(draw(st.sets(st.integers(0, 10**6), max_size=3))):
            found = draw(st.lists(faces(*kind), max_size=2))
            time = draw(st.floats(0, 1e5))
            results.append(ImageResult(name, 640, 480, found, None, frame, time))
    return results


@given(
    way=st.permutations([name for name in WHOLE if not FORMATS[name].loses & VIDEO]),
    results=some_video(),
)
def test_a_way_of_a_video_keeps_frames_tracks_and_measures(
    tmp_path_factory: pytest.TempPathFactory, way: list[str], results: list[ImageResult]
) -> None:
    after = results
    for name in [*way, way[0]]:
        path = tmp_path_factory.getbasetemp() / f"video{FORMATS[name].suffixes[0]}"
        assert write_results(lambda after=after: iter(after), path)[1] == set()
        after = list(read_results(path))
    assert_same(results, after)
    for a, b in zip(results, after, strict=True):
        assert a.frame == b.frame
        assert b.time == pytest.approx(a.time, abs=1e-6)
        for x, y in zip(a.faces, b.faces, strict=True):
            assert x.track == y.track
            assert np.allclose(x.raw, y.raw, 1e-7, 0.0011)
            assert x.measures.keys() == y.measures.keys()
            for one, other in zip(x.measures.values(), y.measures.values(), strict=True):
                assert other == (one if one is None else pytest.approx(one, abs=6e-5))


def assert_same(before: list[ImageResult], after: list[ImageResult]) -> None:
    for a, b in zip(before, after, strict=True):
        assert (a.source, a.width, a.height, a.error) == (b.source, b.width, b.height, b.error)
        for x, y in zip(a.faces, b.faces, strict=True):
            assert np.allclose(x.landmarks, y.landmarks, 1e-7, 0.0011)
            assert np.allclose(x.box, y.box, 1e-7, 0.0021)
            assert abs(x.score - y.score) <= 6e-5
            assert (x.markup, x.scores is None) == (y.markup, y.scores is None)
            assert (x.confidence is None) == (y.confidence is None)
            assert x.confidence is None or abs(x.confidence - y.confidence) <= 6e-5
            assert x.scores is None or np.allclose(x.scores, y.scores, 0, 6e-5)
            assert x.visible is y.visible is None or np.array_equal(x.visible, y.visible)
