"""The webcam in Chromium, from a video whose frames carry their numbers, against Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign import Face, FaceAligner, read_image
from facealign.tracking import FaceTracker
from facealign.types import Pixels

Scenario = Callable[..., dict[str, Any]]
pytestmark = pytest.mark.slow
MOST = 0.1
"""Pixels between a point in the browser and in Python."""
FRAMES = 30

SQUARE = 40
"""Side of the squares at the top of a video's frame: its number in binary, white is 1."""


def video(photo: Path) -> list[Image.Image]:
    """A face that moves, each frame's number painted into it."""
    face = Image.open(photo).convert("RGB").resize((400, 400))
    frames = []
    for number in range(FRAMES):
        frame = Image.new("RGB", (640, 480), (60, 80, 100))
        frame.paste(face, (60 + 4 * number, 60))
        for bit in range(5):
            colour = "white" if number >> bit & 1 else "black"
            frame.paste(colour, (SQUARE * bit, 0, SQUARE * (bit + 1), SQUARE))
        frames.append(frame)
    return frames


def write_video(path: Path, frames: list[Image.Image]) -> None:
    """As y4m, which Chromium plays as a webcam's picture, over and over."""
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F2:1 Ip A1:1 C420mpeg2\n")
        for frame in frames:
            # Video's range: gray levels 16 to 235, colours 16 to 240.
            y, u, v = (
                part.point(lambda value, top=top: round(16 + value * top / 255))
                for part, top in zip(frame.convert("YCbCr").split(), (219, 224, 224), strict=True)
            )
            small = (u.resize((320, 240)), v.resize((320, 240)))
            file.write(b"FRAME\n" + y.tobytes() + b"".join(part.tobytes() for part in small))


def painted_number(image: Pixels) -> int:
    middles = [image[SQUARE // 2, SQUARE * bit + SQUARE // 2].mean() for bit in range(5)]
    return sum(int(value > 128) << bit for bit, value in enumerate(middles))


@pytest.fixture(scope="module")
def frames(astronaut_path: Path) -> list[Image.Image]:
    return video(astronaut_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("webcam")


@pytest.fixture(scope="module")
def seen(browse: Scenario, folder: Path, frames: list[Image.Image]) -> dict[str, Any]:
    write_video(folder / "video.y4m", frames)
    flags = [f"--use-file-for-fake-video-capture={folder / 'video.y4m'}"]
    return browse("webcam", folder=str(folder), count=8, flags=flags)


def test_the_webcam_starts_mirrors_and_stops(seen: dict[str, Any]) -> None:
    assert seen["errors"] == []
    assert (seen["mirrored"], seen["plain"]) == ("scaleX(-1)", "")
    assert seen["cameras"] >= 1
    assert seen["stopped"]


def test_faces_are_followed_as_in_python_frame_by_frame(
    seen: dict[str, Any], folder: Path, frames: list[Image.Image]
) -> None:
    tracker = FaceTracker(FaceAligner(threads=1, turned_faces=False))
    numbers = []
    for i, faces in enumerate(seen["faces"]):
        image = read_image(folder / f"{i}.png")
        numbers.append(painted_number(image))
        # It is that frame of the video, but for the colours' way through 4:2:0.
        assert np.abs(image.astype(int) - np.asarray(frames[numbers[-1]])).mean() < 2
        wanted = tracker.step(image, i / 25)
        # On a busy machine the face may jump so far that it gets another number, in both.
        assert [face["track"] for face in faces] == [face.track for face in wanted]
        assert len(faces) == 1
        np.testing.assert_allclose(faces[0]["landmarks"], wanted[0].landmarks, atol=MOST)
    assert len(set(numbers)) > 4  # the video runs


def test_the_page_draws_points_where_the_face_is(
    seen: dict[str, Any], folder: Path, frames: list[Image.Image]
) -> None:
    aligner = FaceAligner(threads=1, turned_faces=False)
    for i in range(4):
        drawn = read_image(folder / f"live-{i}.png")
        assert drawn.shape == (480, 640, 3)
        number = painted_number(drawn)
        plain = np.asarray(frames[number])
        changed = np.abs(drawn.astype(int) - plain).max(axis=2)
        (face,) = aligner.align(plain)

        def dotted(shift: int, changed: Any = changed, face: Face = face) -> float:
            """The share of points with something drawn within two pixels."""
            places = np.round(face.landmarks + [shift, 0]).astype(int).tolist()
            near = [changed[y - 2 : y + 3, x - 2 : x + 3] for x, y in places]
            return float(np.mean([part.max() > 40 for part in near]))

        # The face moves by 4 pixels a frame: points of four frames before or after fit worse.
        # Nearer is not asked for: on a busy machine frames are skipped, and points are smoothed.
        assert dotted(0) > 0.5
        assert max((0, -24, -16, 16, 24), key=dotted) == 0
