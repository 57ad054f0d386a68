"""What covers a face lies where it should, and says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from facealign.datasets.drawings import draw_face
from facealign.markup import MARKUPS
from facealign.training.augment.occlusion import (
    add_sunglasses,
    covered_points,
    face_anchors,
    face_frame,
    face_mask_shape,
    occlude,
    random_shape,
    rolled,
    sunglasses_shape,
)

IBUG = MARKUPS["ibug68"]
SIZE = 64


def uniform(count: int, columns: int, seed: int = 0) -> Tensor:
    return torch.rand(count, columns, generator=torch.Generator().manual_seed(seed))


def images(count: int = 8, size: int = SIZE) -> Tensor:
    return uniform(count, 3 * size * size).view(count, 3, size, size)


def face(seed: int = 0) -> Tensor:
    """Landmarks (1, 68, 2) of a drawing, as fractions of a crop about them."""
    points = draw_face(np.random.default_rng(seed))[1]
    low, high = points.min(axis=0), points.max(axis=0)
    return torch.from_numpy((points - (low + high) / 2) / ((high - low).max() * 1.2))[None]


def anchors(seed: int = 0) -> Tensor:
    return face_anchors(IBUG, face(seed), torch.ones(1, 68, dtype=torch.bool))


@pytest.mark.parametrize("name", MARKUPS)
def test_every_scheme_has_eyes_and_a_mouth(name: str) -> None:
    markup = MARKUPS[name]
    landmarks = uniform(2, markup.count * 2).view(2, -1, 2)
    labelled = torch.ones(2, markup.count, dtype=torch.bool)
    labelled[1, markup.names.index("left_mouth_corner")] = False
    found = face_anchors(markup, landmarks, labelled)
    assert torch.allclose(found[0, 1], landmarks[0, list(markup.eye_points[1])].mean(dim=0))
    corners = [markup.names.index(f"{side}_mouth_corner") for side in ("right", "left")]
    assert torch.allclose(found[0, 2], landmarks[0, corners].mean(dim=0))
    assert found[1].isnan().tolist() == [[False] * 2, [False] * 2, [True] * 2]


def test_the_face_s_frame_has_the_eyes_at_a_half_and_the_mouth_at_one() -> None:
    places = torch.tensor([[[-0.25, -0.125], [0.25, -0.25], [0.0625, 0.3125]]])
    u, v = face_frame(torch.zeros(1, 3, 256, 256), places)
    for (x, y), expected in zip(places[0].tolist(), [(-0.5, 0), (0.5, 0), (0, 1)], strict=True):
        row, column = int((y + 0.5) * 256), int((x + 0.5) * 256)  # half a pixel further on
        assert u[0, row, column] == pytest.approx(expected[0], abs=0.01)
        assert v[0, row, column] == pytest.approx(expected[1], abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_sunglasses_cover_the_eyes_and_neither_nose_tip_nor_mouth(seed: int) -> None:
    mask = sunglasses_shape(images(1), uniform(1, 2, seed), anchors(seed))
    hidden = covered_points(mask, face(seed))[0]
    assert hidden[36:48].all()
    assert not hidden[[30, 33, *range(48, 68), *range(4, 13)]].any()


@pytest.mark.parametrize("seed", range(5))
def test_a_mask_covers_mouth_and_chin_and_no_eye(seed: int) -> None:
    mask = face_mask_shape(images(1), uniform(1, 2, seed), anchors(seed))
    hidden = covered_points(mask, face(seed))[0]
    assert hidden[[8, *range(48, 68)]].all()
    assert not hidden[[*range(17, 28), *range(36, 48)]].any()


def test_where_an_eye_is_not_known_nothing_is_worn() -> None:
    unknown = anchors().index_fill(1, torch.tensor([0]), torch.nan)
    assert not sunglasses_shape(images(1), uniform(1, 2), unknown).any()
    assert not face_mask_shape(images(1), uniform(1, 2), unknown).any()
    behind = anchors()[:, [1, 0, 2]]  # right and left exchanged: no face looks so
    assert not face_mask_shape(images(1), uniform(1, 2), behind).any()


@pytest.mark.parametrize(("kind", "rounded"), [(0.1, False), (0.5, True)])
def test_rectangles_and_ellipses_have_their_areas(kind: float, rounded: bool) -> None:
    numbers = torch.tensor([[0.5, 0.5, 0.0, 0.5, 1.0, kind, 0.0]])  # half sizes 0.15 and 0.25
    mask = random_shape(torch.zeros(1, 3, 200, 200), numbers)[0]
    area = 4 * 0.15 * 0.25 * (torch.pi / 4 if rounded else 1)
    assert mask.float().mean() == pytest.approx(area, rel=0.03)
    assert (mask.any(dim=0).sum() - 60).abs() <= 1
    assert (mask.any(dim=1).sum() - 100).abs() <= 1


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_fingers_can_be_counted(count: int) -> None:
    numbers = torch.tensor([[0.5, 0.5, 0.0, 0.5, 0.5, 0.9, (count - 0.5) / 4]])
    mask = random_shape(torch.zeros(1, 3, 200, 200), numbers)[0]
    across = mask[:, 100].int()
    assert (across.diff() == 1).sum() == count


def test_a_turned_rectangle_covers_as_much() -> None:
    numbers = torch.tensor([[0.5, 0.5, angle, 0.2, 0.9, 0.0, 0.0] for angle in (0.0, 0.25)])
    masks = random_shape(torch.zeros(2, 3, 200, 200), numbers)
    areas = masks.float().mean(dim=(1, 2))
    assert areas[0] == pytest.approx(areas[1].item(), rel=0.03)
    assert (masks[0] != masks[1]).any()


def test_an_occluder_changes_its_pixels_alone() -> None:
    before = images()
    grain = torch.randn(6 * SIZE * SIZE, generator=torch.Generator().manual_seed(1))
    after, mask = occlude(before.clone(), uniform(8, 16), torch.zeros(8, 3, 2), grain)
    assert torch.equal((before != after).any(dim=1) & ~mask, torch.zeros_like(mask))
    assert (before != after).any(dim=1)[mask].float().mean() > 0.99
    assert after.isfinite().all()


def test_glasses_are_dark() -> None:
    before = torch.ones(1, 3, SIZE, SIZE)
    after, mask = add_sunglasses(before, uniform(1, 7), anchors(), torch.zeros(0))
    assert mask.any()
    assert after[0][:, mask[0]].max() < 0.75


def test_rolling_moves_an_image_onto_itself_upside_down() -> None:
    values = images(2, 8)
    moved = rolled(values, torch.tensor([[0.0, 0.0], [0.5, 0.25]]))
    assert torch.equal(moved[0], values[0].flip(1))
    assert torch.equal(moved[1], values[1].roll((-2, -4), dims=(1, 2)).flip(1))


def test_a_point_is_covered_by_the_pixel_on_which_it_lies() -> None:
    covered = torch.zeros(1, 4, 4, dtype=torch.bool)
    covered[0, 1, 2] = True
    places = torch.tensor([[[0.01, -0.24], [0.24, -0.01], [-0.01, -0.24], [0.6, -0.2], [9.0, 9.0]]])
    assert covered_points(covered, places).tolist() == [[True, True, False, False, False]]
