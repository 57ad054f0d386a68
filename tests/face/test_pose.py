"""The pose of a head: known turns come back, signs are those of the conventions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from facealign import MARKUPS, DataError, FaceAligner, Pose, load_markup
from facealign.face.pose import fit_pose, generic_face, lean
from facealign.types import Pixels


def seen(pose: Pose, markup: str = "ibug68", scale: float = 2.0) -> np.ndarray:
    """The generic face as a camera sees it: (K, 2) pixels; points it does not have are at 0, 0."""
    indices, model = generic_face(markup)
    points = np.zeros((load_markup(markup).count, 2))
    points[indices] = (model @ pose.rotation().T)[:, :2] * scale + [310.0, 190.0]
    return points.astype(np.float32)


def apart(one: Pose, other: Pose) -> float:
    """The angle between two poses, in degrees."""
    turn = one.rotation() @ other.rotation().T
    return float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))


@pytest.mark.parametrize("markup", MARKUPS)
@given(
    yaw=st.floats(-90, 90),
    pitch=st.floats(-60, 60),
    roll=st.floats(-180, 180),
    scale=st.floats(0.2, 10),
)
def test_known_turns_come_back(
    markup: str, yaw: float, pitch: float, roll: float, scale: float
) -> None:
    pose = Pose(yaw, pitch, roll)
    assert apart(fit_pose(seen(pose, markup, scale), markup), pose) < 0.1


@given(yaw=st.floats(-170, 170), pitch=st.floats(-80, 80), roll=st.floats(-170, 170))
def test_angles_and_rotation_are_two_sides_of_one_thing(
    yaw: float, pitch: float, roll: float
) -> None:
    back = Pose.from_rotation(Pose(yaw, pitch, roll).rotation())
    assert np.allclose([back.yaw, back.pitch, back.roll], [yaw, pitch, roll], atol=1e-6)


def test_signs_by_hand() -> None:
    nose = np.array([0.0, 0.0, -1.0])  # from the head towards the camera
    right_of_photo, _, _ = Pose(30, 0, 0).rotation() @ nose
    assert right_of_photo == pytest.approx(0.5)  # to the subject's left
    _, down, _ = Pose(0, 30, 0).rotation() @ nose
    assert down == pytest.approx(-0.5)  # up
    eyes = Pose(0, 0, 30).rotation() @ np.array([1.0, 0.0, 0.0])
    assert eyes[:2] == pytest.approx([0.866, 0.5], abs=1e-3)  # the left eye sinks: clockwise


@pytest.mark.parametrize("markup", MARKUPS)
def test_a_mirror_flips_yaw_and_roll(markup: str) -> None:
    points = seen(Pose(25, -10, 15), markup)
    mirrored = fit_pose(load_markup(markup).mirrored(points, 640), markup)
    found = (mirrored.yaw, mirrored.pitch, mirrored.roll)
    assert found == pytest.approx((-25, -10, -15), abs=0.1)


def test_the_example_looks_into_the_camera(aligner_pose: Pose) -> None:
    assert abs(aligner_pose.yaw) < 15
    assert abs(aligner_pose.pitch) < 20
    assert abs(aligner_pose.roll) < 10


def test_a_mirrored_photo_flips_yaw_and_roll(
    small_aligner: FaceAligner, astronaut: Pixels, aligner_pose: Pose
) -> None:
    (face,) = small_aligner.align(np.fliplr(astronaut))
    assert face.pose.yaw == pytest.approx(-aligner_pose.yaw, abs=4)
    assert face.pose.roll == pytest.approx(-aligner_pose.roll, abs=2)
    assert face.pose.pitch == pytest.approx(aligner_pose.pitch, abs=6)


@pytest.fixture(scope="module")
def small_aligner() -> FaceAligner:
    return FaceAligner(threads=1)


@pytest.fixture(scope="module")
def aligner_pose(small_aligner: FaceAligner, astronaut: Pixels) -> Pose:
    (face,) = small_aligner.align(astronaut)
    return face.pose


@pytest.mark.parametrize("points", [np.zeros((68, 2)), np.full((68, 2), 7.0), np.eye(68, 2)])
def test_points_that_are_no_face_give_finite_angles(points: np.ndarray) -> None:
    pose = fit_pose(points.astype(np.float32), "ibug68")
    assert np.isfinite([pose.yaw, pose.pitch, pose.roll]).all()


def test_the_generic_face_is_symmetric() -> None:
    for name in MARKUPS:
        indices, model = generic_face(name)
        mirror = load_markup(name).mirror
        place = dict(zip(indices.tolist(), model, strict=True))
        for index, row in place.items():
            assert np.allclose(place[int(mirror[index])], row * [-1, 1, 1])


@pytest.mark.parametrize("markup", MARKUPS)
def test_lean_is_the_roll_of_a_face_that_looks_straight_ahead(markup: str) -> None:
    points = np.stack([seen(Pose(0, 0, roll), markup) for roll in (-170.0, -30.0, 0.0, 100.0)])
    assert lean(points, markup) == pytest.approx([-170, -30, 0, 100], abs=0.01)
    assert abs(float(lean(seen(Pose(40, 15, 20), markup), markup)) - 20) < 15


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(DataError, match="unknown markup"):
        fit_pose(np.zeros((3, 2), np.float32), "three")
