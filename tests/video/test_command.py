"""`facealign video` from end to end: what it writes, continues, refuses and says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.face import ImageResult
from facealign.face.measures import NAMES
from facealign.formats.journal import journal_path
from facealign.formats.registry import read_results
from facealign.tracking import FaceTracker
from facealign.types import Pixels
from facealign.video import VideoReader, pyav

MakeFilm = Callable[..., Path]
Facealign = Callable[..., tuple[int, str, str]]
Filmed = Callable[..., list[Pixels]]


@pytest.fixture
def talk(make_video: MakeFilm, filmed: Filmed) -> Path:
    """A face for 20 frames, with sound."""
    return make_video("talk.mp4", filmed(20), sound="aac")


def read(path: Path) -> list[ImageResult]:
    return list(read_results(path))


def stop_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Ctrl-C while the tracker has that frame."""
    real, count = FaceTracker.step, iter(range(10_000))

    def step(self: FaceTracker, image: Pixels, time: float) -> Any:
        if next(count) == number:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, image, time)

    monkeypatch.setattr(FaceTracker, "step", step)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet"])
def test_every_frame_has_its_number_time_and_tracks(
    facealign: Facealign, talk: Path, tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / f"faces{suffix}"
    code, out, err = facealign("video", talk, "-o", target, "--raw", "--measures")
    assert (code, err) == (0, "")
    assert "1 track in 20 frames" in out
    results = read(target)
    assert [result.frame for result in results] == list(range(20))
    assert [result.time for result in results] == pytest.approx([n / 25 for n in range(20)])
    for result in results:
        (face,) = result.faces
        assert (face.track, result.source, result.width) == (0, str(talk), 260)
        assert face.raw is not None
        assert 0 < np.abs(face.raw - face.landmarks).max() < 5
        assert list(face.measures or ()) == list(NAMES)


def test_the_drawn_video_has_every_frame_and_the_sound(
    facealign: Facealign, talk: Path, tmp_path: Path
) -> None:
    drawn = tmp_path / "drawn.mp4"
    assert facealign("video", talk, "--draw", drawn)[0] == 0
    with VideoReader(talk) as before, VideoReader(drawn) as after:
        gaps = [
            np.abs(a.image.astype(float) - b.image).mean()
            for a, b in zip(before, after, strict=True)
        ]
        assert after.sound is not None
    assert len(gaps) == 20
    assert min(gaps) > 1  # something is drawn on each


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_video_of_ours_is_replaced_a_foreign_one_never(
    facealign: Facealign, make_video: MakeFilm, waves: Filmed, suffix: str
) -> None:
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    video = make_video("sea.mp4", waves(2))
    theirs = make_video(f"theirs{suffix}", waves(2), codec=codec)
    before, ours = theirs.read_bytes(), theirs.with_name(f"ours{suffix}")
    for words in (["video", video, "--draw"], ["video", video, "-o"], ["markups", "--chart"]):
        code, _, err = facealign(*words, theirs)
        assert (code, "a video is there which facealign did not write" in err) == (2, True)
        assert theirs.read_bytes() == before
    for _ in range(2):
        assert facealign("video", video, "--draw", ours)[0] == 0


def test_every_start_end_and_faces(
    facealign: Facealign, make_video: MakeFilm, filmed: Filmed, tmp_path: Path
) -> None:
    pairs = [np.concatenate([p, p[:, ::-1]], axis=1) for p in filmed(12)]
    video, target = make_video("two.mp4", pairs), tmp_path / "faces.jsonl"
    words = ("video", video, "-o", target, "--every", "2", "--start", "0.1", "--end", "0.4")
    assert facealign(*words)[0] == 0
    assert [(r.frame, len(r.faces)) for r in read(target)] == [(3, 2), (5, 2), (7, 2), (9, 2)]
    assert facealign(*words, "--faces", "1")[0] == 0
    assert [len(r.faces) for r in read(target)] == [1] * 4


def test_ctrl_c_leaves_valid_files_and_resume_goes_on(
    facealign: Facealign, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "faces.csv"
    with monkeypatch.context() as patched:
        stop_at(patched, 8)
        code, _, err = facealign("video", talk, "-o", target)
    assert code == 130
    assert "interrupted: 1 track in 9 frames" in err
    assert [result.frame for result in read(target)] == list(range(9))
    code, out, _ = facealign("video", talk, "-o", target, "--resume")
    assert code == 0
    assert "1 track in 20 frames" in out
    assert [(r.frame, r.faces[0].track) for r in read(target)] == [(n, 0) for n in range(20)]
    assert not journal_path(target).exists()


def test_ctrl_c_leaves_a_drawn_video_that_plays(
    facealign: Facealign, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = tmp_path / "drawn.mp4"
    stop_at(monkeypatch, 8)
    assert facealign("video", talk, "--draw", drawn)[0] == 130
    with VideoReader(drawn) as video:
        assert len(list(video)) == 9


def test_a_run_with_other_settings_is_not_resumed(
    facealign: Facealign, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "faces.csv"
    with monkeypatch.context() as patched:
        stop_at(patched, 3)
        facealign("video", talk, "-o", target)
    code, _, err = facealign("video", talk, "-o", target, "--resume", "--every", "2")
    assert code == 2
    assert "was started with another every" in err


def test_a_video_cut_short_is_done_up_to_there_with_exit_3(
    facealign: Facealign, make_video: MakeFilm, filmed: Filmed, tmp_path: Path
) -> None:
    video = make_video("cut.mkv", filmed(20), codec="mpeg4", options={"g": "1"})
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    target = tmp_path / "faces.csv"
    code, _, err = facealign("video", video, "-o", target)
    assert code == 3
    assert len(err.splitlines()) == 1
    assert "cut short after" in err
    assert 5 < len(read(target)) < 15


def test_a_video_without_a_face_is_no_error(
    facealign: Facealign, make_video: MakeFilm, waves: Filmed, tmp_path: Path
) -> None:
    target, drawn = tmp_path / "faces.csv", tmp_path / "drawn.mkv"
    video = make_video("sea.mp4", waves(6))
    code, out, err = facealign("video", video, "-o", target, "--draw", drawn)
    assert (code, err) == (0, "")
    assert "0 tracks in 6 frames" in out
    assert [(r.frame, r.faces) for r in read(target)] == [(n, []) for n in range(6)]


def test_a_bad_video_of_two_is_one_line(facealign: Facealign, talk: Path, tmp_path: Path) -> None:
    target = tmp_path / "faces.csv"
    code, _, err = facealign("video", tmp_path / "none.mp4", talk, "-o", target)
    assert code == 3
    assert err == f"error: {tmp_path / 'none.mp4'}: no such file\n"
    assert len(read(target)) == 20


def test_exit_4_where_no_video_can_be_read(
    facealign: Facealign, make_video: MakeFilm, tmp_path: Path
) -> None:
    code, _, err = facealign("video", make_video("song.m4a", [], sound="aac"), tmp_path / "no.mp4")
    assert code == 4
    assert "holds no video, sound alone" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("-o", "faces.pts"), "has no place for frames and tracks"),
        (("-o", "faces.xyz"), "is unknown"),
        (("--draw", "a.gif"), "no video has the suffix"),
        (("--resume",), "--resume needs -o FILE"),
        (("--resume", "-o", "a.csv", "--draw", "a.mp4"), "cannot continue a drawn video"),
        (("other.mp4", "--draw", "a.mp4"), "takes one video at a time"),
        (("--draw", "talk.mp4"), "would overwrite an input"),
        (("--start", "2", "--end", "1"), "not after the start"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_before_the_work(
    facealign: Facealign,
    talk: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    why: str,
) -> None:
    monkeypatch.chdir(talk.parent)
    before = talk.read_bytes()
    code, out, err = facealign("video", "talk.mp4", *words)
    assert (code, out) == (2, "")
    assert why in err
    assert talk.read_bytes() == before
    assert list(talk.parent.iterdir()) == [talk]


def test_json_lines_on_standard_output_from_standard_input(talk: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-W", "error", "-m", "facealign", "video", "-", "-o", "-"]
    pipe = tmp_path / "talk.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-i", talk, "-c", "copy", pipe], check=True)
    done = subprocess.run(words, input=pipe.read_bytes(), capture_output=True, check=True)
    lines = tmp_path / "lines.jsonl"
    lines.write_bytes(done.stdout)
    assert [(r.source, r.frame, len(r.faces)) for r in read(lines)] == [
        ("-", n, 1) for n in range(20)
    ]


def test_without_pyav_the_install_line_is_given(talk: Path) -> None:
    code = "import sys\nsys.modules['av'] = None\nfrom facealign.cli import main\n"
    code += f"main(['video', {str(talk)!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "facealign[video]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_webcam_is_followed_live_until_ctrl_c(
    facealign: Facealign, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # FFmpeg's lavfi is a capture device like v4l2: no file, no length, raw frames as they come.
    def device(name: str) -> tuple[str, dict[str, str]]:
        return f"movie={talk},loop=-1:20", {"format": "lavfi"}

    monkeypatch.setattr(pyav, "_device", device)
    stop_at(monkeypatch, 30)
    target = tmp_path / "faces.jsonl"
    assert facealign("video", "camera:0", "-o", target)[0] == 130
    results = read(target)
    assert [result.frame for result in results] == list(range(31))
    assert {face.track for result in results for face in result.faces} == {0}


def test_a_camera_that_is_not_there_is_said(
    facealign: Facealign, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = facealign("video", "camera:77")
    assert code == 4
    if sys.platform.startswith("linux"):
        assert "no such camera (/dev/video77 is not there)" in err
    monkeypatch.setattr(sys, "platform", "darwin")
    code, _, err = facealign("video", "camera:0")
    assert code == 4
    assert "cameras are opened on Linux only" in err
    assert "FaceTracker.step" in err


def test_photos_have_measures_too(
    facealign: Facealign, astronaut_path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "faces.csv"
    assert facealign("align", astronaut_path, "-o", target, "--measures")[0] == 0
    ((face,),) = (result.faces for result in read(target))
    assert list(face.measures or ()) == list(NAMES)
    assert 0.2 < face.measures["eye_openness_left"] < 0.5
