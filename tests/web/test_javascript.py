"""The page's JavaScript beside Python, in Node: same crops, same faces, same files."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign import CropTransform, Face, FaceAligner, ImageResult, read_image
from facealign.datasets.drawings import draw_face
from facealign.face.pose import fit_pose, lean
from facealign.formats.json import to_dict
from facealign.formats.registry import write_results
from facealign.types import Pixels

Run = Callable[..., list[Any]]
Job = dict[str, Any]


def pixels(answer: str, width: int, height: int) -> Pixels:
    values = np.frombuffer(base64.b64decode(answer), np.uint8)
    return values.reshape(height, width, 4)[..., :3]


def test_crops_are_pythons_to_the_bit(run: Run, noise_picture: Callable[..., Pixels]) -> None:
    picture = noise_picture(301, 277)
    cases: list[Job] = [
        {"box": [100, 60, 190, 170], "size": 112, "margin": 0.15, "angle": 0},
        {"box": [20, 10, 290, 270], "size": 40, "margin": 0.1, "angle": 30},  # reduced by 7
        {"box": [-50, -60, 90, 100], "size": 64, "margin": 0.25, "angle": -80},  # past the edge
        {"box": [200, 200, 203, 204], "size": 32, "margin": 0.1, "angle": 5},  # enlarged
        {"box": [900, 900, 950, 950], "size": 16, "margin": 0, "angle": 0},  # outside
    ]
    answers = run([{"task": "warp"} | case for case in cases], picture)
    for case, answer in zip(cases, answers, strict=True):
        box = np.array(case["box"], np.float32)
        crop = CropTransform.from_box(box, case["size"], case["margin"], case["angle"])
        np.testing.assert_array_equal(pixels(answer, crop.size, crop.size), crop.warp(picture))


def test_reduced_pictures_are_pillows_to_the_bit(
    run: Run, noise_picture: Callable[..., Pixels]
) -> None:
    picture = noise_picture(301, 277)
    cases: list[Job] = [
        {"size": [200, 130], "box": [0, 0, 301, 277]},
        {"size": [30, 17], "box": [3.3, 2.2, 300.7, 270.1]},  # whole blocks first
        {"size": [150, 138], "box": [0.4, 0.6, 299.9, 276.5]},
    ]
    answers = run([{"task": "resize"} | case for case in cases], picture)
    for case, answer in zip(cases, answers, strict=True):
        given = Image.fromarray(picture)
        bilinear = Image.Resampling.BILINEAR
        wanted = given.resize(case["size"], bilinear, box=case["box"], reducing_gap=2.0)
        np.testing.assert_array_equal(pixels(answer, *case["size"]), np.asarray(wanted))


def test_transparent_pixels_lie_over_white_as_in_python(run: Run, tmp_path: Path) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (40, 64, 4), dtype=np.uint8)
    (tmp_path / "rgba").write_bytes(picture.tobytes())
    job = {"task": "white", "raw": str(tmp_path / "rgba"), "width": 64, "height": 40}
    (answer,) = run([job])
    np.testing.assert_array_equal(pixels(answer, 64, 40), read_image(Image.fromarray(picture)))
    np.testing.assert_array_equal(pixels(answer, 64, 40), read_image(picture))


def assert_same(given: list[Job], wanted: list[Face]) -> None:
    """The same faces; points within 0.02 pixels."""
    assert len(given) == len(wanted)
    for face, known in zip(given, wanted, strict=True):
        assert face["markup"] == known.markup
        np.testing.assert_allclose(face["box"], known.box, atol=1e-3)
        np.testing.assert_allclose(face["landmarks"], known.landmarks, atol=0.02)
        np.testing.assert_allclose(face["scores"], known.scores, atol=0.002)
        pose = [known.pose.yaw, known.pose.pitch, known.pose.roll]
        np.testing.assert_allclose(
            [face["pose"][n] for n in ("yaw", "pitch", "roll")], pose, atol=0.1
        )


@pytest.mark.parametrize("model", ["aan-m", "aan-s", "aan-m-aflw19"])
def test_faces_are_pythons(run: Run, astronaut: Pixels, model: str) -> None:
    (faces,) = run([{"task": "align", "options": {"model": model, "attention": True}}], astronaut)
    wanted = FaceAligner(model, threads=1).align(astronaut, attention=True)
    assert_same(faces, wanted)
    assert wanted[0].attention is not None
    size = wanted[0].attention.shape[-1]
    for mine, known in zip(faces[0]["attention"], wanted[0].attention, strict=True):
        values = np.array(mine["values"]).reshape(mine["side"], mine["side"])
        block = size // mine["side"]
        np.testing.assert_allclose(values, known[::block, ::block], atol=2e-3)


def test_faces_of_a_model_without_attention_are_pythons(run: Run, astronaut: Pixels) -> None:
    (faces,) = run([{"task": "align", "options": {"model": "heatmap-m"}}], astronaut)
    assert_same(faces, FaceAligner("heatmap-m", threads=1).align(astronaut))


def test_dark_and_shaded_photos_are_pythons(run: Run, astronaut: Pixels) -> None:
    dark = np.round(astronaut * (6 / astronaut.mean())).astype(np.uint8)
    light = np.where(np.arange(astronaut.shape[1]) < 225, 0.02, 1.0)[None, :, None]
    shaded = np.round(astronaut * light).astype(np.uint8)
    for photo, options in ((dark, {}), (shaded, {"boxes": [[178, 88, 267, 177]]})):
        (faces,) = run([{"task": "align", "options": options}], photo)
        wanted = FaceAligner(threads=1).align(photo, boxes=options.get("boxes"))
        assert len(wanted) == 1
        assert_same(faces, wanted)


def test_hidden_points_are_pythons(run: Run, astronaut: Pixels) -> None:
    box = [178, 88, 267, 177]
    black, bar = astronaut.copy(), astronaut.copy()
    black[:, :225] = 0
    bar[90:116, 150:300] = 2
    cut = np.ascontiguousarray(astronaut[:, 215:])
    for photo, x in ((astronaut, 0), (black, 0), (bar, 0), (cut, 215)):
        boxes = [[box[0] - x, box[1], box[2] - x, box[3]]]
        ((face,),) = run([{"task": "align", "options": {"boxes": boxes}}], photo)
        (wanted,) = FaceAligner(threads=1).align(photo, boxes=boxes)
        assert wanted.visible is not None
        assert face["visible"] == wanted.visible.tolist()
        assert wanted.visible.all() == (photo is astronaut)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_turned_photos_are_pythons(run: Run, astronaut: Pixels, quarter: int) -> None:
    turned = np.ascontiguousarray(np.rot90(astronaut, quarter))
    (faces,) = run([{"task": "align", "options": {}}], turned)
    wanted = FaceAligner(threads=1).align(turned)
    assert len(wanted) == 1
    assert_same(faces, wanted)


def test_many_faces_in_a_large_photo_are_pythons(run: Run) -> None:
    # Drawn and photographed faces of 40 to 300 pixels in 2,000: several scales, several tiles.
    photo = np.asarray(Image.open(Path(__file__).parents[2] / "examples" / "astronaut.jpg"))
    scene = Image.new("RGB", (2000, 1500), (90, 120, 140))
    for i, side in enumerate((1000, 400, 250, 150)):
        scene.paste(Image.fromarray(photo).resize((side, side)), (480 * i, 350 * i))
    picture = np.asarray(scene)
    (faces,) = run([{"task": "align", "options": {}}], picture)
    wanted = FaceAligner(threads=1).align(picture)
    assert len(wanted) >= 4
    assert_same(faces, wanted)


def test_given_boxes_small_limits_and_bad_options(run: Run, astronaut: Pixels) -> None:
    box = [170.0, 80.0, 280.0, 190.0]
    jobs = [
        {"task": "align", "options": {"boxes": [box]}},
        {"task": "align", "options": {"boxes": []}},
        {"task": "error", "options": {"boxes": [[10, 10, 5, 20]]}},
        {"task": "error", "options": {"model": "none"}},
        {"task": "error", "options": {"minFace": 0}},
    ]
    faces, none, bad_box, bad_model, bad_size = run(jobs, astronaut)
    assert_same(faces, FaceAligner(threads=1).align(astronaut, boxes=[box]))
    assert none == []
    assert "x0 < x1" in bad_box
    assert "aan-m, aan-m-aflw19, aan-s, heatmap-m" in bad_model
    assert "minFace" in bad_size


def test_poses_are_pythons(run: Run) -> None:
    drawn = [draw_face(np.random.default_rng(seed))[1].astype(np.float32) for seed in range(8)]
    turned = [points @ np.array([[0, 1], [-1, 0]], np.float32) for points in drawn[:2]]
    faces = [*drawn, *turned, np.zeros((68, 2), np.float32)]
    job = {"task": "pose", "markup": "ibug68", "landmarks": [f.tolist() for f in faces]}
    (answers,) = run([job])
    for answer, points in zip(answers, faces, strict=True):
        pose = fit_pose(points, "ibug68")
        wanted = [pose.yaw, pose.pitch, pose.roll, float(lean(points, "ibug68"))]
        mine = [answer[name] for name in ("yaw", "pitch", "roll", "lean")]
        np.testing.assert_allclose(mine, wanted, atol=1e-4)


def test_files_are_pythons(run: Run, astronaut: Pixels, tmp_path: Path) -> None:
    job = {"task": "files", "options": {}, "source": "photo.jpg"}
    (answer,) = run([job], astronaut)
    results = [
        ImageResult("photo.jpg", 512, 512, FaceAligner(threads=1).align(astronaut)),
        ImageResult('no,"face', 3, 2, []),
        ImageResult("broken.jpg", None, None, [], "broken.jpg: damaged"),
    ]
    document = json.loads(answer["json"])
    assert document["schema"] == "facealign/1"
    close(document["images"], [to_dict(result) for result in results])
    write_results(lambda: results, tmp_path / "wanted.csv")
    wanted = (tmp_path / "wanted.csv").read_text()
    mine, known = (list(csv.reader(io.StringIO(text))) for text in (answer["csv"], wanted))
    assert mine[0] == known[0]
    close(
        [[number(cell) for cell in row] for row in mine[1:]],
        [[number(cell) for cell in row] for row in known[1:]],
    )


def number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def close(mine: Any, known: Any) -> None:
    """Equal, numbers to 0.1."""
    if isinstance(known, dict):
        assert mine.keys() == known.keys()
        for key, value in known.items():
            close(mine[key], value)
    elif isinstance(known, list):
        assert len(mine) == len(known)
        for one, other in zip(mine, known, strict=True):
            close(one, other)
    elif isinstance(known, int | float) and not isinstance(known, bool):
        assert mine == pytest.approx(known, abs=0.1)
    else:
        assert mine == known
