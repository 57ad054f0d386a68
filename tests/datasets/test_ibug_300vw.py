"""300VW: the official videos, frames by number, streaming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from facealign.datasets import read_dataset, read_pixels, stream_pixels
from facealign.datasets.ibug_300vw import VIDEOS, read_300vw
from facealign.errors import DataError, ImageError


def write_video(path: Path, frames: Any) -> None:
    """Frame n is a flat gray of 20·n."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 120, 100, "bgr0"
        for n in range(frames):
            picture = np.full((100, 120, 3), 20 * n, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def root(tmp_path: Path, points: Any, write_pts: Any) -> Any:
    for video in VIDEOS["category3"][:2]:
        write_video(tmp_path / video / "vid.avi", 6)
        for n in range(1, 7):
            write_pts(tmp_path / video / "annot" / f"{n:06d}.pts", points(shift=n))
    return tmp_path


def test_the_official_videos() -> None:
    counts = {subset: len(videos) for subset, videos in VIDEOS.items()}
    assert counts == {"train": 50, "category1": 31, "category2": 19, "category3": 14, "test": 64}
    assert len({*VIDEOS["train"], *VIDEOS["test"]}) == 114
    assert VIDEOS["category3"][0] == "410"
    assert all(len(video) == 3 for videos in VIDEOS.values() for video in videos)


def test_values(root: Path, points: Any) -> None:
    reading = read_300vw(root, "category3")
    face = reading.samples[8]
    assert (face.id, face.frame, face.group) == ("411/annot/000003", 2, "411")
    assert np.allclose(face.landmarks, points(shift=3) - 1, atol=1e-4)
    assert face.image == root / "411" / "vid.avi"
    assert face.box_source == "landmarks"
    assert np.allclose(face.box[:2], face.landmarks.min(axis=0))


def test_the_videos_that_are_not_there_are_one_line_each(reported: list[str], root: Path) -> None:
    reading = read_300vw(root, "category3")
    assert len(reading.samples) == 12
    assert len(reported) == 12
    assert "516" in reported[0]


def test_stride_takes_every_nth_frame_of_each_video(root: Path) -> None:
    faces = read_dataset("300vw", root, "category3", stride=4).samples
    assert [face.frame for face in faces] == [0, 4, 0, 4]
    with pytest.raises(DataError, match="stride is 0"):
        read_dataset("300vw", root, "category3", stride=0)


def test_frames_are_streamed_in_order(reported: list[str], root: Path) -> None:
    faces = read_300vw(root, "category3", stride=2).samples
    shown = [(face.frame, int(picture[0, 0, 0])) for face, picture in stream_pixels(faces)]
    assert shown == [(0, 0), (2, 40), (4, 80)] * 2
    assert all("vid.avi: no such file" in line for line in reported)


def test_one_frame_alone(root: Path) -> None:
    picture = read_pixels(read_300vw(root, "category3").samples[5])
    assert picture.shape == (100, 120, 3)
    assert int(picture.mean()) == 100


def test_a_video_that_ends_early_gives_one_line_a_face(
    reported: list[str], root: Path, points: Any, write_pts: Any
) -> None:
    for n in (7, 8):
        write_pts(root / "410" / "annot" / f"{n:06d}.pts", points())
    faces = read_300vw(root, "category3").samples
    pictures = [picture is not None for _, picture in stream_pixels(faces)]
    assert pictures == [True] * 6 + [False] * 2 + [True] * 6
    assert "ends before frame 7" in reported[-2]
    assert "410/annot/000008" in reported[-1]


def test_a_damaged_video_is_an_image_error(root: Path) -> None:
    (root / "410" / "vid.avi").write_bytes(b"no video")
    with pytest.raises(ImageError, match=r"410/vid\.avi: damaged or not a video"):
        read_pixels(read_300vw(root, "category3").samples[0])


def test_a_file_that_is_no_frame_and_a_video_without_labels_are_told(
    problems_of: Any, root: Path, points: Any, write_pts: Any
) -> None:
    write_pts(root / "410" / "annot" / "000000.pts", points())
    for path in (root / "411" / "annot").iterdir():
        path.unlink()
    problems = problems_of(lambda: read_300vw(root, "category3"))
    assert any("411/annot: holds no .pts file" in line for line in problems)
    assert any("000000.pts: the name is not a frame number" in line for line in problems)


def test_a_root_without_any_video_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"001/vid\.avi: no such file"):
        read_300vw(tmp_path, "train")
