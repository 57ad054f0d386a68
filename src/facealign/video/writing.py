"""A video of drawn frames, with the times of the first video and its sound."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from facealign.errors import OutputError, needs
from facealign.files import MARK, is_file, whole_file
from facealign.types import Pixels

LOG = logging.getLogger(__name__)
X264 = ("libx264", {"crf": "20", "preset": "veryfast"})
MPEG4 = ("mpeg4", {"qmin": "2", "qmax": "6"})
VP9 = ("libvpx-vp9", {"crf": "30", "b": "0", "deadline": "realtime", "cpu-used": "6"})
VP8 = ("libvpx", {"crf": "10", "b": "4M", "deadline": "realtime", "cpu-used": "6"})
KINDS: Mapping[str, tuple[str, tuple[tuple[str, Mapping[str, str]], ...]]] = {
    ".mp4": ("mp4", (X264, MPEG4)),
    ".mov": ("mov", (X264, MPEG4)),
    ".mkv": ("matroska", (X264, VP9, MPEG4)),
    ".webm": ("webm", (VP9, VP8)),
}
"""Suffix → the container, and the encoders to try in order."""
CLOCK = Fraction(1, 60000)
"""Ticks per second: common frame rates and milliseconds are whole numbers of ticks, and MPEG-4's
encoder accepts it."""
AHEAD = 0.5
"""Seconds by which the sound may be written ahead of the pictures."""


class VideoWriter(AbstractContextManager["VideoWriter"]):
    """Writes a video, whole or not at all. Use it in a `with` statement.

    If the block ends early without an error, such as after Ctrl-C, the video is valid. Odd sides
    are padded by a pixel, as the usual pixel format requires.

    Args:
        path: .mp4, .mov, .mkv or .webm.
        sound: a file whose first audio stream is copied; None for silence.
        start: seconds of that video at which this one begins.

    Raises:
        MissingExtraError: PyAV is not installed.
        OutputError: no such container, or no encoder for it here, or it cannot be written.
    """

    def __init__(
        self, path: Path, sound: str | os.PathLike[str] | None = None, start: float = 0.0
    ) -> None:
        self._path, self._stack = path, ExitStack()
        self._format, self._encoder, self._options = choose_encoder(path)
        self._sound_file, self._start = sound, start
        self._container: Any = None
        self._sound: Iterator[tuple[float, Any]] = iter(())
        self._waiting: tuple[float, Any] | None = None
        self._last = -1

    def write(self, image: Pixels, time: float, rate: float = 25.0, origin: float = 0.0) -> None:
        """Add a frame.

        Args:
            image: (H, W, 3) RGB uint8; cut or padded to the size of the first one.
            time: seconds from the start of the source video; later than the last frame's.
            rate: frames per second, a hint to players; the times count.
            origin: seconds on the sound's clock at the start of the source video.

        Raises:
            OutputError: the frame cannot be encoded or written.
        """
        import av

        try:
            if self._container is None:
                self._open(image, rate, origin)
            frame = av.VideoFrame.from_ndarray(self._fitted(image), format="rgb24")
            ticks = max(self._last + 1, round((time - self._start) / CLOCK))
            frame.pts, frame.time_base, self._last = ticks, CLOCK, ticks
            self._container.mux(self._stream.encode(frame))
            self._copy_sound(time - self._start + AHEAD)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"cannot write {self._path}: {error}; choose another place") from None

    def _open(self, image: Pixels, rate: float, origin: float) -> None:
        import av

        file = self._stack.enter_context(whole_file(self._path, binary=True))
        self._container = av.open(file, "w", format=self._format)
        self._container.metadata["comment"] = MARK
        nominal = Fraction(rate).limit_denominator(1001) or Fraction(25)
        self._stream = self._container.add_stream(self._encoder, rate=nominal)
        height, width = image.shape[:2]
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt, self._stream.options = "yuv420p", dict(self._options)
        self._stream.codec_context.time_base = CLOCK
        if self._sound_file is not None and is_file(self._sound_file):
            self._sound = self._open_sound(self._sound_file, origin + self._start)

    def _open_sound(
        self, file: str | os.PathLike[str], shift: float
    ) -> Iterator[tuple[float, Any]]:
        """The first audio stream's packets, as `_packets` gives them; none if there is no sound."""
        import av

        try:
            source: Any = self._stack.enter_context(av.open(os.fspath(file)))
        except av.FFmpegError:
            return iter(())
        if not source.streams.audio:
            return iter(())
        sound = source.streams.audio[0]
        codec = sound.codec_context.codec.canonical_name
        try:
            if codec not in self._container.supported_codecs:
                raise ValueError(codec)
            stream = self._container.add_stream_from_template(sound)
        except (ValueError, av.FFmpegError):
            suffix = self._path.suffix
            LOG.warning("%s: the sound is left out: %s does not take %s", file, suffix, codec)
            return iter(())
        return _packets(source.demux(sound), stream, shift)

    def _copy_sound(self, end: float) -> None:
        """Write the sound's packets up to a time of the new video."""
        while waiting := self._waiting or next(self._sound, None):
            self._waiting = waiting
            time, packet = waiting
            if time > end:
                return
            self._container.mux(packet)
            self._waiting = None

    def _fitted(self, image: Pixels) -> Pixels:
        height, width = self._stream.height, self._stream.width
        part = image[:height, :width]
        missing = ((0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0))
        return np.ascontiguousarray(np.pad(part, missing, mode="edge"))

    def __exit__(self, *error: Any) -> None:
        if self._container is None:
            return
        import av

        try:
            if error[0] is None:
                self._container.mux(self._stream.encode())
                self._copy_sound(self._last * float(CLOCK))
                self._container.close()
        except (av.FFmpegError, OSError) as failed:
            broken = OutputError(f"cannot write {self._path}: {failed}; choose another place")
            self._stack.__exit__(OutputError, broken, None)
            raise broken from None
        finally:
            if error[0] is not None:
                with suppress(Exception):  # the first error is the one to be seen
                    self._container.close()
        self._stack.__exit__(*error)


def choose_encoder(path: Path) -> tuple[str, str, dict[str, str]]:
    """Container, encoder and its options for a file's suffix.

    Raises:
        MissingExtraError: PyAV is not installed.
        OutputError: no such container, or no encoder for it here.
    """
    with needs("video", "writing videos"):
        import av
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise OutputError(
            f'cannot write {path}: no video has the suffix "{path.suffix}"; use {", ".join(KINDS)}'
        )
    container, encoders = kind
    for name, options in encoders:
        with suppress(ValueError):  # PyAV raises it for an encoder that was not built in
            av.codec.Codec(name, "w")
            return container, name, dict(options)
    names = ", ".join(name for name, _ in encoders)
    raise OutputError(f"cannot write {path}: this PyAV has none of {names}")


def _packets(source: Iterator[Any], stream: Any, shift: float) -> Iterator[tuple[float, Any]]:
    """Packets for a stream of a new video that begins `shift` seconds later, with their times."""
    import av

    with suppress(av.FFmpegError):  # the sound of a truncated video ends there
        for packet in source:
            if packet.dts is None or packet.pts is None:
                continue
            time = float(packet.pts * packet.time_base) - shift
            if time >= -1e-3:
                ticks = round(shift / packet.time_base)
                packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks
                packet.stream = stream
                yield time, packet
