"""A decoded frame as an upright picture of 8-bit RGB, whatever the container stored."""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from facealign.image import read_image
from facealign.types import Pixels

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

LOG = logging.getLogger(__name__)
HDR = {16: "PQ", 18: "HLG"}
"""Numbers of the HDR transfer functions in ITU-T H.273."""


def to_pixels(frame: "VideoFrame") -> Pixels:
    """(H, W, 3) RGB uint8, turned as the file says; transparency is laid over white."""
    if any(component.is_alpha for component in frame.format.components):
        picture = read_image(frame.to_ndarray(format="rgba"))
    else:
        picture = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    return turned(picture, display_matrix(frame))


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


def turned(picture: Pixels, matrix: tuple[int, int, int, int]) -> Pixels:
    """The picture turned and mirrored by a display matrix, its corner moved back to the origin."""
    a, b, c, d = matrix
    if a == 0:
        picture, a, d = picture.swapaxes(0, 1), c, b
    return np.ascontiguousarray(picture[:: d or 1, :: a or 1])


def note_depth(frame: "VideoFrame", name: str) -> None:
    """Warn about what is lost if the video has more than 8 bits per colour."""
    bits = max(component.bits for component in frame.format.components)
    kind = HDR.get(int(frame.color_trc or 0))
    if kind:
        LOG.warning(
            "%s: HDR (%s, %d bits) is reduced to 8 bits without tone mapping: colours are flat",
            name,
            kind,
            bits,
        )
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
        woven, sink = self._graph.add("yadif"), self._graph.add("buffersink")
        source.link_to(woven)
        woven.link_to(sink)
        self._graph.configure()

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
