"""The contenders that are measured: ours here, dlib and MediaPipe in others.py.

`landmarks` gives (68, 2) x y in image pixels, in our frame, or None where the face was not found;
`stage(photo)` and `whole(photo)` give what is timed, on a photo with one face. `faces`
gives the same points of every face that its own detector finds. `windows` are the
boxes that the accuracy may be taken in, as changes to the official one. `caveat` says what makes a
contender's errors less comparable. `alone` is code that finds the landmarks of `photo` without the
rest of this benchmark: for memory and cold start.

`ways` are the ways to follow one face from frame to frame, each a function that starts a sequence.
It returns a function of a frame and the true box of the face in it, framed like 300W's official
boxes, which returns points in the frame's pixels, or None if no face is found. Only those that say
so look in that box; the others use it to choose among several faces. `plain` is the way that takes
each frame by itself; the result of the way `offline` is smoothed once the sequence is over, as a
file's is. `seven` are the indices of `SEVEN` among these points, `ibug` those of the 68.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

import facealign
from facealign.evaluation.predictions import same_face
from facealign.geometry import Matrix, box_of_points
from facealign.models import bundled, model_path
from facealign.tracking.offline import smooth_at
from facealign.types import Box, Pixels, Points

Action = Callable[[], object]
Follow = Callable[[Pixels, Box], Points | None]
Ways = dict[str, Callable[[], Follow]]
SEVEN = ("right_eye_outer", "right_eye_inner", "left_eye_inner", "left_eye_outer", "nose_tip")
SEVEN += ("right_mouth_corner", "left_mouth_corner")
"""Points that all contenders have."""
OFFLINE, RATE = "offline", 30
"""The way that is smoothed at the end, and frames a second of every sequence."""


def seven_of_68() -> tuple[int, ...]:
    names = facealign.load_markup("ibug68").names
    return tuple(names.index(name) for name in SEVEN)


@dataclass(frozen=True)
class Window:
    """How the official box is changed for a contender.

    Attributes:
        scale: both sides are multiplied by it, about the centre.
        down: the box then moves down by this fraction of its official height.

    """

    scale: float = 1.0
    down: float = 0.0

    def of(self, box: Box) -> Box:
        middle, half = (box[:2] + box[2:]) / 2, self.scale * (box[2:] - box[:2]) / 2
        middle = middle + np.array([0, self.down * (box[3] - box[1])], np.float32)
        return np.concatenate([middle - half, middle + half]).astype(np.float32)


class Contender(Protocol):
    name: str
    library: str
    points: int
    megabytes: float
    terms: str
    caveat: str
    stage_is: str
    alone: str
    windows: tuple[Window, ...]
    seven: tuple[int, ...]
    ibug: tuple[int, ...]
    plain: str

    def landmarks(self, image: Pixels, box: Box, window: Window) -> Points | None: ...
    def stage(self, photo: Pixels) -> Action: ...
    def whole(self, photo: Pixels) -> Action: ...
    def faces(self, image: Pixels) -> list[Points]: ...
    def ways(self) -> Ways: ...


class Ours:
    """A model of ours, by name or file; it gets the official box unchanged, as in training."""

    windows = (Window(),)
    caveat = ""
    stage_is = "box → points"
    seven, ibug, plain = seven_of_68(), tuple(range(68)), "own detector"

    def __init__(self, model: str, threads: int = 1) -> None:
        plain = {"turned_faces": False, "leaning_faces": False}
        self._aligner = facealign.FaceAligner(model, threads=threads, markup="ibug68", **plain)
        facts, path = self._aligner.facts, model_path(model)
        self.name = bundled()[model].name if model in bundled() else facts.name
        self.library = f"facealign {facealign.__version__}"
        self.points = facealign.load_markup(facts.markup).count
        self.megabytes, self.terms = path.stat().st_size / 1e6, facts.licence
        self.alone = (
            "import facealign\n"
            f"assert facealign.FaceAligner({str(model)!r}, threads=1).align(photo)"
        )

    def landmarks(self, image: Pixels, box: Box, window: Window) -> Points | None:
        return self._in_box(image, window.of(box))

    def stage(self, photo: Pixels) -> Action:
        boxes = surest_box(photo)[None]
        return lambda: self._aligner.align(photo, boxes=boxes)

    def whole(self, photo: Pixels) -> Action:
        return lambda: self._aligner.align(photo)

    def faces(self, image: Pixels) -> list[Points]:
        return [face.landmarks for face in self._aligner.align(image)]

    def ways(self) -> Ways:
        return {
            "true box": lambda: self._in_box,
            "own detector": lambda: self._detected,
            "last frame": self._from_last,
            "live": lambda: self._tracked("live"),
            "live, one look": lambda: self._tracked("live", looks=1),
            OFFLINE: lambda: self._tracked("none"),
        }

    def _in_box(self, image: Pixels, box: Box) -> Points:
        return self._aligner.align(image, boxes=box[None])[0].landmarks

    def _detected(self, frame: Pixels, box: Box) -> Points | None:
        faces = self._aligner.align(frame)
        chosen = same_face([face.box for face in faces], box)
        return None if chosen is None else faces[chosen].landmarks

    def _from_last(self) -> Follow:
        last: list[Box] = []

        def follow(frame: Pixels, box: Box) -> Points:
            points = self._in_box(frame, last.pop() if last else box)
            last.append(box_of_points(points))
            return points

        return follow

    def _tracked(self, smoothing: Literal["live", "none"], looks: int = 2) -> Tracked:
        return Tracked(facealign.FaceTracker(self._aligner, smoothing=smoothing, looks=looks))


class Tracked:
    """Follows one face by a tracker; `offline` smooths it once the sequence is over."""

    def __init__(self, tracker: facealign.FaceTracker) -> None:
        self._tracker, self._movements = tracker, list[Matrix | None]()

    def __call__(self, frame: Pixels, box: Box) -> Points | None:
        faces = self._tracker.step(frame, len(self._movements) / RATE)
        chosen = same_face([face.box for face in faces], box)
        face = None if chosen is None else faces[chosen]
        movements = self._tracker.movements()
        self._movements.append(None if face is None else movements[face.track or 0])
        return None if face is None else face.landmarks

    def offline(self, found: list[Points | None]) -> list[Points | None]:
        """The sequence, smoothed by the frames around each; as found if one is missing."""
        points, times = [p for p in found if p is not None], [i / RATE for i in range(len(found))]
        if len(points) < len(found):
            return found
        moved = self._movements
        return [smooth_at(points, times, i, "ibug68", moved) for i in range(len(points))]


def surest_box(photo: Pixels) -> Box:
    """Landmarks of the face with the bundled detector's highest score."""
    boxes: Points = facealign.YuNet(threads=1).detect(photo).boxes
    return boxes[0]
