"""Bad input: one clear line (what, why, what to do), the documented exit code, no traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

Outcome = tuple[int, str, str]


def bad_file(folder: Path, kind: str, photo: Path) -> Path:
    path = folder / f"{kind}.jpg"
    if kind == "zero bytes":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(photo.read_bytes()[:20000])
    elif kind == "text":
        path.write_text("I am no photo")
    elif kind == "random bytes":
        path.write_bytes(bytes(range(256)) * 40)
    return path


BAD = {
    "missing": "no such file",
    "zero bytes": "the file is empty",
    "truncated": "damaged or cut short",
    "text": "not an image",
    "random bytes": "not an image",
}


@pytest.mark.parametrize(("kind", "why"), BAD.items())
def test_a_bad_photo_alone(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path, kind: str, why: str
) -> None:
    path = bad_file(tmp_path, kind, astronaut_path)
    code, _, errors = facealign(path)
    assert (code, len(errors.splitlines())) == (4, 1)
    assert f"{path}: {why}" in errors


@pytest.mark.parametrize(("kind", "why"), BAD.items())
def test_a_bad_photo_among_good_ones(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path, kind: str, why: str
) -> None:
    path, out = bad_file(tmp_path, kind, astronaut_path), tmp_path / "out.json"
    code, printed, errors = facealign(path, astronaut_path, "-o", out, "--draw", tmp_path / "d")
    assert (code, len(errors.splitlines())) == (3, 1)
    assert "1 face in 1 photo, 1 failed" in printed
    bad, good = json.loads(out.read_text())["images"]
    assert (bad["faces"], bad["width"], bad["height"]) == ([], None, None)
    assert why in bad["error"]
    assert (len(good["faces"]), good["error"]) == (1, None)


def test_one_pixel_is_an_image_without_a_face(
    facealign: Callable[..., Outcome], tmp_path: Path
) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "one.png")
    code, printed, errors = facealign(tmp_path / "one.png", "--draw", tmp_path / "d")
    assert (code, errors) == (0, "")
    assert "0 faces in 1 photo" in printed


def test_a_folder_without_images(facealign: Callable[..., Outcome], tmp_path: Path) -> None:
    code, _, errors = facealign(tmp_path)
    assert (code, errors) == (
        4,
        f"error: {tmp_path}: the folder holds no image, or may not be read\n",
    )


def test_a_glob_that_matches_nothing(facealign: Callable[..., Outcome], tmp_path: Path) -> None:
    code, _, errors = facealign(tmp_path / "*.jpg")
    assert (code, "matches no file" in errors) == (4, True)


def test_outputs_that_cannot_be_written(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    cases = [
        (["-o", tmp_path / "file" / "out.json"], "cannot write"),
        (["-o", tmp_path / "out.xlsx"], 'the suffix ".xlsx" is unknown'),
        (["-o", tmp_path], "is unknown"),
        (["--draw", tmp_path / "file"], "is a file but no picture"),
        (["--draw", tmp_path / "file" / "deep"], "cannot write"),
        (["--draw", astronaut_path], "would overwrite an input (photos)"),
        (["--draw", astronaut_path.parent], "could overwrite its photos"),
        (["--draw", tmp_path / ("x" * 300)], "cannot write"),
        (["-o", tmp_path / ("x" * 300 + ".json")], "cannot write"),
    ]
    for options, why in cases:
        code, _, errors = facealign(astronaut_path, *options)
        assert (code, len(errors.splitlines())) == (2, 1), options
        assert why in errors
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_picture_that_cannot_be_written_is_that_photos_error(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path
) -> None:
    photos, drawn, out = tmp_path / "photos", tmp_path / "drawn", tmp_path / "out.jsonl"
    photos.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        shutil.copy(astronaut_path, photos / name)
    (drawn / "b.jpg").mkdir(parents=True)  # a folder stands where the picture should go
    code, _, errors = facealign(photos, "--draw", drawn, "-o", out)
    assert (code, "cannot write" in errors, len(errors.splitlines())) == (3, True, 1)
    first, second, third = (json.loads(line) for line in out.read_text().splitlines())
    assert [len(entry["faces"]) for entry in (first, second, third)] == [1, 0, 1]
    assert "b.jpg: it is a folder" in second["error"]
    assert sorted(path.name for path in drawn.iterdir()) == ["a.jpg", "b.jpg", "c.jpg"]


def test_no_photo_is_ever_replaced_by_a_picture(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path
) -> None:
    for name in ("one/a.jpg", "two/a.jpg"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(astronaut_path, tmp_path / name)
    photos = [tmp_path / "one/a.jpg", tmp_path / "two/a.jpg"]
    code, _, errors = facealign("align", *photos, "--draw", tmp_path / "two")
    assert (code, "could overwrite its photos" in errors) == (2, True)
    assert {photo.read_bytes() for photo in photos} == {astronaut_path.read_bytes()}


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_photo_in_the_folder_for_pictures_is_not_replaced(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path, suffix: str
) -> None:
    photo, inner = tmp_path / f"a{suffix}", tmp_path / "inner" / f"a{suffix}"
    inner.parent.mkdir()
    with Image.open(astronaut_path) as picture:
        picture.save(photo)
        picture.save(inner)
    before = inner.read_bytes()
    code, _, errors = facealign("align", tmp_path, "--draw", inner.parent)
    assert (code, "which facealign did not write" in errors) == (2, True)
    assert inner.read_bytes() == before


def test_names_that_no_file_can_have(facealign: Callable[..., Outcome], tmp_path: Path) -> None:
    for name in (tmp_path / ("x" * 300), tmp_path / ("x" * 300 + ".jpg"), ""):
        code, _, errors = facealign("align", name)
        assert (code, len(errors.splitlines())) == (4, 1)
    (tmp_path / "x.jpg").write_bytes(b"x")
    code, _, errors = facealign("align", tmp_path / "x.jpg", "--model", "m" * 300)
    assert (code, len(errors.splitlines())) == (5, 1)


def test_one_picture_for_two_photos(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path
) -> None:
    other = shutil.copy(astronaut_path, tmp_path / "b.jpg")
    code, _, errors = facealign(astronaut_path, other, "--draw", tmp_path / "x.png")
    assert (code, "is one file, for 2 photos: give a folder" in errors) == (2, True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        ("image,x0,y0\n", "must name the columns"),
        ("image,x0,y0,x1,y1\nastronaut.jpg,1,2,3\n", "boxes.csv:2: a box is four numbers"),
        ("image,x0,y0,x1,y1\nastronaut.jpg,9,2,3,4\n", "boxes.csv:2: box"),
        ("image,x0,y0,x1,y1\nother.jpg,1,2,3,4\n", "no box for it in"),
    ],
)
def test_bad_boxes(
    facealign: Callable[..., Outcome],
    tmp_path: Path,
    astronaut_path: Path,
    content: str | None,
    why: str,
) -> None:
    table = tmp_path / "boxes.csv"
    if content is not None:
        table.write_text(content)
    code, _, errors = facealign(astronaut_path, "--boxes", table)
    assert (code, len(errors.splitlines())) == (4, 1)
    assert why in errors


def test_a_results_file_that_is_none(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path
) -> None:
    (tmp_path / "boxes.json").write_text('{"images": [1]}')
    code, _, errors = facealign(astronaut_path, "--boxes", tmp_path / "boxes.json")
    assert (code, "not a result file" in errors) == (4, True)


def test_models(facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    for model, why in (
        ("aan-xxl", "neither a bundled model"),
        (tmp_path / "m.onnx", "not a usable"),
    ):
        code, _, errors = facealign(astronaut_path, "--model", model)
        assert (code, len(errors.splitlines()), why in errors) == (5, 1, True)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["trian"], 'did you mean "facealign train"?'),
        (["align"], "Missing argument"),
        (["align", "--colour", "x.jpg"], "No such option"),
        (["x.jpg", "--boxes", "b.csv", "--whole-image"], "exclude each other"),
        (["x.jpg", "--threads", "0"], "threads"),
        (["eval", "--dataset", "301w", "--root", "."], "301w"),
    ],
)
def test_wrong_usage(facealign: Callable[..., Outcome], args: list[str], why: str) -> None:
    code, _, errors = facealign(*args)
    assert (code, len(errors.splitlines())) == (2, 1)
    assert why in errors


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("train.steps=many", "train.steps: expected int, got str"),
        ("train.stepz=3", "did you mean train.steps?"),
        ("train.batch=0", "expected int >= 2"),
        ("train", "is not an override"),
        ("model.input_size=50", "use a multiple of 16"),
    ],
)
def test_bad_settings(
    facealign: Callable[..., Outcome], repository: Path, setting: str, why: str
) -> None:
    code, _, errors = facealign("train", "tiny", setting)
    assert (code, len(errors.splitlines())) == (2, 1)
    assert why in errors


def test_training_without_a_root(facealign: Callable[..., Outcome], repository: Path) -> None:
    code, _, errors = facealign("train", "tiny")
    assert (code, "data.root is not set" in errors) == (2, True)


def test_eval_of_a_folder_that_is_no_data_set(
    facealign: Callable[..., Outcome], tmp_path: Path
) -> None:
    code, _, errors = facealign("eval", "--dataset", "300w", "--root", tmp_path)
    assert (code, len(errors.splitlines())) == (4, 1)
    assert "no such folder; --root must hold" in errors


def test_a_pts_file_with_67_points_is_named_and_the_rest_is_measured(
    facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(drawn, tmp_path / "300w")
    victim = sorted((root / "helen" / "testset").glob("*.pts"))[0]
    lines = victim.read_text().splitlines()
    victim.write_text("\n".join(lines[:5] + lines[6:]))
    out = tmp_path / "out.json"
    code, _, errors = facealign("eval", "--dataset", "300w", "--root", root, "--json", out)
    assert (code, len(errors.splitlines())) == (3, 1)
    assert f"{victim}: 67 points, but the markup has 68" in errors
    assert json.loads(out.read_text())["count"] == 7


def test_export_of_no_run(facealign: Callable[..., Outcome], tmp_path: Path) -> None:
    code, _, errors = facealign("export", tmp_path, "-o", tmp_path / "m.onnx")
    assert (code, "holds no best.pt or last.pt" in errors) == (4, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_training_names_a_bad_label_file_once(
    facealign: Callable[..., Outcome], repository: Path, drawn: Path, tmp_path: Path, processes: int
) -> None:
    root = shutil.copytree(drawn, tmp_path / "300w")
    bad = next(root.rglob("afw/*.pts"))
    bad.write_text("no points")
    given = ["model.input_size=32", "model.widths=[4, 8]", "train.steps=2", "train.batch=8"]
    options = ["train.threads=1", "--nproc", processes, "--run", tmp_path / "run"]
    code, _, errors = facealign("train", "tiny", f"data.root={root}", *given, *options)
    assert (code, len(errors.splitlines()), str(bad) in errors) == (3, 1, True)
