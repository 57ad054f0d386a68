"""Faces followed from frame to frame, one step a frame.

A face is looked for where it was: its box comes from the landmarks of the last frame. Where its
pixels say that all of it has moved alike, the network need not look. The detector runs now and
then, to find new faces and to check that the old ones are still there. A lost face is expected
where it was heading, and gets its number back if it returns soon.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from facealign.aligner import FaceAligner, Found
from facealign.errors import SettingsError
from facealign.face import Face
from facealign.geometry import Matrix, box_of_points, iou
from facealign.tracking.matching import affinity_of, match, strayed
from facealign.tracking.patches import gray_levels, is_cut, likeness, patch_of
from facealign.tracking.registration import Movement, registered, to_matrix
from facealign.tracking.smoothing import LiveSmoother
from facealign.tracking.track import (
    Track,
    ahead,
    carry,
    is_inside,
    is_outline,
    is_sure,
    look,
    needs_no_look,
    set_anchor,
    shown_box,
)
from facealign.types import Pixels, Points

Smoothing = Literal["live", "none"]
DETECT_EVERY, SEARCH_EVERY = 10, 3
"""Frames between two runs of the detector: usually; while no face is followed, or one is lost."""
WAIT = 0.5
"""Seconds for which a lost face keeps its number."""
SAME_POINTS = 0.55
"""Two tracks whose boxes have at least this IoU follow the same face."""
UNSEEN = 2
"""Detector runs in a row that may miss a face, for models without scores."""
ALIKE = 0.5
"""Least correlation of a face's picture with that of the frame before for the same face."""


class FaceTracker:
    """Follows the faces of one video or camera.

        tracker = FaceTracker()
        for time, image in ...:  # seconds, (H, W, 3) RGB uint8
            for face in tracker.step(image, time):
                face.track, face.landmarks

    Args:
        aligner: finds faces and landmarks; None makes one. Its `max_faces` applies here, too.
        smoothing: "live" filters the landmarks by what came before; "none" leaves them as found.
        looks: 2 takes each face as the mean of two crops: steadier, for 1.7 times the network's
            time; 1 takes one.
        detect_every: frames between two runs of the detector.
        carry: with "live", a face of which all moves alike is not looked at for up to `UNLOOKED`
            seconds: its landmarks are moved along. False looks at every face in every frame.
        keep_raw: also give the landmarks before smoothing (`Face.raw`).

    Raises:
        SettingsError: a value is not one of those above.
    """

    def __init__(
        self,
        aligner: FaceAligner | None = None,
        *,
        smoothing: Smoothing = "live",
        looks: int = 2,
        detect_every: int = DETECT_EVERY,
        carry: bool = True,
        keep_raw: bool = False,
    ) -> None:
        if smoothing not in ("live", "none"):
            raise SettingsError(f'smoothing is "live" or "none" here, not "{smoothing}"')
        if detect_every < 1:
            raise SettingsError(f"detect_every is 1 or more, not {detect_every}")
        if looks not in (1, 2):
            raise SettingsError(f"looks is 1 or 2, not {looks}")
        self._aligner = aligner or FaceAligner(turned_faces=False)
        self._smoothing, self._looks, self._detect_every = smoothing, looks, detect_every
        self._carry, self._keep_raw = carry, keep_raw
        self._next = 0
        self.reset()

    def reset(self) -> None:
        """Forget all faces; their numbers are not used again."""
        self._tracks: list[Track] = []
        self._since = 0
        self._scene: NDArray[np.intp] | None = None
        self._steps = 0

    def resume(self, faces: Sequence[Face], image: Pixels, time: float, given: int = 0) -> None:
        """Continue with the faces at the end of an earlier run, under their numbers.

        Args:
            faces: with `track`, as found in `image`.
            image: that frame.
            time: its time in seconds.
            given: how many numbers were in use by then; new faces are numbered from there.
        """
        self.reset()
        self._next = max(self._next, given)
        for face in faces:
            if face.track is not None:
                self._tracks.append(self._new_track(face.track, face, image, time))
                self._next = max(self._next, face.track + 1)

    def step(self, image: Pixels, time: float) -> list[Face]:
        """The faces of the next frame, by their numbers; each has its `track`.

        Args:
            image: (H, W, 3) RGB uint8.
            time: of the frame in seconds; later than the last one's.
        """
        before, self._scene = self._scene, gray_levels(image)
        cut = before is not None and is_cut(before, self._scene)
        self._tracks = [t for t in self._tracks if not t.missing or time - t.seen <= WAIT]
        moved = {} if cut else self._registered(image)
        told = moved.items() if self._carry else ()
        carried = {t: found for t, found in told if found and needs_no_look(t, found, time)}
        followed = self._follow(image, time, carried)
        if cut:  # the faces that look as they did before
            followed = {
                track: face
                for track, face in followed.items()
                if likeness(patch_of(image, face), track.patch) >= ALIKE
            }
        lost = len(followed) + len(carried) < sum(not t.missing for t in self._tracks)
        for track in self._tracks:
            if track in carried:
                carry(track, carried[track], time)
            elif track in followed:
                look(track, followed[track], image, time, moved.get(track))
            else:
                self._lose(track)
        self._part_doubles(time)
        if cut:
            self._tracks = [t for t in self._tracks if not t.missing]
        if lost or cut or self._detector_is_due():
            self._detect(image, time)
        self._steps += 1
        active = sorted((t for t in self._tracks if not t.missing), key=lambda t: t.number)
        return [self._given(track, time) for track in active]

    def movements(self) -> dict[int, Matrix | None]:
        """By track, how each face of the last step has moved since the one before.

        Affine maps (2, 3) of image pixels, measured in the pixels; None where they do not tell.
        """
        active = (t for t in self._tracks if not t.missing)
        return {t.number: to_matrix(t.step) if t.step else None for t in active}

    def _registered(self, image: Pixels) -> dict[Track, Movement | None]:
        """How each face has moved since the network looked at it, as it moved before."""
        tracks = [t for t in self._tracks if not t.missing and is_inside(t.box, image)]
        return {t: registered(t.patch, image, ahead(t)) for t in tracks}

    def _given(self, track: Track, time: float) -> Face:
        points = track.face.landmarks
        if track.smoother is not None:
            points = self._smoothed(track, track.smoother, time)
        box = shown_box(track, points)
        raw = track.face.landmarks if self._keep_raw else None
        return replace(track.face, landmarks=points, box=box, track=track.number, raw=raw)

    def _smoothed(self, track: Track, smoother: LiveSmoother, time: float) -> Points:
        if track.carried:
            return smoother.carried(to_matrix(track.moved), time)
        since = None if track.since is None else to_matrix(track.since)
        return smoother.step(track.face.landmarks, time, since)

    def _follow(self, image: Pixels, time: float, carried: Collection[Track]) -> dict[Track, Face]:
        """The other faces that are found again where their tracks expect them."""
        active = [t for t in self._tracks if not t.missing and t not in carried]
        tracks = [t for t in active if is_inside(t.box, image)]
        if not tracks:
            return {}
        places = [track.expected(time) for track in tracks]
        found = Found(
            image,
            np.stack([box for box, _ in places]),
            np.array([t.face.score for t in tracks], np.float32),
            np.array([angle for _, angle in places], np.float32),
        )
        faces = self._aligner.look(found, self._looks)
        return {t: f for t, f in zip(tracks, faces, strict=True) if is_sure(f)}

    def _lose(self, track: Track) -> None:
        track.missing = True
        if track.smoother is not None:
            track.smoother.reset()

    def _part_doubles(self, time: float) -> None:
        """Where two tracks have ended up on one face, drop the one that left its path."""
        active = [t for t in self._tracks if not t.missing]
        for i, one in enumerate(active):
            for other in active[i + 1 :]:
                both = not one.missing and not other.missing
                if both and float(iou(one.box, other.box[None])[0]) > SAME_POINTS:
                    self._lose(max(one, other, key=lambda t: (strayed(t, time), t.number)))

    def _detector_is_due(self) -> bool:
        searching = not self._tracks or any(t.missing for t in self._tracks)
        every = min(SEARCH_EVERY, self._detect_every) if searching else self._detect_every
        self._since += 1
        return self._steps == 0 or self._since >= every

    def _detect(self, image: Pixels, time: float) -> None:
        """Run the detector: confirm tracks, bring back lost faces, start new ones."""
        self._since = 0
        found = self._aligner.detect(image)
        affinity = np.array(
            [[affinity_of(track, box, time) for box in found.boxes] for track in self._tracks]
        ).reshape(len(self._tracks), len(found))
        pairs = match(affinity)
        free = [i for i in range(len(found)) if i not in pairs.values()]
        back = {i: self._tracks[t] for t, i in pairs.items() if self._tracks[t].missing}
        for number, track in enumerate(self._tracks):
            track.unseen = 0 if number in pairs else track.unseen + 1
            if number in pairs and not track.missing:
                track.face = replace(track.face, score=float(found.scores[pairs[number]]))
                if not is_outline(track.face):
                    track.anchor = found.boxes[pairs[number]], track.face.landmarks
            elif track.face.scores is None and track.unseen >= UNSEEN:
                self._lose(track)
        self._begin(found, sorted([*free, *back]), back, image, time)

    def _begin(
        self, found: Found, chosen: list[int], back: dict[int, Track], image: Pixels, time: float
    ) -> None:
        """Look at the detected faces that no track follows; those in `back` have a number."""
        if not chosen:
            return
        some = Found(image, found.boxes[chosen], found.scores[chosen], found.angles[chosen])
        for index, face in zip(chosen, self._aligner.look(some, self._looks), strict=True):
            active = [t.box for t in self._tracks if not t.missing]
            box = box_of_points(face.landmarks) if is_outline(face) else face.box
            double = active and float(iou(box, np.stack(active)).max()) > SAME_POINTS
            if double or not is_sure(face):
                continue
            if index in back:
                set_anchor(back[index], face)
                look(back[index], face, image, time)
            elif len(self._tracks) < (self._aligner.max_faces or math.inf):
                self._tracks.append(self._new_track(self._next, face, image, time))
                self._next += 1

    def _new_track(self, number: int, face: Face, image: Pixels, time: float) -> Track:
        smoother = LiveSmoother(face.markup) if self._smoothing == "live" else None
        track = Track(number, face, face.box, 0.0, time, smoother, (face.box, face.landmarks))
        set_anchor(track, face)
        look(track, face, image, time)
        return track
