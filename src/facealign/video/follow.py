"""`track`: every face of a video, followed and steady."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from facealign.aligner import FaceAligner
from facealign.errors import SettingsError
from facealign.face import Face
from facealign.geometry import Matrix
from facealign.tracking import FaceTracker
from facealign.tracking.offline import HALF, smooth_at
from facealign.video.reading import Frame, VideoReader

Smoothing = Literal["live", "offline", "none"]


@dataclass(frozen=True, eq=False)
class TrackedFrame(Frame):
    """One picture of a video with its faces."""

    faces: list[Face]
    """Each with its `track`, in the order of these numbers."""


def track(
    source: str | os.PathLike[str],
    aligner: FaceAligner | None = None,
    *,
    smoothing: Smoothing | None = None,
    looks: int = 2,
    keep_raw: bool = False,
    every: int = 1,
    start: float = 0.0,
    end: float | None = None,
) -> Iterator[TrackedFrame]:
    """The faces of a video, frame by frame; memory does not grow with its length.

        for frame in facealign.track("talk.mp4"):
            for face in frame.faces:
                frame.time, face.track, face.landmarks

    Args:
        source: a video, a folder of frames, or "camera:0": as of `VideoReader`.
        aligner: finds faces and landmarks; None makes one.
        smoothing: "offline" uses the frames before and after, without lag; "live" only those
            before; "none" leaves the points as found. None means "live" for a camera, else
            "offline".
        looks: 2 for the mean of two crops, 1 for one: as of `FaceTracker`.
        keep_raw: also give the landmarks before smoothing (`Face.raw`).
        every: take every n-th frame.
        start: seconds; earlier frames are left out.
        end: seconds; reading stops here.

    Raises:
        ImageError: the source cannot be read.
        MissingExtraError: PyAV is not installed.
        SettingsError: a value is not one of those above.
    """
    video = VideoReader(source, every=every, start=start, end=end)
    kind = smoothing or ("live" if video.is_live else "offline")
    tracker = make_tracker(aligner, kind, looks, keep_raw)
    return _closing(video, follow(video, tracker, kind))


def make_tracker(
    aligner: FaceAligner | None, smoothing: Smoothing, looks: int, keep_raw: bool
) -> FaceTracker:
    """A tracker for videos smoothed this way.

    Raises:
        SettingsError: a value is not one of those of `track`.
    """
    if smoothing not in ("live", "offline", "none"):
        raise SettingsError(f'smoothing is "live", "offline" or "none", not "{smoothing}"')
    live: Literal["live", "none"] = "live" if smoothing == "live" else "none"
    return FaceTracker(aligner, smoothing=live, looks=looks, keep_raw=keep_raw)


def _closing(video: VideoReader, frames: Iterator[TrackedFrame]) -> Iterator[TrackedFrame]:
    with closing(video):
        yield from frames


def follow(
    frames: Iterable[Frame], tracker: FaceTracker, smoothing: Smoothing
) -> Iterator[TrackedFrame]:
    """Each frame with the faces that the tracker follows in it, smoothed."""
    found = (TrackedFrame(f.image, f.number, f.time, tracker.step(f.image, f.time)) for f in frames)
    if smoothing != "offline":
        return found
    return smooth_frames((frame, tracker.movements()) for frame in found)


Seen = tuple[TrackedFrame, dict[int, Matrix | None]]
"""A frame with the movements of its faces since the one before (`FaceTracker.movements`)."""


def smooth_frames(frames: Iterable[Seen]) -> Iterator[TrackedFrame]:
    """The same frames, `HALF` later, each face smoothed by the frames before and after it."""
    window: deque[Seen] = deque()
    done = 0  # of the frames in the window
    for seen in frames:
        window.append(seen)
        if len(window) - done > HALF:
            yield _smoothed(window, done)
            done += 1
        if done > HALF:
            window.popleft()
            done -= 1
    for index in range(done, len(window)):
        yield _smoothed(window, index)


def _smoothed(window: deque[Seen], index: int) -> TrackedFrame:
    frame, _ = window[index]
    return replace(frame, faces=[_smooth(window, index, face) for face in frame.faces])


def _smooth(window: deque[Seen], index: int, face: Face) -> Face:
    first = last = index
    while first > 0 and _find(window[first - 1], face) is not None:
        first -= 1
    while last + 1 < len(window) and _find(window[last + 1], face) is not None:
        last += 1
    near = [window[i] for i in range(first, last + 1)]
    points = [found.landmarks for seen in near if (found := _find(seen, face)) is not None]
    times = [frame.time for frame, _ in near]
    movements = [movements.get(face.track or 0) for _, movements in near]
    smooth = smooth_at(points, times, index - first, face.markup, movements)
    moved = (smooth - face.landmarks).mean(axis=0)
    return replace(face, landmarks=smooth, box=face.box + np.tile(moved, 2))


def _find(seen: Seen, face: Face) -> Face | None:
    return next((other for other in seen[0].faces if other.track == face.track), None)
