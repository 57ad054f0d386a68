"""Videos of faces whose place is known: smooth without lag, numbers kept, memory flat."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facealign
from facealign.aligner import FaceAligner
from facealign.errors import SettingsError
from facealign.face import Face
from facealign.geometry import CropTransform, box_of_points
from facealign.image import write_image
from facealign.types import Pixels
from facealign.video import TrackedFrame
from facealign.video.follow import smooth_frames

MakeFilm = Callable[..., Path]


@pytest.fixture(scope="module")
def aligner() -> FaceAligner:
    return FaceAligner(threads=1, turned_faces=False)


def moving(count: int, noise: float = 0.0) -> list[TrackedFrame]:
    """A face of 68 points that moves evenly, 2 pixels a frame, with noise."""
    random, image = np.random.default_rng(0), np.zeros((1, 1, 3), np.uint8)
    shape = 40 * random.random((68, 2))
    frames = []
    for number in range(count):
        points = shape + [2.0 * number, 0] + random.normal(0, noise or 1e-9, (68, 2))
        points = points.astype(np.float32)
        face = Face(box_of_points(points), 1.0, points, "ibug68", track=0)
        frames.append(TrackedFrame(image, number, number / 25, [face]))
    return frames


def unmoved(frames: list[TrackedFrame]) -> Iterator[tuple[TrackedFrame, dict[int, Any]]]:
    """The frames for `smooth_frames`, their faces' movements not known."""
    return ((frame, {}) for frame in frames)


def points_of(frames: list[TrackedFrame]) -> np.ndarray:
    return np.stack([frame.faces[0].landmarks for frame in frames])


def test_offline_smoothing_has_no_lag_and_keeps_every_frame() -> None:
    frames = moving(30)
    smoothed = list(smooth_frames(unmoved(frames)))
    assert [frame.number for frame in smoothed] == list(range(30))
    assert np.abs(points_of(smoothed) - points_of(frames)).max() < 0.01


def test_offline_smoothing_takes_noise_away_at_every_place() -> None:
    noisy, still = moving(40, 1.0), moving(40)
    error = np.linalg.norm(
        points_of(list(smooth_frames(unmoved(noisy)))) - points_of(still), axis=2
    )
    before = np.linalg.norm(points_of(noisy) - points_of(still), axis=2)
    assert error[10:30].mean() < 0.75 * before.mean()
    assert error.mean() < 0.8 * before.mean()


def test_boxes_move_with_the_smoothed_points() -> None:
    frames = moving(12, 3.0)
    for before, after in zip(frames, smooth_frames(unmoved(frames)), strict=True):
        moved = after.faces[0].landmarks.mean(axis=0) - before.faces[0].landmarks.mean(axis=0)
        assert np.abs(moved).max() > 0.01
        shift = after.faces[0].box - before.faces[0].box
        assert shift == pytest.approx(np.tile(moved, 2), abs=1e-3)


def test_a_gap_in_a_track_is_not_smoothed_across() -> None:
    frames = moving(20)
    frames[10] = TrackedFrame(frames[10].image, 10, 0.4, [])
    for number in range(11, 20):  # back at another place
        face = frames[number].faces[0]
        shifted = Face(face.box, 1.0, face.landmarks + 500, "ibug68", track=0)
        frames[number] = TrackedFrame(frames[number].image, number, number / 25, [shifted])
    smoothed = list(smooth_frames(unmoved(frames)))
    assert smoothed[10].faces == []
    gaps = [
        np.abs(a.faces[0].landmarks - b.faces[0].landmarks).max()
        for a, b in zip(smoothed, frames, strict=True)
        if b.faces
    ]
    assert max(gaps) < 0.01


def test_frames_wait_for_half_a_window_alone() -> None:
    taken = []

    def frames() -> Iterator[tuple[TrackedFrame, dict[int, Any]]]:
        for frame in moving(50):
            taken.append(frame.number)
            yield frame, {}

    smoothed = smooth_frames(frames())
    next(smoothed)
    assert len(taken) <= 5
    for _ in range(20):
        next(smoothed)
    assert len(taken) <= 25


@pytest.mark.parametrize("smoothing", ["offline", "live", "none"])
def test_a_folder_is_tracked_frame_by_frame(
    aligner: FaceAligner,
    filmed: Callable[..., list[Pixels]],
    tmp_path: Path,
    smoothing: str,
) -> None:
    for number, picture in enumerate(filmed(6)):
        write_image(picture, tmp_path / f"{number}.png")
    frames = list(facealign.track(tmp_path, aligner, smoothing=smoothing, keep_raw=True))
    assert [(f.number, [face.track for face in f.faces]) for f in frames] == [
        (n, [0]) for n in range(6)
    ]
    moved = [np.abs(f.faces[0].landmarks - f.faces[0].raw).max() for f in frames]
    assert (max(moved) > 0) == (smoothing != "none")


def test_a_smoothing_that_is_not_offered_is_refused(tmp_path: Path, astronaut: Pixels) -> None:
    write_image(astronaut, tmp_path / "0.png")
    with pytest.raises(SettingsError, match='"live", "offline" or "none", not "strong"'):
        facealign.track(tmp_path, smoothing="strong")


def crossing(astronaut: Pixels, number: int, count: int) -> tuple[Pixels, dict[str, float]]:
    """Two faces on a gray ground, the right one passing in front of the left: x of each nose."""
    face = CropTransform.from_square((228, 120), 150, 120).warp(astronaut)
    other = (face[:, ::-1].astype(float) * [0.75, 0.9, 1.0]).astype(np.uint8)
    frame = np.full((180, 480, 3), 90, np.uint8)
    places = {"back": 20 + 320 * number / count, "front": 340 - 320 * number / count}
    for name, part in (("back", other), ("front", face)):
        x = round(places[name])
        frame[30:150, x : x + 120] = part
    return frame, {name: x + 60 for name, x in places.items()}


@pytest.mark.slow
def test_crossing_faces_keep_their_numbers_or_get_new_ones(
    aligner: FaceAligner, astronaut: Pixels, make_video: MakeFilm
) -> None:
    pictures = [crossing(astronaut, n, 90) for n in range(90)]
    video = make_video("cross.mkv", [p for p, _ in pictures], codec="ffv1", form="bgr0")
    owners: dict[int, set[str]] = {}
    seen = 0
    for frame in facealign.track(video, aligner):
        places = pictures[frame.number][1]
        for face in frame.faces:
            x = float(face.landmarks[:, 0].mean())
            gaps = {name: abs(x - place) for name, place in places.items()}
            if abs(places["back"] - places["front"]) > 40:  # else one hides the other
                name = min(gaps, key=gaps.get)
                assert gaps[name] < 15
                owners.setdefault(face.track, set()).add(name)
                seen += 1
    assert all(len(names) == 1 for names in owners.values())
    assert owners[0] | owners[1] == {"back", "front"}
    assert seen >= 150


@pytest.mark.slow
def test_cuts_begin_new_numbers(
    aligner: FaceAligner,
    astronaut: Pixels,
    filmed: Callable[..., list[Pixels]],
    make_video: MakeFilm,
) -> None:
    scenes = filmed(36)
    sea = np.full_like(scenes[0], 30)
    scenes[12:24] = [(p[:, ::-1] * 0.45).astype(np.uint8) for p in scenes[12:24]]
    scenes[30:36] = [sea] * 6
    video = make_video("cuts.mkv", scenes, codec="ffv1", form="bgr0")
    numbers = [[face.track for face in frame.faces] for frame in facealign.track(video, aligner)]
    assert numbers == [[0]] * 12 + [[1]] * 12 + [[2]] * 6 + [[]] * 6


MEASURE = """
import resource, sys
import facealign
video, aligner = sys.argv[1], facealign.FaceAligner("aan-s", threads=1, turned_faces=False)
for number, frame in enumerate(facealign.track(video, aligner, looks=1)):
    if number in (500, 4999):
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
def test_memory_is_flat_over_5000_frames(
    make_video: MakeFilm, filmed: Callable[..., list[Pixels]]
) -> None:
    pictures = filmed(50, 160)
    video = make_video("long.mp4", (pictures[n % 50] for n in range(5000)))
    words = [sys.executable, "-c", MEASURE, str(video)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    early, late = map(int, done.stdout.split())
    assert late - early < 12, (early, late)
