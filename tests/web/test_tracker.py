"""The page's tracker and smoother beside Python's, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facealign import FaceAligner
from facealign.tracking import FaceTracker
from facealign.tracking.matching import match
from facealign.tracking.smoothing import LiveSmoother
from facealign.types import Pixels

Run = Callable[..., list[Any]]


def video(astronaut: Pixels) -> list[Pixels]:
    """A face under a moving, turning camera; a second one comes; another scene; nobody."""
    photo = Image.fromarray(astronaut)
    frames = []
    for i in range(14):
        place = photo.rotate(2 * i, resample=Image.Resampling.BILINEAR).resize((420, 420))
        scene = Image.new("RGB", (720, 480), (70, 90, 110))
        scene.paste(place, (6 * i, 20))
        if i >= 5:
            scene.paste(photo.resize((240, 240)), (470, 100 + 3 * i))
        frames.append(np.asarray(scene))
    other = Image.new("RGB", (720, 480), (220, 215, 200))
    other.paste(photo.resize((360, 360)), (330, 60))
    return [*frames, *[np.asarray(other)] * 3, np.full((480, 720, 3), 30, np.uint8)]


def test_faces_are_followed_as_in_python(run: Run, astronaut: Pixels, tmp_path: Path) -> None:
    frames = video(astronaut)
    jobs = []
    for i, frame in enumerate(frames):
        path = tmp_path / str(i)
        alpha = np.full((*frame.shape[:2], 1), 255, np.uint8)
        path.write_bytes(np.concatenate([frame, alpha], axis=2).tobytes())
        shape = {"raw": str(path), "width": frame.shape[1], "height": frame.shape[0]}
        jobs.append(shape | {"time": i / 25})
    model = {"model": "aan-m"}  # the differences of heatmap-m's 8 bits may pass the limit
    cases = [model, model | {"looks": 1, "smoothing": "none", "detectEvery": 3}]
    answers = run([{"task": "track", "frames": jobs, "options": case} for case in cases])
    aligner = FaceAligner("aan-m", threads=1, turned_faces=False)
    trackers = [
        FaceTracker(aligner),
        FaceTracker(aligner, looks=1, smoothing="none", detect_every=3),
    ]
    for answer, tracker in zip(answers, trackers, strict=True):
        numbers = set()
        for i, (given, frame) in enumerate(zip(answer, frames, strict=True)):
            wanted = tracker.step(frame, i / 25)
            assert [face["track"] for face in given] == [face.track for face in wanted], i
            numbers |= {face.track for face in wanted}
            for mine, known in zip(given, wanted, strict=True):
                np.testing.assert_allclose(mine["landmarks"], known.landmarks, atol=0.02)
                np.testing.assert_allclose(mine["box"], known.box, atol=0.02)
        assert len(numbers) >= 3  # both faces, and the one of the other scene
        assert answer[-1] == []


def test_points_are_smoothed_as_in_python(run: Run) -> None:
    draw = np.random.default_rng(1)
    for markup, count in (("ibug68", 68), ("celeba5", 5)):
        face = draw.uniform(0, 100, (count, 2))
        times = [*np.cumsum(draw.uniform(0.02, 0.06, 20)), 3.0, 3.04, 3.04, 3.08]
        frames = [(face + 40 * t + draw.normal(0, 1, face.shape)).astype(np.float32) for t in times]
        moves = [None, *(draw.normal(0, 0.01, (2, 3)) + [[1, 0, 2], [0, 1, 1]] for _ in times[1:])]
        moves[11] = moves[21] = None
        known = [None if m is None else m.tolist() for m in moves]
        all_three = zip(frames, times, known, strict=True)
        job = {
            "frames": [
                {"points": p.tolist(), "time": float(t), "movement": m} for p, t, m in all_three
            ]
        }
        (answer,) = run([{"task": "smooth", "markup": markup} | job])
        smoother = LiveSmoother(markup)
        steps = zip(frames, times, moves, strict=True)
        wanted = [smoother.step(p, float(t), m) for p, t, m in steps]
        np.testing.assert_allclose(answer, wanted, atol=1e-3)


def test_boxes_are_matched_as_in_python(run: Run) -> None:
    draw = np.random.default_rng(2)
    tables = [draw.uniform(-0.5, 1, shape).clip(0) for shape in ((3, 3), (5, 2), (2, 6), (6, 6))]
    answers = run([{"task": "match", "affinity": table.tolist()} for table in tables])
    assert [dict(answer) for answer in answers] == [match(table) for table in tables]
