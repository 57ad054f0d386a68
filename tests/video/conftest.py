"""Videos made by PyAV, with what a camera, an editor or a broken disk does to them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.geometry import CropTransform
from facealign.types import Pixels

av = pytest.importorskip("av")

RATE = 25
MakeFilm = Callable[..., Path]


@pytest.fixture
def make_video(tmp_path: Path) -> MakeFilm:
    """(name, pictures, …) → a video of them.

    `ticks` are the frames' times in 1/1000 s; `sound` is a codec for one second of a tone; `matrix`
    is the display matrix a, b, c, d of an .mp4 or .mov.
    """

    def make(
        name: str,
        pictures: Iterable[Pixels],
        codec: str = "libx264",
        form: str = "yuv420p",
        ticks: Sequence[int] | None = None,
        sound: str | None = None,
        matrix: tuple[int, int, int, int] | None = None,
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as video:
            stream: Any = None
            tone = video.add_stream(sound, rate=48000) if sound else None
            for number, picture in enumerate(pictures):
                if stream is None:
                    stream = video.add_stream(codec, rate=RATE)
                    stream.height, stream.width = picture.shape[:2]
                    stream.pix_fmt, stream.options = form, options or {}
                    if ticks:
                        stream.codec_context.time_base = Fraction(1, 1000)
                kind = "rgba" if picture.shape[2] == 4 else "rgb24"
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=kind)
                if ticks:
                    frame.pts, frame.time_base = ticks[number], Fraction(1, 1000)
                video.mux(stream.encode(frame))
            if stream is not None:
                video.mux(stream.encode())
            if tone is not None:
                _write_tone(video, tone)
        if matrix:
            _set_matrix(path, matrix)
        return path

    return make


def _write_tone(video: Any, stream: Any) -> None:
    time = np.arange(48000, dtype=np.float32) / 48000
    wave = (0.2 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
    frame.sample_rate = 48000
    resampler = av.AudioResampler(stream.format, "mono", 48000, frame_size=stream.frame_size or 0)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        video.mux(stream.encode(part))
    video.mux(stream.encode())


def _set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a display matrix where ISO 14496-12 has it, in the track's header."""
    content = bytearray(path.read_bytes())
    a, b, c, d = matrix
    place = content.index(b"tkhd") + 44
    one = 1 << 16
    values = (a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    content[place : place + 36] = struct.pack(">9i", *values)
    path.write_bytes(content)


@pytest.fixture(scope="session")
def waves() -> Callable[..., list[Pixels]]:
    """(count, width, height) → pictures of slow waves that wander; no turn of one is another."""

    def make(count: int, width: int = 96, height: int = 64) -> list[Pixels]:
        y, x = np.mgrid[:height, :width]
        return [
            np.stack(
                [
                    127 + 100 * np.sin(x / 12 + n / 3),
                    127 + 100 * np.cos(y / 9),
                    255 * (0.6 * x / width + 0.4 * y / height),
                ],
                axis=-1,
            ).astype(np.uint8)
            for n in range(count)
        ]

    return make


@pytest.fixture(scope="session")
def filmed(astronaut: Pixels) -> Callable[..., list[Pixels]]:
    """(count, side) → a camera that wanders over the photo of a face."""

    def make(count: int, side: int = 260) -> list[Pixels]:
        pictures = []
        for number in range(count):
            wave = float(np.sin(number / 8))
            place = (230 + 15 * wave, 130 + 8 * wave)
            pictures.append(CropTransform.from_square(place, 260 - 20 * wave, side).warp(astronaut))
        return pictures

    return make


@pytest.fixture
def times_of() -> Callable[[Path], list[float]]:
    """(video) → the times of its frames, as FFmpeg reads them."""

    def read(path: Path) -> list[float]:
        with av.open(str(path)) as video:
            return [float(frame.time) for frame in video.decode(video=0)]

    return read
