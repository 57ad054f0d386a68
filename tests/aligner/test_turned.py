"""Photos and faces at every angle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign import Detections, Face, FaceAligner, WholeImage, YuNet
from facealign.aligner.found import find_faces
from facealign.aligner.landmarker import Landmarker
from facealign.types import Pixels

SURE = YuNet(min_score=0.7, threads=1)


def turned(image: Pixels, points: np.ndarray, degrees: float) -> tuple[Pixels, np.ndarray]:
    """The photo turned clockwise, with what sticks out kept, and where its points come to lie."""
    picture = Image.fromarray(image).rotate(-degrees, Image.Resampling.BICUBIC, expand=True)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    old = (np.array([image.shape[1], image.shape[0]]) - 1) / 2
    new = (np.array(picture.size) - 1) / 2
    return np.asarray(picture), (points - old) @ np.array([[c, s], [-s, c]]) + new


@pytest.mark.parametrize("degrees", range(0, 360, 10))
def test_the_example_is_aligned_at_every_angle(
    aligner: FaceAligner, astronaut: Pixels, face: Face, degrees: int
) -> None:
    photo, expected = turned(astronaut, face.landmarks, degrees)
    faces = aligner.align(photo)
    size = face.box[2] - face.box[0]
    nearest = min(np.linalg.norm(f.landmarks - expected, axis=1).mean() for f in faces)
    assert nearest < 0.03 * size
    lean = (faces[0].pose.roll - face.pose.roll - degrees + 180) % 360 - 180
    assert abs(lean) < 5
    centre = (faces[0].box[:2] + faces[0].box[2:]) / 2
    assert np.linalg.norm(centre - expected.mean(axis=0)) < 0.25 * size


def test_quarter_turns_map_boxes_and_points_exactly(face: Face, astronaut: Pixels) -> None:
    photo = np.ascontiguousarray(astronaut[:, :400])  # not square: width and height part

    class OnlyUpright:
        """Finds the face where the photo's corner says that it stands upright."""

        def detect(self, image: Pixels) -> Detections:
            if not np.array_equal(image[:5, :5], photo[:5, :5]):
                return Detections.none()
            return Detections(face.box[None], np.ones(1, np.float32))

    for quarter in range(4):
        view = np.ascontiguousarray(np.rot90(photo, -quarter))  # clockwise
        found, angles = find_faces(OnlyUpright(), view, turned=True)
        (x0, y0, x1, y1), (width, height) = face.box, (400, 512)
        by_hand = [
            (x0, y0, x1, y1),
            (height - 1 - y1, x0, height - 1 - y0, x1),
            (width - 1 - x1, height - 1 - y1, width - 1 - x0, height - 1 - y0),
            (y0, width - 1 - x1, y1, width - 1 - x0),
        ]
        assert angles.tolist() == [90.0 * quarter]
        assert np.allclose(found.boxes, [by_hand[quarter]])


def test_a_large_photo_is_reduced_before_it_is_turned(astronaut: Pixels, face: Face) -> None:
    large = np.asarray(Image.fromarray(astronaut).resize((1500, 1500)))
    lying = np.ascontiguousarray(np.rot90(large, -1))
    searched: list[int] = []

    class Other:
        """Another detector than YuNet: one that knows upright faces alone."""

        def detect(self, image: Pixels) -> Detections:
            searched.append(max(image.shape))
            return Detections.none() if len(searched) == 1 else SURE.detect(image)

    (found,) = FaceAligner(detector=Other(), threads=1).align(lying)
    _, expected = turned(large, (face.landmarks + 0.5) * (1500 / 512) - 0.5, 90)
    assert searched == [1500, 640]
    assert np.linalg.norm(found.landmarks - expected, axis=1).mean() < 9
    centre = (found.box[:2] + found.box[2:]) / 2
    assert np.linalg.norm(centre - expected.mean(axis=0)) < 60


def test_each_switch_turns_off_its_part(astronaut: Pixels, face: Face) -> None:
    upside_down = np.ascontiguousarray(np.rot90(astronaut, 2))
    _, expected = turned(astronaut, face.landmarks, 180)
    plain = FaceAligner(threads=1, turned_faces=False).align(upside_down)
    assert all(np.linalg.norm(f.landmarks - expected, axis=1).mean() > 20 for f in plain)
    leaning, expected = turned(astronaut, face.landmarks, 40)
    (once,) = FaceAligner(threads=1, turned_faces=False, leaning_faces=False).align(leaning)
    (twice,) = FaceAligner(threads=1, turned_faces=False).align(leaning)
    first, second = (np.linalg.norm(f.landmarks - expected, axis=1).mean() for f in (once, twice))
    assert second < 0.7 * first


def test_an_upright_photo_is_searched_once(astronaut: Pixels, face: Face) -> None:
    searched: list[tuple[int, ...]] = []

    class Counting:
        def detect(self, image: Pixels) -> Detections:
            searched.append(image.shape)
            return Detections(face.box[None], np.ones(1, np.float32))

    FaceAligner(detector=Counting(), threads=1).align(astronaut)
    assert searched == [astronaut.shape]


def test_a_photo_without_a_face_is_searched_four_times_then_left() -> None:
    class Blind:
        count = 0

        def detect(self, image: Pixels) -> Detections:
            self.count += 1
            return Detections.none()

    image, blind = np.zeros((20, 30, 3), np.uint8), Blind()
    found, angles = find_faces(blind, image, turned=True)
    assert (len(found), len(angles), blind.count) == (0, 0, 4)
    find_faces(blind, image, turned=False)
    assert blind.count == 5


def test_the_whole_image_stays_upright() -> None:
    found, angles = find_faces(WholeImage(), np.zeros((20, 30, 3), np.uint8), turned=True)
    assert found.boxes.tolist() == [[-0.5, -0.5, 29.5, 19.5]]
    assert angles.tolist() == [0.0]


def test_a_given_box_round_a_leaning_face_is_looked_at_twice(
    aligner: FaceAligner, astronaut: Pixels, face: Face
) -> None:
    photo, expected = turned(astronaut, face.landmarks, 35)
    half = (face.box[2:] - face.box[:2]) / 2
    centre = expected.mean(axis=0)
    (found,) = aligner.align(photo, boxes=[[*(centre - half), *(centre + half)]])
    assert np.linalg.norm(found.landmarks - expected, axis=1).mean() < 3
    assert found.network_crop is not None
    x, y = found.network_crop.matrix[0, :2]
    assert 25 < np.degrees(np.arctan2(y, x)) < 45


@pytest.mark.parametrize("degrees", [90, 135, 180, 225, 270])
def test_a_given_box_round_a_lying_face_is_looked_at_from_all_sides(
    astronaut: Pixels, face: Face, degrees: int
) -> None:
    """By aan-m: heatmap-m has the points of some lying faces right at the first look."""
    photo, expected = turned(astronaut, face.landmarks, degrees)
    half, centre = (face.box[2:] - face.box[:2]) / 2, expected.mean(axis=0)
    box = [*(centre - half), *(centre + half)]
    (found,) = FaceAligner("aan-m", threads=1).align(photo, boxes=[box])
    assert np.linalg.norm(found.landmarks - expected, axis=1).mean() < 3
    (plain,) = FaceAligner("aan-m", threads=1, turned_faces=False).align(photo, boxes=[box])
    assert np.linalg.norm(plain.landmarks - expected, axis=1).mean() > 20


def test_other_detectors_and_batches_profit_too(astronaut: Pixels, face: Face) -> None:
    photo, expected = turned(astronaut, face.landmarks, 180)
    half, centre = (face.box[2:] - face.box[:2]) / 2, expected.mean(axis=0)
    box = np.concatenate([centre - half, centre + half]).astype(np.float32)

    class Other:
        def detect(self, image: Pixels) -> Detections:
            return Detections(box[None], np.full(1, 0.6, np.float32))

    aligner = FaceAligner(detector=Other(), threads=1)
    batch = list(aligner.align_batch([photo, astronaut, photo]))
    for (found,) in (batch[0], batch[2]):
        assert np.linalg.norm(found.landmarks - expected, axis=1).mean() < 3


def test_an_upright_face_costs_one_look(
    astronaut: Pixels, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    look = Landmarker.look

    def counted(self: Landmarker, images: Any, crops: Any, attention: bool = False) -> Any:
        seen.append(len(crops))
        return look(self, images, crops, attention)

    monkeypatch.setattr(Landmarker, "look", counted)
    aligner = FaceAligner(threads=1)
    aligner.align(astronaut)
    assert seen == [1]
    seen.clear()
    aligner.align(turned(astronaut, face.landmarks, 180)[0], boxes=[[10, 10, 200, 200]])
    assert len(seen) <= 5  # as it is, three quarter turns, and upright
