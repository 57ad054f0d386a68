"""What a `Face` can do: its regions, its other schemes, its crops, its numbers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from facealign import CropTransform, DataError, Face, FaceAligner, ImageError, load_markup
from facealign.face.templates import ARCFACE
from facealign.types import Pixels


@pytest.fixture(scope="module")
def face(astronaut: Pixels) -> Face:
    (found,) = FaceAligner(threads=1).align(astronaut)
    return found


def made(markup: str, **more: object) -> Face:
    points = np.arange(2 * load_markup(markup).count, dtype=np.float32).reshape(-1, 2)
    return Face(np.array([0, 0, 9, 9], np.float32), 1.0, points, markup, **more)  # type: ignore[arg-type]


def test_regions_and_points_by_name(face: Face) -> None:
    assert np.array_equal(face["left_eye"], face.landmarks[42:48])
    assert np.array_equal(face["jaw"], face.landmarks[:17])
    assert np.array_equal(face["chin"], face.landmarks[8])
    assert np.array_equal(face["nose_base"], face.landmarks[31:36])
    assert made("aflw19")["chin"].shape == made("cofw29")["nose_base"].shape == (2,)


def test_a_name_that_is_none_lists_those_there_are(face: Face) -> None:
    with pytest.raises(KeyError, match=r'no "third_eye"; regions: jaw, .*points: right_'):
        face["third_eye"]


def test_another_scheme(face: Face) -> None:
    five = face.to("celeba5")
    assert five.markup == "celeba5"
    assert np.allclose(five["right_eye_centre"], face["right_eye"].mean(axis=0))
    assert np.array_equal(five["left_mouth_corner"], face.landmarks[54])
    assert np.array_equal(five.box, face.box)
    with pytest.raises(DataError, match="no rule is defined"):
        face.to("wflw98")


def test_scores_and_visible_go_along() -> None:
    scores, visible = np.ones(68, np.float32), np.ones(68, np.bool_)
    scores[36:42], visible[37], visible[54] = 0.5, False, False
    five = made("ibug68", scores=scores, visible=visible).to("celeba5")
    assert five.scores is not None
    assert five.visible is not None
    assert five.scores.tolist() == pytest.approx([0.5, 1, 1, 1, 1])
    assert five.scores.dtype == np.float32
    assert five.visible.tolist() == [False, True, True, True, False]


def test_plain_numbers_are_json_and_hold_the_pose(face: Face) -> None:
    content = json.loads(json.dumps(face.to_dict(), allow_nan=False))
    names = {"box", "score", "confidence", "markup", "landmarks", "scores", "visible", "pose"}
    assert content.keys() == names
    assert content["pose"]["roll"] == pytest.approx(face.pose.roll, abs=0.01)


def test_an_arcface_crop_puts_the_five_points_where_the_template_has_them(
    face: Face, astronaut: Pixels
) -> None:
    crop = face.crop(astronaut, "arcface112")
    assert crop.pixels.shape == (112, 112, 3)
    five = crop.transform.to_crop(face.to("celeba5").landmarks)
    distances = np.linalg.norm(five - np.array(ARCFACE), axis=1)
    assert distances.max() < 9  # she smiles: her mouth is wider than the template
    # The best similarity: no turn, growth or shift of the points comes nearer.
    for moved in (five + [0.5, 0], five + [0, 0.5], five * 1.01):
        assert ((moved - np.array(ARCFACE)) ** 2).sum() > (distances**2).sum()


def test_an_arcface_crop_of_another_size_shows_the_same(face: Face, astronaut: Pixels) -> None:
    small, large = (face.crop(astronaut, "arcface112", size) for size in (112, 224))
    reduced = np.asarray(Image.fromarray(large.pixels).reduce(2))
    assert np.abs(reduced.astype(int) - small.pixels).mean() < 4


def test_an_ffhq_crop_is_the_published_square(face: Face, astronaut: Pixels) -> None:
    crop = face.crop(astronaut, "ffhq", 256)
    # NVlabs' `recreate_aligned_images`, whose "left" is the photo's.
    points = face.landmarks.astype(np.float64)
    eye_left, eye_right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    eyes, mouth = (eye_left + eye_right) / 2, (points[48] + points[54]) / 2
    x = (eye_right - eye_left) - np.flipud(mouth - eyes) * [-1, 1]
    x /= np.hypot(*x)
    x *= max(np.hypot(*(eye_right - eye_left)) * 2.0, np.hypot(*(mouth - eyes)) * 1.8)
    y, centre = np.flipud(x) * [-1, 1], eyes + (mouth - eyes) * 0.1
    corners = np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])
    in_crop = crop.transform.to_crop(corners.astype(np.float32))
    ends = [[-0.5, -0.5], [-0.5, 255.5], [255.5, 255.5], [255.5, -0.5]]
    assert np.allclose(in_crop, ends, atol=0.01)


def test_a_crop_and_its_inverse(face: Face, astronaut: Pixels) -> None:
    crop = face.crop(Image.fromarray(astronaut), "ffhq", 300)
    there = crop.transform.to_crop(face.landmarks)
    assert np.allclose(crop.transform.to_image(there), face.landmarks, atol=1e-3)
    x, y = there[30].round().astype(int)
    px, py = face.landmarks[30].round().astype(int)
    assert np.abs(crop.pixels[y, x].astype(int) - astronaut[py, px]).max() < 25


def test_a_turned_photo_gives_the_same_crop(face: Face, astronaut: Pixels) -> None:
    lying = np.ascontiguousarray(np.rot90(astronaut, -1))
    (found,) = FaceAligner(threads=1).align(lying)
    one, other = face.crop(astronaut, "ffhq", 96), found.crop(lying, "ffhq", 96)
    assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 12


def test_a_template_of_ones_own(face: Face, astronaut: Pixels) -> None:
    five = np.array([[20, 20], [60, 20], [40, 40], [25, 60], [55, 60]])
    crop = face.crop(astronaut, five, 80)
    placed = crop.transform.to_crop(face.to("celeba5").landmarks)
    assert np.abs(placed - five).max() < 7
    turn = CropTransform.from_square((223.0, 130.0), 120.0, 64, 12.0)
    every = face.crop(astronaut, turn.to_crop(face.landmarks), 64)
    assert np.allclose(every.transform.matrix, turn.matrix, atol=1e-4)


@pytest.mark.parametrize(
    ("template", "size", "why"),
    [
        ("ffhq1024", None, 'unknown template "ffhq1024": choose ffhq or arcface112'),
        ("ffhq", 0, "1 to 8192 pixels, not 0"),
        ("arcface112", 100_000, "1 to 8192 pixels"),
        (np.ones((5, 2)), None, "needs size="),
        (np.ones((5, 2)), 64, "all coincide"),
        (np.ones((4, 2)), 64, r"\(5, 2\) finite numbers, not of shape \(4, 2\)"),
        (np.full((5, 2), np.nan), 64, "finite"),
    ],
)
def test_crops_that_are_none(
    face: Face, astronaut: Pixels, template: object, size: int | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        face.crop(astronaut, template, size)  # type: ignore[arg-type]


def test_a_crop_of_no_photo_and_of_no_face(face: Face, astronaut: Pixels) -> None:
    with pytest.raises(ImageError, match="no such file"):
        face.crop("missing.jpg")
    point = Face(face.box, 1.0, np.full((68, 2), 5, np.float32), "ibug68")
    for template in ("ffhq", "arcface112"):
        with pytest.raises(ValueError, match="all coincide"):
            point.crop(astronaut, template)


def test_the_best_similarity_by_hand() -> None:
    points = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    c, s = 2 * math.cos(0.3), 2 * math.sin(0.3)
    template = points @ np.array([[c, s], [-s, c]], np.float32) + [5, 7]
    found = CropTransform.from_points(points, template.astype(np.float32), 50)
    assert np.allclose(found.matrix, [[c, -s, 5], [s, c, 7]], atol=1e-5)
    larger = found.resized(100)
    assert np.allclose(larger.to_crop(points), (template + 0.5) * 2 - 0.5, atol=1e-4)
