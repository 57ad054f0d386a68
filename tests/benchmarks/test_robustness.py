"""What is done to photos and their points, and the script on a few drawn faces."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from facealign.datasets import read_dataset, read_pixels
from facealign.geometry import box_size
from facealign.models import model_path
from facealign.types import Pixels, Sample

Benchmark = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def face(drawn: Path) -> tuple[Sample, Pixels]:
    sample = read_dataset("300w", drawn, "common").samples[0]
    return sample, read_pixels(sample)


def changed(benchmark: Benchmark, face: tuple[Sample, Pixels], name: str) -> tuple[Sample, Pixels]:
    after, image = benchmark("photo_changes").CHANGES[name](*face, np.random.default_rng(0))
    assert image.dtype == np.uint8
    return after, image


GEOMETRY = [f"turned {turn}°" for turn in ("+15", "-30", "+45", "+90", "+135", "180")]
GEOMETRY += ["1/2 resolution", "face of 30 px", "face of 20 px", "half cut away"]


@pytest.mark.parametrize("name", GEOMETRY)
def test_points_and_box_go_where_the_pixels_go(
    benchmark: Benchmark, face: tuple[Sample, Pixels], name: str
) -> None:
    sample, image = face
    rows, columns = np.indices(image.shape[:2], np.uint8)
    after, picture = changed(benchmark, (sample, np.dstack([columns, rows, rows])), name)
    left = np.full(68, True) if after.occluded is None else ~after.occluded
    places = list(zip(sample.landmarks[left], after.landmarks[left], strict=True))
    middles = [(one.box[:2] + one.box[2:]) / 2 for one in (sample, after)]
    if name != "half cut away":
        places.append(tuple(middles))
    for before, point in places:  # Pillow rounds what it resizes, and cuts off what it turns
        apart = value_at(picture, point)[:2] - before
        assert ((apart > -1) & (apart < 0.6)).all(), point


def value_at(picture: Pixels, point: np.ndarray) -> np.ndarray:
    """Between four pixels."""
    x, y = np.floor(point).astype(int)
    right, down = point - (x, y)
    corner = picture[y : y + 2, x : x + 2].astype(float)
    above, below = corner[:, 0] * (1 - right) + corner[:, 1] * right
    return np.asarray(above * (1 - down) + below * down)


@pytest.mark.parametrize("angle", [30, 45, 90, 135, 180])
def test_turns_are_clockwise(benchmark: Benchmark, face: tuple[Sample, Pixels], angle: int) -> None:
    after, _ = changed(benchmark, face, f"turned {'' if angle == 180 else '+'}{angle}°")
    along, before = (one.landmarks[45] - one.landmarks[36] for one in (after, face[0]))
    turn = np.degrees(np.arctan2(along[1], along[0]) - np.arctan2(before[1], before[0]))
    assert turn % 360 == pytest.approx(angle, abs=0.01)  # y grows downwards


def test_a_tiny_face_lies_in_a_photo_of_640_by_480(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    tiny = benchmark("photo_changes").tiny
    for size in (20.0, 30.0):
        places = set()
        for seed in range(9):
            after, picture = tiny(*face, np.random.default_rng(seed), size)
            assert picture.shape == (480, 640, 3)
            assert box_size(after.box) == pytest.approx(size, rel=0.03)
            assert (after.box[:2] > 0).all()
            assert (after.box[2:] < (639, 479)).all()
            away = picture[0 if after.box[1] > 240 else -1, 0 if after.box[0] > 320 else -1]
            assert np.abs(away - face[1].mean(axis=(0, 1))).max() < 1
            places.add(tuple(after.box))
        assert len(places) == 9


def test_half_a_face_is_cut_away_and_its_points_are_marked(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    cut = benchmark("photo_changes").half_cut
    sides = set()
    for seed in range(9):
        after, picture = cut(*face, np.random.default_rng(seed))
        x, wide = after.landmarks[:, 0], picture.shape[1]
        assert ((x < -0.5) | (x > wide - 0.5)).tolist() == after.occluded.tolist()
        assert 25 <= after.occluded.sum() <= 43
        assert after.occluded[0] != after.occluded[16]
        sides.add(bool(after.occluded[0]))  # a jaw's end on the subject's right
    assert sides == {False, True}


def test_points_that_are_cut_away_count_for_nothing(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    after, _ = changed(benchmark, face, "half cut away")
    near = after.landmarks + np.float32([0.5, 0])
    far = np.where(after.occluded[:, None], near + 100, near).astype(np.float32)
    report = benchmark("robustness_report").scored
    one, other = (report("m", "r", {after.id: p}, {after.id: after}, "common") for p in (near, far))
    assert one["nme_inter_ocular"] == pytest.approx(other["nme_inter_ocular"], rel=1e-4)
    assert one["failure_rate_08"] == other["failure_rate_08"] == 0
    none = np.full_like(near, np.nan)
    assert report("m", "r", {after.id: none}, {after.id: after}, "common")["missed"] == 1


def test_the_box_of_a_turned_face_is_upright_round_the_same_place(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    for name in ("turned +15°", "turned -30°", "turned +135°"):
        after, _ = changed(benchmark, face, name)
        assert box_size(after.box) == pytest.approx(box_size(face[0].box), rel=1e-5)
        middle, points = (after.box[:2] + after.box[2:]) / 2, after.landmarks
        was, were = (face[0].box[:2] + face[0].box[2:]) / 2, face[0].landmarks
        distances = np.linalg.norm(points - middle, axis=1)
        assert np.allclose(distances, np.linalg.norm(were - was, axis=1), atol=1e-3)


def test_a_reduced_photo_keeps_corners_and_shrinks_points(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    sample, image = face
    after, picture = changed(benchmark, face, "1/4 resolution")
    assert picture.shape == (40, 40, 3)
    assert np.allclose(after.landmarks * 4 + 1.5, sample.landmarks, atol=1e-3)
    whole = image[:4, :4].astype(float).mean(axis=(0, 1))
    assert np.abs(picture[0, 0] - whole).max() <= 1


def test_occluders_lie_where_they_should(benchmark: Benchmark, face: tuple[Sample, Pixels]) -> None:
    sample, image = face
    eyes, chin, mouth = sample.landmarks[36:48], sample.landmarks[8], sample.landmarks[60:68]
    both, brows = "mask and sunglasses", sample.landmarks[17:27]
    shown = {"sunglasses": [chin, *mouth], "face mask": list(eyes), both: list(brows)}
    hidden = {"sunglasses": list(eyes), "face mask": [chin, *mouth], both: [*eyes, chin, *mouth]}
    for name, points in hidden.items():
        after, picture = changed(benchmark, face, name)
        assert after is sample
        assert all(is_changed(image, picture, point) for point in points), name
        assert not any(is_changed(image, picture, point) for point in shown[name]), name
    _, picture = changed(benchmark, face, "1/4 covered")
    left, top, right, bottom = np.round(sample.box).astype(int)
    differs = (image != picture).any(axis=2)
    assert not differs[: top - 1].any()
    assert differs.sum() == pytest.approx(0.25 * (right - left) * (bottom - top), rel=0.08)


def is_changed(before: Pixels, after: Pixels, point: np.ndarray) -> bool:
    x, y = np.round(point).astype(int)
    return bool((before[y, x] != after[y, x]).any())


def test_the_rest_leaves_points_alone_and_is_repeatable(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    for name in ("none", "JPEG 10", "noise", "gray", "blurred", "dark", "half in shadow"):
        (after, first), (_, second) = (changed(benchmark, face, name) for _ in range(2))
        assert after is face[0]
        assert (first == second).all()
        assert (first == face[1]).all() == (name == "none")
    _, gray = changed(benchmark, face, "gray")
    assert (gray == gray[..., :1]).all()
    _, noise = changed(benchmark, face, "noise")
    assert 10 < np.abs(noise.astype(float) - face[1]).mean() < 20
    _, dark = changed(benchmark, face, "dark")
    assert dark.mean() == pytest.approx(5, abs=0.5)


def test_a_blur_spreads_a_dot_by_a_twentieth_of_the_box(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    dot = np.zeros((161, 161, 3), np.uint8)
    dot[76:85, 76:85] = 255
    _, picture = changed(benchmark, (face[0], dot), "blurred")
    weight = picture[..., 0].sum(axis=0) / picture[..., 0].sum()
    place = np.arange(161)
    variance = (weight * place**2).sum() - (weight * place).sum() ** 2
    spread = np.sqrt(variance - (9**2 - 1) / 12)
    assert spread == pytest.approx(0.05 * box_size(face[0].box), rel=0.1)


def test_only_eyes_that_are_truly_closed_count_as_closed(benchmark: Benchmark) -> None:
    """An eye 4 wide and h high has a ratio of h / 4; the other eye's points are wide open."""
    eye = np.array([[0, 0], [1, 1], [3, 1], [4, 0], [3, -1], [1, -1]], np.float32)
    true, said = np.zeros((2, 68, 2), np.float32), np.zeros((2, 68, 2), np.float32)
    for points, height in ((true, 0.1), (said, 0.4)):
        points[:, 36:42], points[:, 42:48] = eye * (1, height), eye
    said[1] = np.nan  # a face that is not found
    found = benchmark("robustness_report").closed_eyes(true, said)
    assert found == {"count": 1, "true": pytest.approx(0.05), "said": pytest.approx(0.2)}
    assert benchmark("robustness_report").closed_eyes(said[1:], said[1:])["said"] is None


def test_two_models_on_drawn_faces(
    benchmark: Benchmark, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.json"
    rows = [
        "official boxes",
        "own detector",
        "last frame, moved",
        "turned -30°",
        "turned +30°, as it comes",
    ]
    words = ["--root", str(drawn), "--every", "4", "--json", str(target), "--rows", *rows]
    copy = tmp_path / "copy.onnx"
    shutil.copyfile(model_path("aan-m"), copy)
    benchmark("robustness").main([*words, "--model", "aan-m", "--model", str(copy)])
    printed = capsys.readouterr().out
    assert all(len(line) <= 80 for line in printed.splitlines())
    beside = printed.partition("found / failures over 8 %")[2]
    assert "| turned +30° " in beside
    assert "official boxes" not in beside
    content = json.loads(target.read_text())
    one, two = content["models"].values()
    assert one == two
    assert list(one["rows"]) == rows
    for report in one["rows"].values():
        assert report["count"] == 2
        assert sum(found["faces"] for found in report["by_yaw"].values()) == 2 - report["missed"]
    plain = one["rows"]["official boxes"]
    assert 0 < plain["nme_inter_ocular"] < plain["nme_inter_pupil"] < 1
    assert one["worst"]["region"] == max(plain["regions"], key=plain["regions"].__getitem__)
    assert one["worst"]["face"] == plain["hardest"][0]["id"]
    assert f"worst change: {one['worst']['change']}" in printed


def test_a_row_of_missed_faces_is_the_worst(benchmark: Benchmark, drawn: Path) -> None:
    robustness = benchmark("robustness_report")
    samples = {s.id: s for s in read_dataset("300w", drawn, "common").samples}
    near = {name: s.landmarks + 0.5 for name, s in samples.items()}
    far = {name: np.full((68, 2), np.nan, np.float32) for name in samples}
    rows = {
        "official boxes": robustness.scored("m", "official boxes", near, samples, "common"),
        "own detector": robustness.scored("m", "own detector", far, samples, "common"),
    }
    assert rows["own detector"]["failure_rate_08"] == rows["own detector"]["failure_rate_10"] == 1
    found = robustness.worst(rows)
    assert (found["change"], found["change by failures"]) == ("own detector", "own detector")
    json.dumps(rows, allow_nan=False)


def test_no_readable_face_is_one_line(
    benchmark: Benchmark, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(drawn, root)
    for photo in (root / "helen" / "testset").glob("*.png"):
        photo.write_bytes(b"no picture")
    for photo in (root / "lfpw" / "testset").glob("*.png"):
        photo.write_bytes(b"no picture")
    with pytest.raises(SystemExit) as ended:
        benchmark("robustness").main(["--root", str(root)])
    assert ended.value.code == 2
    assert "no face of common could be read" in capsys.readouterr().err


def test_a_missing_folder_is_one_line(
    benchmark: Benchmark, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        benchmark("robustness").main(["--root", str(tmp_path / "none")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_yaw_bins_by_hand(benchmark: Callable[[str], ModuleType]) -> None:
    nmes = np.array([0.01, 0.03, 0.05, 0.07, 0.5])
    yaw = np.array([-30.0, 29.9, 30.0, -90.0, np.nan])
    bins = benchmark("robustness_report").nme_by_yaw(nmes, yaw)
    assert bins["0-30"] == (1, 0.03)
    assert bins["30-60"] == (2, pytest.approx(0.03))
    assert bins["60-90"] == (1, 0.07)
