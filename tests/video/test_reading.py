"""What files do to frames and times, and what is said of it; beside FFmpeg's own output."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facealign.errors import ImageError, SettingsError
from facealign.image import write_image
from facealign.types import Pixels
from facealign.video import Frame, VideoReader

MakeFilm = Callable[..., Path]
Waves = Callable[..., list[Pixels]]

TURNS = {
    "upright": (1, 0, 0, 1),
    "90": (0, 1, -1, 0),
    "180": (-1, 0, 0, -1),
    "270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "upside down, mirrored": (1, 0, 0, -1),
    "90, mirrored": (0, 1, 1, 0),
    "270, mirrored": (0, -1, -1, 0),
}


def read(source: Path | str, **options: object) -> list[Frame]:
    with VideoReader(source, **options) as video:
        return list(video)


def by_ffmpeg(path: Path, shape: tuple[int, ...], *options: str) -> np.ndarray:
    """(T, H, W, 3) the frames that the `ffmpeg` command makes of a video."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg command here to compare with")
    words = ["ffmpeg", "-v", "error", "-i", str(path), *options]
    words += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(words, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, *shape)


def assert_alike(frames: list[Frame], expected: np.ndarray, within: float = 2.0) -> None:
    ours = np.stack([frame.image for frame in frames]).astype(float)
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).mean() < within  # two ways of colour conversion differ a little


@pytest.mark.parametrize("name", TURNS)
def test_a_turned_video_is_turned_as_ffmpeg_does(
    make_video: MakeFilm, waves: Waves, name: str
) -> None:
    path = make_video("phone.mp4", waves(3), matrix=TURNS[name])
    frames = read(path)
    assert_alike(frames, by_ffmpeg(path, frames[0].image.shape))
    assert frames[0].image.shape[:2] == ((96, 64) if TURNS[name][0] == 0 else (64, 96))


def test_times_are_those_of_a_video_of_variable_rate(make_video: MakeFilm, waves: Waves) -> None:
    ticks = [0, 33, 66, 200, 210, 1000]
    frames = read(make_video("screen.mkv", waves(6), ticks=ticks))
    assert [frame.time for frame in frames] == pytest.approx([t / 1000 for t in ticks])
    assert [frame.number for frame in frames] == list(range(6))


def test_times_count_from_the_first_frame(make_video: MakeFilm, waves: Waves) -> None:
    frames = read(make_video("late.mkv", waves(3), ticks=[5000, 5040, 5080]))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.08])


def test_frames_without_timestamps_follow_at_the_rate(make_video: MakeFilm, waves: Waves) -> None:
    path = make_video("raw.h264", waves(6), options={"bf": "0"})
    frames = read(path)
    steps = np.diff([frame.time for frame in frames])
    assert len(frames) == 6
    assert (steps > 0).all()
    assert np.allclose(steps, steps[0])


@pytest.mark.parametrize("size", [(97, 65), (33, 64), (1, 1), (2, 300)], ids=str)
def test_odd_sizes_keep_every_pixel(
    make_video: MakeFilm, waves: Waves, size: tuple[int, int]
) -> None:
    pictures = waves(2, *size)
    frames = read(make_video("odd.mkv", pictures, codec="ffv1", form="bgr0"))
    assert [frame.image.tolist() for frame in frames] == [p.tolist() for p in pictures]


def test_ten_bits_become_eight_and_verbose_says_so(
    make_video: MakeFilm, waves: Waves, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = waves(2)
    path = make_video("deep.mkv", pictures, codec="ffv1", form="yuv444p10le")
    with caplog.at_level(logging.INFO, "facealign"):
        frames = read(path)
    assert frames[0].image.dtype == np.uint8
    assert np.abs(frames[0].image.astype(float) - pictures[0]).mean() < 3
    assert [r.getMessage() for r in caplog.records] == [
        f"{path}: 10 bits a colour are reduced to 8"
    ]


def test_hdr_is_said(make_video: MakeFilm, waves: Waves, caplog: pytest.LogCaptureFixture) -> None:
    params = {"x264-params": "transfer=smpte2084:colorprim=bt2020:colormatrix=bt2020nc"}
    path = make_video("hdr.mkv", waves(2), form="yuv420p10le", options=params)
    frames = read(path)
    assert (len(frames), frames[0].image.shape, frames[0].image.dtype) == (2, (64, 96, 3), np.uint8)
    (record,) = caplog.records
    assert "HDR (PQ, 10 bits) is reduced to 8 bits" in record.getMessage()


def test_woven_fields_are_parted_as_yadif_does(make_video: MakeFilm, waves: Waves) -> None:
    pictures = waves(9)
    woven = [p.copy() for p in pictures]
    for now, after in zip(woven, pictures[1:], strict=False):
        now[1::2] = after[1::2]  # the lower lines are of a later moment
    path = make_video("tape.mkv", woven, options={"flags": "+ildct+ilme", "qp": "0"})
    frames = read(path)
    assert [frame.number for frame in frames] == list(range(9))
    assert_alike(frames, by_ffmpeg(path, (64, 96, 3), "-vf", "yadif"))


def test_transparent_parts_are_laid_over_white(make_video: MakeFilm) -> None:
    picture = np.full((16, 32, 4), 40, np.uint8)
    picture[:, :16, 3], picture[:, 16:, 3] = 0, 255
    (frame,) = read(make_video("logo.mov", [picture], codec="png", form="rgba"))
    assert frame.image[:, :16].min() == 255
    assert frame.image[:, 16:].max() == 40


def test_a_video_of_one_frame(make_video: MakeFilm, waves: Waves) -> None:
    (frame,) = read(make_video("still.mp4", waves(1)))
    assert (frame.number, frame.time) == (0, 0.0)


def test_sound_alone_is_no_video(make_video: MakeFilm) -> None:
    path = make_video("song.m4a", [], sound="aac")
    with pytest.raises(ImageError, match=r"song.m4a: holds no video, sound alone"):
        VideoReader(path)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not a video")
    with pytest.raises(ImageError, match=r"notes.mp4: cannot be opened as a video \("):
        VideoReader(path)
    with pytest.raises(ImageError, match=r"none.mp4: no such file"):
        VideoReader(tmp_path / "none.mp4")


@pytest.mark.parametrize("name", ["cut.mkv", "cut.avi", "cut.ts"])
def test_a_video_cut_short_gives_what_is_there_and_one_line(
    make_video: MakeFilm, waves: Waves, reported: list[str], name: str
) -> None:
    whole = make_video(name, waves(40, 320, 240), codec="mpeg4", options={"g": "5"})
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) * 6 // 10])
    frames = read(whole)
    assert 10 < len(frames) < 35
    assert len(reported) == (0 if name.endswith(".ts") else 1)  # a transport stream has no length
    assert all(f"{name}: " in line for line in reported)


def test_a_damaged_frame_is_left_out_and_said(
    make_video: MakeFilm, waves: Waves, reported: list[str]
) -> None:
    path = make_video("hurt.avi", waves(6), codec="png", form="rgb24")
    content = bytearray(path.read_bytes())
    third = [i for i in range(len(content)) if content[i : i + 4] == b"IHDR"][3]
    content[third : third + 4] = b"XXXX"
    path.write_bytes(content)
    frames = read(path)
    assert len(frames) == 5
    (line,) = reported
    assert "hurt.avi: damaged (" in line
    assert "5 frames" in line


def test_an_empty_video_is_an_error(make_video: MakeFilm, waves: Waves) -> None:
    path = make_video("head.avi", waves(6), codec="png", form="rgb24")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"IHDR")])
    with pytest.raises(ImageError, match=r"head.avi: no frame can be decoded"):
        read(path)


def test_every_start_and_end_choose_frames(make_video: MakeFilm, waves: Waves) -> None:
    path = make_video("talk.mp4", waves(50))
    with VideoReader(path, every=3, start=0.4, end=1.2) as video:
        frames = list(video)
    assert [frame.number for frame in frames] == [10, 13, 16, 19, 22, 25, 28]
    assert video.total == 7
    with VideoReader(path, start=0.4, end=float("inf")) as video:
        assert video.total == 40
    assert len(read(path, every=1000)) == 1
    for wrong in ({"every": 0}, {"start": 2.0, "end": 1.0}):
        with pytest.raises(SettingsError):
            VideoReader(path, **wrong)


def test_a_folder_of_frames_in_the_order_of_their_numbers(
    tmp_path: Path, waves: Waves, reported: list[str]
) -> None:
    for number, picture in enumerate(waves(12, 20, 20)):
        write_image(picture, tmp_path / f"frame{number}.png")
    (tmp_path / "frame5.png").write_text("not a picture")
    frames = read(tmp_path)
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert frames[-1].time == pytest.approx(11 / 25)
    assert np.array_equal(frames[9].image, waves(12, 20, 20)[10])
    assert len(reported) == 1


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"holds no picture"):
        VideoReader(tmp_path)


def test_300vw_s_folder_holds_its_video(make_video: MakeFilm, waves: Waves, tmp_path: Path) -> None:
    (tmp_path / "114").mkdir()
    make_video("vid.avi", waves(5), codec="mpeg4").rename(tmp_path / "114" / "vid.avi")
    assert len(read(tmp_path / "114")) == 5


def test_a_cover_picture_is_no_video(make_video: MakeFilm, waves: Waves, tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg command here to add a cover")
    song, cover, path = (
        make_video("song.m4a", [], sound="aac"),
        tmp_path / "c.png",
        tmp_path / "b.m4a",
    )
    write_image(waves(1)[0], cover)
    words = (
        f"ffmpeg -v error -i {song} -i {cover} -map 0 -map 1 -c copy -disposition:v attached_pic"
    )
    subprocess.run([*words.split(), str(path)], check=True)
    with pytest.raises(ImageError, match=r"holds no video, sound alone"):
        VideoReader(path)
