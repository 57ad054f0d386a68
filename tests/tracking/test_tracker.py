"""Numbers that stay with their faces: loss, return, crossing, cuts; and how much work it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from facealign import FaceAligner, SettingsError
from facealign.aligner import Found
from facealign.face import Face
from facealign.geometry import CropTransform, box_of_points, iou
from facealign.tracking import FaceTracker
from facealign.types import Pixels, Points

Script = Callable[[int], dict[str, tuple[float, float]]]
FPS = 30.0
SIZE = (240, 320)


def oval(x: float, y: float, size: float = 40.0) -> Points:
    """68 points round a centre; none is of a real face's shape, and none needs to be."""
    turns = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    rings = np.where(np.arange(68) < 17, 0.5, 0.2 + 0.02 * (np.arange(68) % 11))
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1) * rings[:, None]
    circle[:17] = np.stack([np.linspace(-0.5, 0.5, 17), 0.5 * np.ones(17)], axis=1)
    circle[17:27, 1] = -0.5
    return (circle * size + [x, y]).astype(np.float32)


@dataclass
class Scripted(FaceAligner):
    """An aligner that knows where each face of the frame is: {who: (x, y)}; later ones in front.

    A face that is hidden behind another by more than half is neither detected nor found in a box;
    what the network then sees there is the face in front.
    """

    faces: dict[str, tuple[float, float]] = field(default_factory=dict)
    scores: bool = True
    max_faces: int | None = None
    detections: int = 0
    looks: list[int] = field(default_factory=list)

    def seen(self) -> dict[str, Points]:
        """The faces in sight."""
        points = {who: oval(*place) for who, place in self.faces.items()}
        names = list(points)
        return {
            who: points[who]
            for i, who in enumerate(names)
            if all(
                float(iou(box_of_points(points[who]), box_of_points(points[o])[None])[0]) < 0.4
                for o in names[i + 1 :]
            )
        }

    def detect(self, image: Pixels) -> Found:
        """The boxes of the faces in sight."""
        self.detections += 1
        boxes = [box_of_points(p) for p in self.seen().values()][: self.max_faces]
        ones = np.ones(len(boxes), np.float32)
        return Found(image, np.array(boxes, np.float32).reshape(-1, 4), 0.9 * ones, 0 * ones)

    def look(self, found: Found, looks: int = 1) -> list[Face]:
        """The face that a box shares most with; low scores where there is none."""
        self.looks.append(len(found) * looks)
        return [self._face(found, i) for i in range(len(found))]

    def _face(self, found: Found, index: int) -> Face:
        box, seen = found.boxes[index], list(self.seen().values())
        shared = iou(box, np.stack([box_of_points(p) for p in seen])) if seen else np.zeros(1)
        known = bool(shared.max() > 0.2)
        points = seen[int(shared.argmax())] if known else oval(*((box[:2] + box[2:]) / 2))
        scores = np.full(68, 0.8 if known else 0.1, np.float32) if self.scores else None
        return Face(box, float(found.scores[index]), points, "ibug68", scores=scores)


def gray(value: int = 90) -> Pixels:
    return np.full((*SIZE, 3), value, np.uint8)


def play(script: Script, frames: int, aligner: object = None, **settings: object) -> list[dict]:
    """Per frame: track → who it is, by the place of its points."""
    scripted = aligner or Scripted()
    tracker = FaceTracker(scripted, **{"smoothing": "none", **settings})
    history = []
    for number in range(frames):
        scripted.faces = script(number)
        found = tracker.step(gray(), number / FPS)
        history.append({face.track: who(face, scripted.faces) for face in found})
    return history


def who(face: Face, faces: dict[str, tuple[float, float]]) -> str:
    centre = box_of_points(face.landmarks).reshape(2, 2).mean(axis=0)
    return min(faces, key=lambda name: float(np.linalg.norm(centre - faces[name])), default="none")


def owners(history: list[dict]) -> dict[int, set[str]]:
    """Track → all that it has been."""
    found: dict[int, set[str]] = {}
    for frame in history:
        for track, name in frame.items():
            found.setdefault(track, set()).add(name)
    return found


def test_a_face_keeps_its_number_while_it_moves() -> None:
    history = play(lambda n: {"a": (60 + 3 * n, 80), "b": (60, 180)}, 60)
    assert history == [{0: "a", 1: "b"}] * 60


def test_the_detector_runs_every_tenth_frame() -> None:
    aligner = Scripted()
    play(lambda n: {"a": (60 + n, 80)}, 100, aligner)
    assert aligner.detections == 10
    assert set(aligner.looks) == {2}  # two looks at one face in every frame


def test_a_new_face_is_found_with_the_next_run_of_the_detector() -> None:
    history = play(lambda n: {"a": (60, 80)} | ({"b": (200, 80)} if n >= 12 else {}), 30)
    assert [len(frame) for frame in history] == [1] * 20 + [2] * 10


def test_a_lost_face_is_gone_at_once_and_back_under_its_number() -> None:
    history = play(lambda n: {} if 20 <= n < 30 else {"a": (60 + 2 * n, 80)}, 60)
    assert all(frame == {} for frame in history[20:30])
    assert all(frame == {0: "a"} for frame in history[33:])


def test_a_face_that_stays_away_longer_comes_back_as_another() -> None:
    history = play(lambda n: {} if 20 <= n < 40 else {"a": (60, 80)}, 60)
    assert owners(history) == {0: {"a"}, 1: {"a"}}


def test_crossing_faces_never_change_their_numbers() -> None:
    # b is hidden behind a from frame 31 to 48: 0.6 s, but a little of it shows before that.
    def script(n: int) -> dict[str, tuple[float, float]]:
        return {"b": (260 - 2.5 * n, 110), "a": (60 + 2.5 * n, 114)}

    history = play(script, 80)
    assert all(len(names) == 1 for names in owners(history).values())
    assert history[0] == history[-1] == {0: "b", 1: "a"}


def test_two_tracks_never_stand_on_one_face() -> None:
    def script(n: int) -> dict[str, tuple[float, float]]:
        return {"b": (140, 110), "a": (60 + 2 * min(n, 40), 112)}

    history = play(script, 60)
    assert all(len(set(frame.values())) == len(frame) for frame in history)


def test_a_model_without_scores_loses_a_face_when_the_detector_does() -> None:
    aligner = Scripted(scores=False)
    history = play(lambda n: {"a": (60, 80)} if n < 15 else {}, 60, aligner)
    assert history[19] == {0: "none"}
    assert history[31:] == [{}] * 29


def test_no_more_faces_than_asked_for() -> None:
    aligner = Scripted(max_faces=1)
    history = play(lambda n: {"a": (60, 80), "b": (200, 80)}, 30, aligner)
    assert all(frame == {0: "a"} for frame in history)


def test_an_empty_video_has_no_faces_and_few_runs() -> None:
    aligner = Scripted()
    assert play(lambda n: {}, 30, aligner) == [{}] * 30
    assert aligner.detections == 10


def test_raw_points_are_given_when_asked_for() -> None:
    aligner = Scripted(faces={"a": (60, 80)})
    (face,) = FaceTracker(aligner, keep_raw=True).step(gray(), 0.0)
    assert face.raw is not None
    assert np.allclose(face.raw, oval(60, 80))
    (face,) = FaceTracker(aligner).step(gray(), 0.0)
    assert face.raw is None


def test_a_tracker_goes_on_from_the_faces_of_an_earlier_run() -> None:
    aligner = Scripted(faces={"a": (60, 80), "b": (200, 80)})
    first = FaceTracker(aligner)
    faces = first.step(gray(), 0.0)
    second = FaceTracker(aligner)
    second.resume(faces[1:], gray(), 0.0)
    found = second.step(gray(), 1 / FPS)
    assert {f.track: who(f, aligner.faces) for f in found} == {1: "b", 2: "a"}


@pytest.mark.parametrize(
    "wrong", [{"smoothing": "offline"}, {"looks": 3}, {"detect_every": 0}], ids=str
)
def test_settings_that_are_not_offered_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        FaceTracker(Scripted(), **wrong)


@pytest.fixture(scope="module")
def aligner() -> FaceAligner:
    return FaceAligner(threads=1, turned_faces=False)


def filmed(photo: Pixels, number: int) -> tuple[Pixels, CropTransform]:
    """A camera that moves over the photo: a frame, and where it looks."""
    wave = np.sin(number / 8)
    camera = CropTransform.from_square((230 + 15 * wave, 130 + 8 * wave), 260 - 20 * wave, 260)
    return camera.warp(photo), camera


def test_points_follow_a_filmed_photo_within_a_percent(
    aligner: FaceAligner, astronaut: Pixels
) -> None:
    tracker = FaceTracker(aligner)
    (still,) = aligner.align(astronaut)
    eyes = float(np.linalg.norm(still.landmarks[36] - still.landmarks[45]))
    errors = []
    for number in range(30):
        frame, camera = filmed(astronaut, number)
        (face,) = tracker.step(frame, number / FPS)
        assert face.track == 0
        gaps = np.linalg.norm(camera.to_image(face.landmarks) - still.landmarks, axis=1)
        errors.append(float(gaps.mean()) / eyes)
    assert max(errors[5:]) < 0.03
    assert np.mean(errors) < 0.02


def test_a_cut_ends_the_tracks_though_a_face_stands_at_the_same_place(
    aligner: FaceAligner, astronaut: Pixels
) -> None:
    darker = (astronaut[:, ::-1] * 0.45).astype(np.uint8)
    (other,) = aligner.align(darker)
    (before,) = aligner.align(astronaut)
    shift = np.round(before.box[:2] - other.box[:2]).astype(int)
    mirrored = np.roll(darker, (int(shift[1]), int(shift[0])), axis=(0, 1))
    tracker = FaceTracker(aligner)
    numbers = []
    for number in range(10):
        scene = astronaut if number < 5 else mirrored
        numbers.append([face.track for face in tracker.step(scene, number / FPS)])
    assert numbers == [[0]] * 5 + [[1]] * 5


def test_a_cut_to_a_scene_without_a_face_and_back(aligner: FaceAligner, astronaut: Pixels) -> None:
    tracker = FaceTracker(aligner)
    numbers = []
    for number in range(12):
        scene = np.full_like(astronaut, 20) if 4 <= number < 8 else astronaut
        numbers.append([face.track for face in tracker.step(scene, number / FPS)])
    assert numbers[:8] == [[0]] * 4 + [[]] * 4
    assert numbers[-1] == [1]


def test_a_flash_is_no_cut(aligner: FaceAligner, astronaut: Pixels) -> None:
    tracker = FaceTracker(aligner)
    bright = (127 + astronaut // 2).astype(np.uint8)
    for number in range(6):
        frame = bright if number == 3 else astronaut
        assert [face.track for face in tracker.step(frame, number / FPS)] == [0]
