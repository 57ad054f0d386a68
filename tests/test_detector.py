"""Decoding and suppression against slow loops; the bundled detector on one photo."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from facealign.detector import Detections, WholeImage
from facealign.errors import ModelError
from facealign.geometry import BLOCK, iou, nms
from facealign.yunet import YuNet
from facealign.yunet.network import Network, decode, spans, tiles

FACE = np.array([173.0, 90.0, 269.0, 186.0])  # brows to chin in the astronaut's photo, by eye


@pytest.fixture(scope="module")
def yunet() -> YuNet:
    return YuNet(min_score=0.5, threads=1)  # what scores less is for the landmarks to judge


def slow_iou(a: Any, b: Any) -> Any:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def random_boxes(seed: int, count: int) -> Any:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 60, (count, 2))
    return np.hstack([low, low + rng.uniform(5, 40, (count, 2))]).astype(np.float32), rng


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([0, 0, 10, 10], 1.0),
        ([5, 0, 15, 10], 1 / 3),
        ([2, 2, 7, 7], 0.25),
        ([10, 0, 20, 10], 0.0),
        ([11, 11, 12, 12], 0.0),
    ],
)
def test_overlaps_by_hand(other: Any, expected: Any) -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    assert iou(box, np.array([other], np.float32)).tolist() == pytest.approx([expected])


@given(seed=st.integers(0, 10**6))
def test_overlaps_equals_the_loop_and_is_symmetric(seed: Any) -> None:
    boxes, _ = random_boxes(seed, 6)
    table = np.array([iou(box, boxes) for box in boxes])
    slow = [[slow_iou(a, b) for b in boxes.tolist()] for a in boxes.tolist()]
    assert np.allclose(table, slow, atol=1e-5)
    assert np.allclose(table, table.T, atol=1e-6)


def naive_suppress(boxes: Any, scores: Any, most: float) -> Any:
    keep = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(slow_iou(boxes[k], boxes[i]) <= most for k in keep):
            keep.append(i)
    return keep


@given(
    seed=st.integers(0, 10**6),
    count=st.integers(0, 25),
    most=st.sampled_from([0.0, 0.2, 0.4, 0.7, 1.0]),
)
def test_suppress_equals_the_loop(seed: Any, count: Any, most: Any) -> None:
    boxes, rng = random_boxes(seed, count)
    scores = rng.choice([0.7, 0.8, 0.9], count).astype(np.float32)  # ties on purpose
    assert nms(boxes, scores, most).tolist() == naive_suppress(boxes.tolist(), scores, most)


def test_more_boxes_than_a_block_are_suppressed_as_few_are() -> None:
    boxes, rng = random_boxes(0, 40)
    boxes = np.concatenate([boxes + 100 * i for i in range(10)]).astype(np.float32)
    scores = rng.uniform(0, 1, len(boxes)).astype(np.float32)
    assert len(boxes) > BLOCK
    assert nms(boxes, scores, 0.4).tolist() == naive_suppress(boxes.tolist(), scores, 0.4)


def test_the_thousands_of_a_large_photo_take_less_than_their_square() -> None:
    rng, count = np.random.default_rng(0), 20_000
    corners = rng.uniform(0, 13_000, (count, 2))
    boxes = np.concatenate([corners, corners + 30], axis=1).astype(np.float32)
    started = time.process_time()
    kept = nms(boxes, rng.uniform(0, 1, count).astype(np.float32), 0.4)
    assert time.process_time() - started < 5  # each with all: a minute
    assert 15_000 < len(kept) < count


def naive_decode(values: Any, stride: int, columns: int, min_score: float) -> Any:
    classes, objects, offsets = values
    boxes, scores = [], []
    for cell in range(len(classes)):
        score = math.sqrt(float(classes[cell, 0]) * float(objects[cell, 0]))
        if score < min_score:
            continue
        row, column = divmod(cell, columns)
        dx, dy, w, h = (float(v) for v in offsets[cell])
        x, y = (column + dx) * stride, (row + dy) * stride
        half_w, half_h = math.exp(w) * stride / 2, math.exp(h) * stride / 2
        boxes.append([x - half_w, y - half_h, x + half_w, y + half_h])
        scores.append(score)
    return np.array(boxes).reshape(-1, 4), np.array(scores)


@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    stride=st.sampled_from([8, 16, 32]),
    min_score=st.sampled_from([0.0, 0.5, 0.9, 1.1]),
)
def test_decode_equals_the_loop(
    seed: Any, rows: Any, columns: Any, stride: Any, min_score: Any
) -> None:
    rng = np.random.default_rng(seed)
    cells = rows * columns
    classes, objects = rng.uniform(0, 1, (2, cells, 1)).astype(np.float32)
    offsets = rng.normal(size=(cells, 4)).astype(np.float32)
    values = (classes, objects, offsets)
    boxes, scores = decode(values, stride, columns, min_score)
    slow_boxes, slow_scores = naive_decode(values, stride, columns, min_score)
    assert np.allclose(boxes, slow_boxes, atol=1e-4)
    assert np.allclose(scores, slow_scores, atol=1e-6)


def test_decode_by_hand() -> None:
    # The fourth of 2 × 2 cells of stride 8: centre ((1 + ½)·8, (1 + ¼)·8), sides 8 and 16.
    certain = np.array([0, 0, 0, 1], np.float32).reshape(4, 1)
    offsets = np.tile(np.array([0.5, 0.25, 0, math.log(2)], np.float32), (4, 1))
    boxes, scores = decode((certain, certain, offsets), 8, 2, 0.5)
    assert np.allclose(boxes, [[8, 2, 16, 18]], atol=1e-5)
    assert scores.tolist() == [1]


@given(length=st.integers(1, 9000), tile=st.integers(200, 1300), overlap=st.integers(0, 190))
def test_parts_cover_a_length_and_share_the_overlap(length: Any, tile: Any, overlap: Any) -> None:
    parts = spans(length, tile, overlap)
    begins, ends = np.array([(start, start + part) for start, part in parts]).T
    assert begins[0] == 0
    assert ends[-1] == length
    assert (ends - begins <= tile).all()
    assert (np.diff(begins) > 0).all()
    assert (ends[:-1] - begins[1:] >= overlap - 1).all()  # starts are rounded
    assert (ends - begins).sum() <= length + len(parts) * (overlap + 1)


def test_tiles_cover_every_pixel_and_stay_inside() -> None:
    seen = np.zeros((70, 150), int)
    for x, y, w, h in tiles(150, 70, 64, 16):
        assert 0 < w <= 64
        assert 0 < h <= 64
        seen[y : y + h, x : x + w] += 1
        assert x + w <= 150
        assert y + h <= 70
    assert seen.min() == 1


def test_the_whole_image_is_one_face() -> None:
    found = WholeImage().detect(np.zeros((20, 30, 3), np.uint8))
    assert found.boxes.tolist() == [[-0.5, -0.5, 29.5, 19.5]]
    assert found.scores.tolist() == [1]


def test_no_detections_have_the_right_shapes() -> None:
    none = Detections.none()
    assert len(none) == 0
    assert none.boxes.shape == (0, 4)


def test_the_astronaut_is_the_one_face_of_her_photo(yunet: Any, astronaut: Any) -> None:
    found = yunet.detect(astronaut)
    assert len(found) == 1
    assert slow_iou(found.boxes[0], FACE) > 0.6
    assert 0.8 < found.scores[0] <= 1
    assert found.boxes.dtype == found.scores.dtype == np.float32


def test_boxes_are_squares_from_brows_to_chin(yunet: Any, astronaut: Any) -> None:
    x0, y0, x1, y1 = yunet.detect(astronaut).boxes[0]
    assert x1 - x0 == pytest.approx(y1 - y0, rel=1e-4)
    assert (y0, y1) == (pytest.approx(FACE[1], abs=12), pytest.approx(FACE[3], abs=12))


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (3000, 1), (40, 40)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_plain_image_of_any_shape_holds_no_face(yunet: Any, shape: Any, value: Any) -> None:
    found = yunet.detect(np.full((*shape, 3), value, np.uint8))
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == (0,)


def pasted(astronaut: Any, width: int, height: int, side: int, centre: Any) -> Any:
    """The photo's part around the face, `side` pixels wide, on gray; and where the face then is."""
    part = astronaut[6:266, 96:356]  # 260 × 260 around the face
    small = Image.fromarray(part).resize((side, side), Image.Resampling.BOX)
    x, y = centre[0] - side // 2, centre[1] - side // 2
    canvas = np.full((height, width, 3), 128, np.uint8)
    canvas[y : y + side, x : x + side] = np.asarray(small)
    face = (FACE - [96, 6, 96, 6]) * side / 260 + [x, y, x, y]
    return canvas, face


@pytest.mark.parametrize("centre", [(2400, 1500), (70, 60), (1000, 1000)])
def test_a_face_of_24_pixels_is_found_in_a_large_photo(
    yunet: Any, astronaut: Any, centre: Any
) -> None:
    image, face = pasted(astronaut, 3000, 2000, 60, centre)
    assert 20 < face[2] - face[0] < 28
    found = yunet.detect(image)
    assert len(found) == 1
    assert slow_iou(found.boxes[0], face) > 0.5


@pytest.mark.parametrize(
    ("width", "height", "side"),
    [(300, 300, 200), (2600, 90, 80), (90, 2600, 80), (1400, 1300, 900), (1300, 500, 120)],
)
def test_a_face_is_found_once_whatever_the_image_s_shape(
    yunet: Any, astronaut: Any, width: Any, height: Any, side: Any
) -> None:
    image, face = pasted(astronaut, width, height, side, (width // 2, height // 2))
    found = yunet.detect(image)
    assert len(found) == 1
    assert slow_iou(found.boxes[0], face) > 0.5


def test_a_face_on_the_seam_of_tiles_is_found_once(yunet: Any, astronaut: Any) -> None:
    image, face = pasted(astronaut, 3000, 700, 260, (1533, 350))
    found = yunet.detect(image)
    assert len(found) == 1
    assert slow_iou(found.boxes[0], face) > 0.5


@pytest.mark.parametrize("factor", [0.5, 2.0, 3.0])
def test_boxes_scale_with_the_image(yunet: Any, astronaut: Any, factor: Any) -> None:
    side = round(512 * factor)
    scaled = np.asarray(Image.fromarray(astronaut).resize((side, side)))
    plain, other = (yunet.detect(image).boxes[0] for image in (astronaut, scaled))
    assert np.allclose((other + 0.5) / factor, plain + 0.5, atol=0.12 * (plain[2] - plain[0]))


def test_boxes_shift_with_the_image(yunet: Any, astronaut: Any) -> None:
    shifted = np.pad(astronaut[:, :-64], ((0, 0), (64, 0), (0, 0)), constant_values=128)
    plain, other = (yunet.detect(image).boxes[0] for image in (astronaut, shifted))
    assert np.allclose(other, plain + np.array([64, 0, 64, 0]), atol=1.5)


def test_a_higher_threshold_drops_the_face(astronaut: Any) -> None:
    assert len(YuNet(min_score=0.999, threads=1).detect(astronaut)) == 0


def test_a_missing_detector_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        YuNet(path=tmp_path / "none.onnx")


def test_a_file_that_is_no_model_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a usable ONNX model"):
        YuNet(path=tmp_path / "bad.onnx")


def test_the_networks_frame_begins_at_the_outer_corner(monkeypatch: pytest.MonkeyPatch) -> None:
    found = np.array([[0.0, 0.0, 64.0, 32.0]]), np.ones(1, np.float32)
    monkeypatch.setattr(Network, "search", lambda self, picture, min_score: found)
    monkeypatch.setattr(YuNet, "_face_squares", lambda self, boxes, angles: boxes)
    reduced = np.zeros((480, 640, 3), np.uint8)  # by two
    assert YuNet().detect(reduced).boxes.tolist() == [[-0.5, -0.5, 127.5, 63.5]]
