"""Opening a file, a camera or standard input, and the length that a video states."""

import os
import re
import sys
from typing import TYPE_CHECKING, Any

from facealign.errors import ImageError, needs
from facealign.files import is_file, missing, reason

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

CAMERA = re.compile(r"camera:(\d+)")


class StandardInput:
    """Standard input for PyAV, which loses a KeyboardInterrupt: it becomes the input's end.

    Attributes:
        interrupted: it has come.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._file = sys.stdin.buffer
        self.seek, self.tell, self.seekable = self._file.seek, self._file.tell, self._file.seekable

    def read(self, size: int) -> bytes:
        """That many bytes, fewer at the end."""
        try:
            return b"" if self.interrupted else self._file.read(size)
        except KeyboardInterrupt:
            self.interrupted = True
            return b""


def open_video(name: str) -> "tuple[InputContainer, VideoStream]":
    """The container and its first video.

    Raises:
        ImageError: it cannot be opened, or holds none.
        MissingExtraError: PyAV is not installed.
    """
    with needs("video", "reading videos"):
        import av
        import av.stream
    file, options = _device(name)
    if file is None and not is_file(name):
        raise ImageError(f"{name}: {missing(name)}")
    try:
        container: Any = av.open(name if file is None else file, **options)
    except (av.FFmpegError, OSError) as error:
        if isinstance(file, StandardInput) and file.interrupted:
            raise KeyboardInterrupt from None
        raise ImageError(f"{name}: cannot be opened as a video ({reason(error)})") from None
    cover = av.stream.Disposition.attached_pic
    found = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not found:
        alone = ", sound alone" if container.streams.audio else ""
        container.close()
        raise ImageError(f"{name}: holds no video{alone}")
    # Frame threading delays frames, which is not acceptable for a camera.
    found[0].thread_type = "SLICE" if CAMERA.fullmatch(name) else "AUTO"
    return container, found[0]


def _device(name: str) -> tuple[Any, dict[str, Any]]:
    """What PyAV opens for "-" and "camera:0", and how; None for a file."""
    if name == "-":
        return StandardInput(), {}
    camera = CAMERA.fullmatch(name)
    if camera is None:
        return None, {}
    if not sys.platform.startswith("linux"):
        raise ImageError(
            f"{name}: cameras are opened on Linux only; elsewhere read the frames yourself and "
            "give them to FaceTracker.step"
        )
    device = f"/dev/video{camera[1]}"
    if not os.path.lexists(device):
        raise ImageError(f"{name}: no such camera ({device} is not there)")
    return device, {"format": "v4l2"}


def declared_frames(stream: "VideoStream", rate: float) -> int:
    """How many frames a video states, by count or by length; 0 if it states neither."""
    if stream.frames:
        return int(stream.frames)
    if stream.duration and stream.time_base:
        return round(float(stream.duration * stream.time_base) * rate)
    clock = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if clock:  # Matroska's
        hours, minutes, seconds = (float(part) for part in clock.groups())
        return round((3600 * hours + 60 * minutes + seconds) * rate)
    return 0
