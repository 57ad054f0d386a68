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


def test_a_turn_takes_points_along_with_what_they_lie_on(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    sample, image = face
    marked = image.copy()
    places = np.round(sample.landmarks[[8, 30, 45]]).astype(int)
    for number, (x, y) in enumerate(places):
        marked[y - 1 : y + 2, x - 1 : x + 2] = 0
        marked[y - 1 : y + 2, x - 1 : x + 2, number] = 255
    after, picture = changed(benchmark, (sample, marked), "turned +30°")
    for number, point in enumerate(after.landmarks[[8, 30, 45]]):
        x, y = np.round(point).astype(int)
        assert picture[y, x].argmax() == number
        assert picture[y, x, number] > 150
    along = after.landmarks[45] - after.landmarks[36]
    before = sample.landmarks[45] - sample.landmarks[36]
    turn = np.degrees(np.arctan2(along[1], along[0]) - np.arctan2(before[1], before[0]))
    assert turn == pytest.approx(30, abs=0.01)  # y grows downwards: clockwise


def test_the_box_of_a_turned_face_is_upright_round_the_same_place(
    benchmark: Benchmark, face: tuple[Sample, Pixels]
) -> None:
    for name in ("turned +15°", "turned -30°"):
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
    shown = {"sunglasses": [chin, *mouth], "face mask": list(eyes)}
    hidden = {"sunglasses": list(eyes), "face mask": [chin, *mouth]}
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
    for name in ("none", "JPEG 10", "noise", "gray"):
        (after, first), (_, second) = (changed(benchmark, face, name) for _ in range(2))
        assert after is face[0]
        assert (first == second).all()
        assert (first == face[1]).all() == (name == "none")
    _, gray = changed(benchmark, face, "gray")
    assert (gray == gray[..., :1]).all()
    _, noise = changed(benchmark, face, "noise")
    assert 10 < np.abs(noise.astype(float) - face[1]).mean() < 20


def test_two_models_on_drawn_faces(
    benchmark: Benchmark, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.json"
    rows = [
        "official boxes",
        "own detector",
        "last frame, moved",
        "turned -30°",
        "+30°, as it comes",
    ]
    words = ["--root", str(drawn), "--every", "4", "--json", str(target), "--rows", *rows]
    copy = tmp_path / "copy.onnx"
    shutil.copyfile(model_path("default"), copy)
    benchmark("robustness").main([*words, "--model", "aan-m", "--model", str(copy)])
    printed = capsys.readouterr().out
    assert all(len(line) <= 80 for line in printed.splitlines())
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
    robustness = benchmark("robustness")
    samples = {s.id: s for s in read_dataset("300w", drawn, "common").samples}
    near = {name: s.landmarks + 0.5 for name, s in samples.items()}
    far = {name: np.full((68, 2), np.nan, np.float32) for name in samples}
    rows = {
        "official boxes": robustness.scored("m", "official boxes", near, samples, "common"),
        "own detector": robustness.scored("m", "own detector", far, samples, "common"),
    }
    assert rows["own detector"]["failure_rate_08"] == 1.0
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
    bins = benchmark("robustness").nme_by_yaw(nmes, yaw)
    assert bins["0-30"] == (1, 0.03)
    assert bins["30-60"] == (2, pytest.approx(0.03))
    assert bins["60-90"] == (1, 0.07)
