"""The scene of crossing faces, and what is counted of a tracker on it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from facealign.face import Face
from facealign.geometry import box_of_points


@pytest.fixture
def tracking(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("tracking")


def face(place: tuple[float, float], track: int) -> Face:
    points = np.array(place) + np.linspace(-20, 20, 136).reshape(68, 2)
    points = points.astype(np.float32)
    return Face(box_of_points(points), 1.0, points, "ibug68", track=track)


def test_a_face_is_hidden_while_another_crosses_and_gone_once_it_left(
    tracking: ModuleType,
) -> None:
    scene = tracking.Scene(3, (640, 480))
    seen = np.array([scene.frame(number)[1] for number in range(0, tracking.FRAMES, 5)])
    assert seen[0] == pytest.approx([1, 1, 1], abs=0.01)
    assert seen[:, 1].min() < 0.2  # behind the first
    assert seen[:, 0].min() == pytest.approx(1, abs=0.01)
    assert seen[-1, 2] == 0


def test_switches_ghosts_and_missed_faces_are_counted(tracking: ModuleType) -> None:
    here, there, nowhere = (100.0, 100.0), (400.0, 100.0), (300.0, 400.0)
    score = tracking.Score()
    score.add([face(here, 0), face(there, 1)], [here, there], [1.0, 1.0])
    assert (score.switches, score.ghosts, score.missed) == (0, 0, 0)
    score.add([face(there, 0), face(here, 1)], [here, there], [1.0, 1.0])
    assert (score.switches, score.ghosts, score.missed) == (2, 0, 0)
    score.add([face(there, 0), face(nowhere, 1)], [here, there], [1.0, 1.0])
    assert (score.switches, score.ghosts, score.missed) == (2, 1, 1)
    score.add([face(here, 1)], [here, there], [1.0, 0.5])
    assert (score.switches, score.ghosts, score.missed) == (2, 1, 1)
    score.add([face(here, 1)], [here, there], [0.1, 1.0])  # nothing is to be seen there
    assert (score.switches, score.ghosts, score.missed) == (2, 2, 2)


@pytest.mark.slow
def test_three_faces_keep_their_tracks_with_few_runs_of_the_detector(
    tracking: ModuleType,
) -> None:
    aligner = tracking.Counted(threads=1, turned_faces=False)
    row = tracking.measure(aligner, 3, (640, 480), False, 2)
    assert row["detector"] <= 52
    assert row["switches"] == 0
    assert row["ghosts"] <= 3
    assert row["missed"] <= 3
    assert 0.2 < row["looked"] < 0.5


def test_talking_faces_open_their_mouths_and_close_their_eyes_between_words(
    tracking: ModuleType,
) -> None:
    """By hand: a word of 10 frames is widest in its middle, the blink is at 0.4 to 0.6 s."""
    steps = [tracking.acted(number) for number in range(2 * tracking.RATE)]
    assert [step.jaw for step in steps[:11:5]] == pytest.approx([0, 1, 0])
    assert [number for number, step in enumerate(steps) if step.lids > 0.1] == list(range(13, 18))
    still, talking = (tracking.Scene(1, (640, 480), talks) for talks in (False, True))
    pairs = [(still.frame(n)[0].astype(int), talking.frame(n)[0].astype(int)) for n in (0, 5)]
    closed, opened = (np.abs(one - other).mean(axis=2) for one, other in pairs)
    assert closed.mean() < tracking.NOISE
    x, y = (round(float(value)) for value in still.places(5)[0])
    mouth = np.s_[y + 10 : y + 50, x - 25 : x + 25]
    assert opened[mouth].mean() > 2 * closed[mouth].mean()
