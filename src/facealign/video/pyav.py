"""PyAV opens a file, a camera or standard input; what it decodes as upright 8-bit RGB."""

import logging
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from facealign.errors import ImageError, needs
from facealign.files import is_file, missing, reason
from facealign.image import read_image
from facealign.types import Pixels

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

LOG = logging.getLogger(__name__)
HDR = {16: "PQ", 18: "HLG"}
"""Numbers of the HDR transfer functions in ITU-T H.273."""
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


def to_pixels(frame: "VideoFrame") -> Pixels:
    """(H, W, 3) RGB uint8, turned as the file says; transparency is laid over white."""
    if any(component.is_alpha for component in frame.format.components):
        picture = read_image(frame.to_ndarray(format="rgba"))
    else:
        picture = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    a, b, c, d = display_matrix(frame)
    if a == 0:
        picture, a, d = picture.swapaxes(0, 1), c, b
    return np.ascontiguousarray(picture[:: d or 1, :: a or 1])


def display_matrix(frame: "VideoFrame") -> tuple[int, int, int, int]:
    """a, b, c, d in -1, 0, 1: a stored pixel (x, y) is shown at (a·x + c·y, b·x + d·y).

    Rotations by other than a multiple of 90 degrees are ignored: (1, 0, 0, 1).
    """
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is not None:
        values = np.frombuffer(bytes(data), np.int32)[[0, 1, 3, 4]] / 65536
        a, b, c, d = (round(float(value)) for value in values)
        if np.allclose(values, [a, b, c, d], atol=0.01) and abs(a * d - b * c) == 1:
            return a, b, c, d
    return 1, 0, 0, 1


def note_depth(frame: "VideoFrame", name: str) -> None:
    """Warn about what is lost if the video has more than 8 bits per colour."""
    bits = max(component.bits for component in frame.format.components)
    if kind := HDR.get(int(frame.color_trc or 0)):
        lost = "%s: HDR (%s, %d bits) is reduced to 8 bits without tone mapping: colours are flat"
        LOG.warning(lost, name, kind, bits)
    elif bits > 8:
        LOG.info("%s: %d bits a colour are reduced to 8", name, bits)


class Deinterlacer:
    """Deinterlaces (yadif): one picture per frame, one frame later; all are like the first."""

    def __init__(self, frame: "VideoFrame") -> None:
        import av.filter

        self._graph: Any = av.filter.Graph()
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        steps = source, self._graph.add("yadif"), self._graph.add("buffersink")
        self._graph.link_nodes(*steps).configure()

    def feed(self, frame: "VideoFrame | None") -> "list[VideoFrame]":
        """The pictures that are ready after one more frame; None marks the end of the video."""
        import av

        self._graph.push(frame)
        ready: list[VideoFrame] = []
        try:
            while True:
                ready.append(self._graph.pull())
        except (av.BlockingIOError, av.EOFError):
            return ready
