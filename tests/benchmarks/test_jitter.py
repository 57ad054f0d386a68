"""Videos along known paths, followers that are known to be steady or not, and the script."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from facealign import FaceAligner
from facealign.face.measures import EYES, INNER_LIPS, eye_openness, mouth_openness
from facealign.geometry import box_of_points
from facealign.types import Pixels

Benchmark = Callable[[str], ModuleType]


BLOB = np.array([270.3, 240.8], np.float32)


@pytest.fixture
def filmed(benchmark: Benchmark) -> Any:
    """A face to video in a picture of one soft blob of light."""
    y, x = np.mgrid[:500, :500]
    light = 250 * np.exp(-((x - BLOB[0]) ** 2 + (y - BLOB[1]) ** 2) / 2 / 8**2)
    image = np.round(light)[..., None].repeat(3, axis=-1).astype(np.uint8)
    box = np.array([185.5, 165.5, 345.5, 325.5], np.float32)
    points = np.random.default_rng(0).uniform(200, 330, (68, 2)).astype(np.float32)
    points[[36, 45]] = [[215, 240], [315, 240]]  # the outer eye corners
    return benchmark("moving_photos").Filmed("blob", image, box, points)


def test_a_frame_shows_what_the_transform_says(benchmark: Benchmark, filmed: Any) -> None:
    videos = benchmark("moving_photos")
    for path in videos.PATHS:
        camera = filmed.camera(videos.PATHS[path](0.15))
        light = videos.video(filmed.image, camera)[..., 0].astype(float)
        y, x = np.mgrid[: videos.SIDE, : videos.SIDE]
        centre = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
        assert centre == pytest.approx(camera.to_crop(BLOB), abs=0.02), path


def test_paths_move_by_parts_of_a_pixel_and_return(benchmark: Benchmark) -> None:
    jitter = benchmark("moving_photos")
    for path in jitter.PATHS.values():
        assert path(0.0) == jitter.Step()
        assert np.allclose(list(vars(path(1.0)).values()), list(vars(path(0.0)).values()))
    fractions = {round(jitter.PATHS["pan"](t / 30).x % 1, 2) for t in range(30)}
    assert len(fractions) >= 12


def test_the_box_moves_with_the_face(benchmark: Benchmark, filmed: Any) -> None:
    jitter = benchmark("moving_photos")
    still = jitter.moved_box(filmed.camera(jitter.Step()), filmed.box)
    size = 160 / max(160 / jitter.FACE, jitter.FINER)
    assert still[2] - still[0] == pytest.approx(size, rel=1e-5)
    assert (still[:2] + still[2:]) / 2 == pytest.approx((jitter.SIDE - 1) / 2, abs=1e-3)
    moved = jitter.moved_box(filmed.camera(jitter.Step(3.5, -2.0)), filmed.box)
    assert moved - still == pytest.approx([3.5, -2.0, 3.5, -2.0], abs=1e-3)
    grown = jitter.moved_box(filmed.camera(jitter.Step(zoom=1.1, turn=20.0)), filmed.box)
    assert grown[2] - grown[0] == pytest.approx(1.1 * size, rel=1e-5)


def test_a_perfect_follower_stands_still_and_a_trembling_one_does_not(
    benchmark: Benchmark, filmed: Any
) -> None:
    jitter = benchmark("jitter")
    truth = np.array([[210.0, 200.0], [250.0, 260.0], [300.0, 220.0]], np.float32)

    def in_the_box(frame: Pixels, box: np.ndarray) -> np.ndarray:
        """Where the points are if the box is: right on paths that do not turn."""
        size = box[2] - box[0]
        return (truth - [265.5, 245.5]) * size / 160 + (box[:2] + box[2:]) / 2

    def trembling() -> Callable[..., np.ndarray]:
        signs: list[int] = []

        def follow(frame: Pixels, box: np.ndarray) -> np.ndarray:
            signs.append(1)
            unit = (box[2] - box[0]) / 160  # a pixel of the photo
            return in_the_box(frame, box) + np.array([(-1) ** len(signs) * unit, 0])

        return follow

    follow = [
        jitter.Follower("perfect", lambda: in_the_box, (0, 1)),
        jitter.Follower("trembling", trembling, (0, 1)),
        jitter.Follower("blind", lambda: lambda frame, box: None, (0, 1)),
    ]
    found = jitter.measure([filmed], ["pan", "zoom"], 6, follow)
    for path in ("pan", "zoom"):
        assert found["perfect"][path]["wander_all"] == pytest.approx(0, abs=1e-5)
        assert found["trembling"][path]["wander_seven"] == pytest.approx(0.01, rel=1e-3)
        assert found["trembling"][path]["shake_all"] == pytest.approx(0.04, rel=1e-3)
        assert found["perfect"][path]["lag"] == pytest.approx(0, abs=1e-3)
        assert found["blind"][path] == {
            **dict.fromkeys(["wander_all", "shake_all", "wander_seven", "shake_seven"]),
            "missed_frames": 6,
        }


def test_a_follower_that_is_late_lags_by_as_much(benchmark: Benchmark, filmed: Any) -> None:
    jitter = benchmark("jitter")

    def late() -> Callable[..., np.ndarray]:
        places: list[np.ndarray] = []

        def follow(frame: Pixels, box: np.ndarray) -> np.ndarray:
            places.append((box[:2] + box[2:]) / 2)
            return places[max(0, len(places) - 2)][None] + np.zeros((2, 1))

        return follow

    found = jitter.measure([filmed], ["pan"], 60, [jitter.Follower("late", late, (0, 1))])
    assert found["late"]["pan"]["lag"] == pytest.approx(1, abs=0.05)


def test_lids_and_mouth_move_and_the_rest_stands_still(
    benchmark: Benchmark, astronaut: Pixels
) -> None:
    videos, (face,) = benchmark("moving_photos"), FaceAligner(threads=1).align(astronaut)
    filmed = videos.Filmed("photo", astronaut, face.box, face.landmarks)
    assert filmed.acted(videos.Step()) is astronaut
    aligner = FaceAligner(threads=1)

    def points(step: Any) -> np.ndarray:
        return aligner.align(filmed.acted(step), boxes=[face.box])[0].landmarks

    still, shut, talking = (
        points(s) for s in (videos.Step(), videos.Step(lids=0.85), videos.Step(jaw=1))
    )
    for eye in EYES.values():
        assert eye_openness(shut[list(eye)]) < 0.9 * eye_openness(still[list(eye)])
    lips = list(INNER_LIPS)
    assert mouth_openness(talking[lips]) > 1.5 * mouth_openness(still[lips])
    changed = np.abs(filmed.acted(videos.Step(lids=0.85)).astype(int) - astronaut).max(axis=2) > 0
    inside = np.zeros_like(changed)
    x0, y0, x1, y1 = box_of_points(face.landmarks[17:48]).round().astype(int)
    inside[y0:y1, x0:x1] = True
    assert changed[inside].any()
    assert not changed[~inside].any()


def test_what_is_kept_is_measured_beside_the_way_frame_by_frame(
    benchmark: Benchmark, filmed: Any
) -> None:
    jitter = benchmark("jitter")
    lids = [jitter.PATHS["blink"](n / 30).lids for n in range(30)]

    def blinking(share: float) -> Callable[[], Callable[..., np.ndarray]]:
        def start() -> Callable[..., np.ndarray]:
            number = iter(range(30))

            def follow(frame: Pixels, box: np.ndarray) -> np.ndarray:
                height = 1 - share * lids[next(number)]
                eye = np.array(
                    [[0, 0], [1, -height], [2, -height], [3, 0], [2, height], [1, height]]
                )
                points = np.zeros((68, 2), np.float32)
                points[36:42], points[42:48] = eye, eye
                return points + (box[:2] + box[2:]) / 2

            return follow

        return start

    known = (0, 1), tuple(range(68)), "whole"
    follow = [
        jitter.Follower("whole", blinking(1.0), *known),
        jitter.Follower("half", blinking(0.5), *known),
    ]
    found = jitter.measure([filmed], ["blink"], 30, follow)
    assert found["half"]["blink"]["kept"] == pytest.approx(0.5, rel=1e-3)


def test_the_example_photo(
    benchmark: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.json"
    words = ["--frames", "3", "--paths", "turn", "noise", "--json", str(target)]
    benchmark("jitter").main([*words, "--without-peers"])
    printed = capsys.readouterr().out
    assert all(len(line) <= 80 for line in printed.splitlines())
    content = json.loads(target.read_text())
    assert content["faces"] == ["astronaut.jpg"]
    names = [
        f"default, {way}"
        for way in ("true box", "own detector", "last frame", "live", "live, one look", "offline")
    ]
    assert list(content["followers"]) == names
    for found in content["followers"].values():
        for numbers in found.values():
            assert numbers["missed_frames"] == 0
            assert 0 < numbers["wander_all"] < 0.05
            assert 0 < numbers["shake_seven"] < 0.1


def test_drawn_faces_and_absent_peers(
    benchmark: Benchmark,
    drawn: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Absent:
        name = "some-peer"

        def __init__(self) -> None:
            raise ImportError(name="somepeer")

    jitter = benchmark("jitter")
    monkeypatch.setattr(jitter, "PEERS", (Absent,))
    words = ["--faces", "2", "--frames", "2", "--paths", "pan", "--points", "all"]
    jitter.main(["--root", str(drawn), *words])
    printed = capsys.readouterr().out
    assert "some-peer left out: somepeer is not installed" in printed
    assert "2 faces, 2 frames a path" in printed
    assert "each one's own points" in printed
