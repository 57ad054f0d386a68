"""Drawn videos: their sizes, times and sound, and that they are written whole or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from facealign.errors import OutputError
from facealign.types import Pixels
from facealign.video import VideoReader, VideoWriter
from facealign.video.writing import KINDS, choose_encoder

MakeFilm = Callable[..., Path]
Waves = Callable[..., list[Pixels]]
TimesOf = Callable[[Path], list[float]]


def write(path: Path, pictures: list[Pixels], **options: Any) -> Path:
    with VideoWriter(path, **options) as video:
        for number, picture in enumerate(pictures):
            video.write(picture, number / 25)
    return path


def packets(path: Path) -> list[bytes]:
    """The sound's packets as they are stored."""
    with av.open(str(path)) as video:
        sound = video.streams.audio[0]
        return [bytes(packet) for packet in video.demux(sound) if packet.size]


def sound_times(path: Path) -> list[float]:
    with av.open(str(path)) as video:
        sound = video.streams.audio[0]
        return [float(p.pts * p.time_base) for p in video.demux(sound) if p.size]


@pytest.mark.parametrize("suffix", KINDS)
def test_a_video_is_what_was_drawn(tmp_path: Path, waves: Waves, suffix: str) -> None:
    pictures = waves(6)
    path = write(tmp_path / f"drawn{suffix}", pictures)
    with VideoReader(path) as video:
        frames = list(video)
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.image.astype(float) - picture).mean() < 6


@pytest.mark.parametrize("size", [(97, 64), (96, 65), (33, 31)], ids=str)
def test_odd_sides_are_padded_by_a_pixel_of_the_edge(
    tmp_path: Path, waves: Waves, size: tuple[int, int]
) -> None:
    (picture,) = waves(1, *size)
    with VideoReader(write(tmp_path / "odd.mp4", [picture])) as video:
        (frame,) = video
    assert frame.image.shape[:2] == (size[1] + size[1] % 2, size[0] + size[0] % 2)
    assert np.abs(frame.image[: size[1], : size[0]].astype(float) - picture).mean() < 6


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_times_are_kept(tmp_path: Path, waves: Waves, times_of: TimesOf, suffix: str) -> None:
    times = [0.0, 0.033, 0.2, 0.21, 1.0, 1.001]
    path = tmp_path / f"vfr{suffix}"
    with VideoWriter(path) as video:
        for picture, time in zip(waves(6), times, strict=True):
            video.write(picture, time)
    assert times_of(path) == pytest.approx(times, abs=0.0006)


@pytest.mark.parametrize(("sound", "suffix"), [("aac", ".mp4"), ("libopus", ".webm")])
def test_sound_is_copied_to_the_byte(
    make_video: MakeFilm, tmp_path: Path, waves: Waves, sound: str, suffix: str
) -> None:
    source = make_video(f"talk{suffix}", waves(25), codec=KINDS[suffix][1][0][0], sound=sound)
    drawn = write(tmp_path / f"drawn{suffix}", waves(25), sound=source)
    ours, theirs = packets(drawn), packets(source)
    assert len(ours) >= 40
    assert ours == theirs[: len(ours)]
    assert len(theirs) - len(ours) <= 2  # what sounds after the last picture


def test_sound_starts_with_the_part_that_is_drawn(
    make_video: MakeFilm, tmp_path: Path, waves: Waves
) -> None:
    source = make_video("talk.mp4", waves(25), sound="aac")
    drawn = tmp_path / "part.mp4"
    with VideoWriter(drawn, source, start=0.4) as video:
        for number in range(10, 20):
            video.write(waves(1)[0], number / 25)
    all_packets, part = packets(source), packets(drawn)
    first = all_packets.index(part[0])
    assert sound_times(source)[first] == pytest.approx(0.4, abs=0.03)
    assert sound_times(drawn)[0] == pytest.approx(sound_times(source)[first] - 0.4, abs=0.001)
    assert part == all_packets[first : first + len(part)]


def test_sound_that_a_container_does_not_take_is_left_out_and_said(
    make_video: MakeFilm, tmp_path: Path, waves: Waves, caplog: pytest.LogCaptureFixture
) -> None:
    source = make_video("talk.mp4", waves(5), sound="aac")
    with caplog.at_level(logging.WARNING, "facealign"):
        drawn = write(tmp_path / "drawn.webm", waves(5), sound=source)
    assert [record.getMessage() for record in caplog.records] == [
        f"{source}: the sound is left out: .webm does not take aac"
    ]
    with av.open(str(drawn)) as video:
        assert not video.streams.audio


def test_a_silent_video_stays_silent(make_video: MakeFilm, tmp_path: Path, waves: Waves) -> None:
    drawn = write(tmp_path / "drawn.mp4", waves(5), sound=make_video("mute.mp4", waves(5)))
    with av.open(str(drawn)) as video:
        assert not video.streams.audio


def test_an_error_leaves_what_stood_there(tmp_path: Path, waves: Waves) -> None:
    path = tmp_path / "drawn.mp4"
    path.write_bytes(b"before")
    video = VideoWriter(path)
    video.write(waves(1)[0], 0.0)
    video.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_without_frames_is_not_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "drawn.mp4"):
        pass
    assert not (tmp_path / "drawn.mp4").exists()


def test_frames_of_another_size_are_fitted_to_the_first(tmp_path: Path, waves: Waves) -> None:
    pictures = [*waves(1, 64, 48), *waves(1, 80, 40)]
    with VideoReader(write(tmp_path / "two.mkv", pictures)) as video:
        assert [frame.image.shape for frame in video] == [(48, 64, 3)] * 2


def test_the_next_encoder_is_taken_where_the_first_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = av.codec.Codec

    def without_x264(name: str, mode: str) -> Any:
        if name == "libx264":
            raise ValueError(name)
        return real(name, mode)

    monkeypatch.setattr(av.codec, "Codec", without_x264)
    assert choose_encoder(tmp_path / "a.mp4")[1] == "mpeg4"
    monkeypatch.setattr(av.codec, "Codec", lambda name, mode: without_x264("libx264", mode))
    with pytest.raises(OutputError, match=r"this PyAV has none of libvpx-vp9, libvpx"):
        choose_encoder(tmp_path / "a.webm")


def test_an_unknown_suffix_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r'no video has the suffix ".gif"; use .mp4'):
        choose_encoder(tmp_path / "a.gif")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, waves: Waves) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*drawn.mp4|cannot write .*file"):
        write(tmp_path / "file" / "drawn.mp4", waves(1))
