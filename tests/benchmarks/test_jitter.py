"""Films along known paths, followers that are known to be steady or not, and the script."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from facealign.types import Pixels

Benchmark = Callable[[str], ModuleType]


BLOB = np.array([270.3, 240.8], np.float32)


@pytest.fixture
def filmed(benchmark: Benchmark) -> Any:
    """A face to film in a picture of one soft blob of light."""
    y, x = np.mgrid[:500, :500]
    light = 250 * np.exp(-((x - BLOB[0]) ** 2 + (y - BLOB[1]) ** 2) / 2 / 8**2)
    image = np.round(light)[..., None].repeat(3, axis=-1).astype(np.uint8)
    box = np.array([185.5, 165.5, 345.5, 325.5], np.float32)
    return benchmark("jitter").Filmed("blob", image, box, 100.0)


def test_a_frame_shows_what_the_transform_says(benchmark: Benchmark, filmed: Any) -> None:
    jitter = benchmark("jitter")
    for path in jitter.PATHS:
        camera = filmed.camera(jitter.PATHS[path](0.15))
        light = jitter.film(filmed.image, camera)[..., 0].astype(float)
        y, x = np.mgrid[: jitter.SIDE, : jitter.SIDE]
        centre = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
        assert centre == pytest.approx(camera.to_crop(BLOB), abs=0.02), path


def test_paths_move_by_parts_of_a_pixel_and_return(benchmark: Benchmark) -> None:
    jitter = benchmark("jitter")
    for path in jitter.PATHS.values():
        assert path(0.0) == jitter.Step()
        assert np.allclose(list(vars(path(1.0)).values()), list(vars(path(0.0)).values()))
    fractions = {round(jitter.PATHS["pan"](t / 30).x % 1, 2) for t in range(30)}
    assert len(fractions) >= 12


def test_the_box_moves_with_the_face(benchmark: Benchmark, filmed: Any) -> None:
    jitter = benchmark("jitter")
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
        assert found["blind"][path] == {
            **dict.fromkeys(["wander_all", "shake_all", "wander_seven", "shake_seven"]),
            "missed_frames": 6,
        }


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
    names = [f"default, {way}" for way in ("true box", "own detector", "last frame")]
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
