"""Frames of a video, a camera or a folder of pictures: upright RGB, each with its number and time.

One frame is in memory at a time, decoded in order, without seeking, which is unreliable in many
containers. Everything but a folder needs the `video` extra (PyAV).
"""

import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from facealign.errors import FaceAlignError, ImageError, SettingsError
from facealign.files import is_file, is_folder, reason
from facealign.image import SUFFIXES, read_image
from facealign.problems import report
from facealign.types import Pixels
from facealign.video.pyav import (
    CAMERA,
    Deinterlacer,
    declared_frames,
    note_depth,
    open_video,
    to_pixels,
)

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

Timed = tuple[float, Callable[[], Pixels]]
"""Seconds from the first frame, and what gives its pixels."""
USUAL_RATE = 25.0
"""Frames per second of a folder, and of a video that does not state its rate."""
SHORT = 0.02
"""Share of its frames or length that may be missing before a video counts as cut short."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        image: (H, W, 3) RGB uint8, upright.
        number: counted from 0 over all frames of the video, including skipped ones.
        time: seconds from the video's first frame.
    """

    image: Pixels
    number: int
    time: float


class VideoReader(AbstractContextManager["VideoReader"]):
    """The frames of a video, in order, once. Use it in a `with` statement.

        with VideoReader("talk.mp4") as video:
            for frame in video: ...

    Of a video that is cut short or damaged, the frames that can be decoded are returned, and the
    damage is reported (`facealign.problems`).

    Args:
        source: a file that PyAV opens; a folder of pictures, in the order of their names, or one
            that holds 300VW's `vid.avi`; "camera:0"; "-" for standard input.
        every: take the first frame and every n-th after it.
        start: seconds; earlier frames are left out.
        end: seconds; reading stops here. None reads to the end.
        rate: frames per second of a folder of pictures.

    Attributes:
        name: the source as text.
        rate: frames per second, as stated by the file.
        total: how many frames will be read, if the file says; else None.
        origin: seconds of the video's own clock at its first frame, known after that.

    Raises:
        ImageError: there is no such file, camera or picture, or no video in it.
        MissingExtraError: PyAV is not installed.
        SettingsError: `every` is below 1, or `end` is not after `start`.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        every: int = 1,
        start: float = 0.0,
        end: float | None = None,
        rate: float = USUAL_RATE,
    ) -> None:
        if every < 1:
            raise SettingsError(f"every is 1 or more, not {every}")
        if end is not None and end <= start:
            raise SettingsError(f"the end, {end:g} s, is not after the start, {start:g} s")
        self.name, self._every, self._start, self._end = os.fspath(source), every, start, end
        self.rate, self.origin = rate, 0.0
        self.is_live = bool(CAMERA.fullmatch(self.name))
        self._container: InputContainer | None = None
        self._pictures = _pictures(Path(self.name)) if is_folder(self.name) else None
        if self._pictures is None:
            self._container, self._stream = open_video(_video_in(self.name))
            guessed = self._stream.average_rate or self._stream.guessed_rate
            self.rate = float(guessed or USUAL_RATE)
            declared = 0 if self.is_live else declared_frames(self._stream, self.rate)
        else:
            declared = len(self._pictures)
        self._declared = declared
        last = round(min(declared, math.inf if end is None else end * self.rate))
        wanted = max(0, -(-(last - round(start * self.rate)) // every))
        self.total = wanted if declared else None

    @property
    def sound(self) -> str | None:
        """The file that holds the video's sound, if it has any; a camera or a pipe has none."""
        return None if self.is_live or self._pictures or self.name == "-" else _video_in(self.name)

    def close(self) -> None:
        """Close the file or camera."""
        if self._container is not None:
            self._container.close()

    def __exit__(self, *error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        first = 0
        pictures: list[Timed] = [
            (number / self.rate, partial(read_image, path))
            for number, path in enumerate(self._pictures or ())
        ]
        for number, (time, decode) in enumerate(pictures or self._from_video()):
            if self._end is not None and time >= self._end:
                return
            if time < self._start - 1e-6:
                first = number + 1
            elif (number - first) % self._every == 0:
                try:
                    image = decode()
                except FaceAlignError as error:
                    report(str(error))
                else:
                    yield Frame(image, number, time)

    def _from_video(self) -> Iterator[Timed]:
        last: float | None = None
        count = 0
        damage: list[str] = []
        for frame in self._parted(damage):
            count, last = count + 1, self._time_of(frame, last)
            yield last, partial(to_pixels, frame)
        self._check_end(count, last, damage)

    def _time_of(self, frame: "VideoFrame", last: float | None) -> float:
        """Seconds from the first frame, later than the frame before whatever the file says."""
        step = 1 / self.rate
        if frame.pts is None or frame.time_base is None:
            return 0.0 if last is None else last + step
        seconds = float(frame.pts * frame.time_base)
        if last is None:
            self.origin = seconds
        time = seconds - self.origin
        return time if last is None or time > last else last + step

    def _parted(self, damage: list[str]) -> "Iterator[VideoFrame]":
        """The decoded frames, deinterlaced where needed."""
        parting: Deinterlacer | None = None
        for number, frame in enumerate(self._decoded(damage)):
            if number == 0:
                note_depth(frame, self.name)
                parting = Deinterlacer(frame) if frame.interlaced_frame else None
            if parting is None:
                yield frame
            else:
                yield from parting.feed(frame)
        if parting is not None:
            yield from parting.feed(None)

    def _decoded(self, damage: list[str]) -> "Iterator[VideoFrame]":
        """What can be decoded; what cannot is noted in `damage`."""
        import av

        assert self._container is not None
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.FFmpegError as error:
                    damage.append(reason(error))
        except av.FFmpegError as error:  # nothing can be read from here on
            damage.append(reason(error))

    def _check_end(self, count: int, last: float | None, damage: list[str]) -> None:
        """Report a video that is damaged, or shorter than it says."""
        if count == 0:
            why = damage[0] if damage else "it holds none"
            raise ImageError(f"{self.name}: no frame can be decoded ({why})")
        said = self._declared
        if said - count > max(1, SHORT * said):
            report(f"{self.name}: cut short after {count} of {said} frames; these are done")
        elif damage:
            report(
                f"{self.name}: damaged ({damage[0]}); the {count} frames that can be decoded, up "
                f"to {last or 0:.1f} s, are done"
            )


def _pictures(folder: Path) -> list[Path] | None:
    """The pictures of a folder in the order of the numbers in their names; None for 300VW's."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    if not found and is_file(folder / "vid.avi"):
        return None
    if not found:
        raise ImageError(f"{folder}: holds no picture: give a video, or a folder of its frames")
    return sorted(found, key=lambda path: _by_number(path.name))


def _by_number(name: str) -> list[tuple[int, str]]:
    """A key that puts frame2 before frame10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _video_in(name: str) -> str:
    return str(Path(name) / "vid.avi") if is_folder(name) else name
