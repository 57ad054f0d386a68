"""Every verb end to end, as a user types it: `main([...])`, its exit code and what it prints."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from facealign.cli.app import VERBS, load_verb
from facealign.configs import FOLDER
from facealign.types import Pixels

Outcome = tuple[int, str, str]


@pytest.fixture
def photos(tmp_path: Path, astronaut_path: Path) -> Path:
    """A folder with one face, one photo without, and one deeper down."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    shutil.copy(astronaut_path, folder / "a face.jpg")
    shutil.copy(astronaut_path, folder / "deeper" / "a face.jpg")
    Image.new("RGB", (200, 150), "gray").save(folder / "empty.png")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_photo_alone_is_aligned(facealign: Callable[..., Outcome], photos: Path) -> None:
    code, printed, errors = facealign(photos / "a face.jpg")
    assert (code, errors) == (0, "")
    assert "1 face in 1 photo" in printed
    assert "a face.jpg  1" in printed


def test_json_follows_its_schema(
    facealign: Callable[..., Outcome], photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    code, _, _ = facealign("align", photos, "-o", out)
    document = json.loads(out.read_text())
    assert code == 0
    assert document.keys() == {"schema", "images"}
    assert document["schema"] == "facealign/1"
    assert [len(image["faces"]) for image in document["images"]] == [1, 1, 0]
    image = document["images"][0]
    assert image.keys() == {"source", "width", "height", "faces", "error"}
    assert (image["width"], image["height"], image["error"]) == (512, 512, None)
    (face,) = image["faces"]
    names = {"box", "score", "confidence", "markup", "landmarks", "scores", "visible", "pose"}
    assert face.keys() == names
    assert (len(face["box"]), face["markup"]) == (4, "ibug68")
    assert np.shape(face["landmarks"]) == (68, 2)
    assert np.shape(face["scores"]) == np.shape(face["visible"]) == (68,)


def test_jsonl_holds_one_image_a_line(
    facealign: Callable[..., Outcome], photos: Path, tmp_path: Path
) -> None:
    facealign("align", photos, "-o", tmp_path / "out.json")
    facealign("align", photos, "-o", tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    document = json.loads((tmp_path / "out.json").read_text())
    assert [json.loads(line) for line in lines] == document["images"]


def test_pictures_go_to_a_folder_without_replacing_each_other(
    facealign: Callable[..., Outcome], photos: Path, tmp_path: Path
) -> None:
    code, _, _ = facealign("align", photos, "--draw", tmp_path / "drawn")
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert (code, len(names), names[-1]) == (0, 3, "empty.png")
    assert all(re.fullmatch(r"a face-[0-9a-f]{8}\.jpg", name) for name in names[:2])
    before = np.asarray(Image.open(photos / "a face.jpg")).astype(int)
    after = np.asarray(Image.open(tmp_path / "drawn" / names[0])).astype(int)
    changed = np.abs(after - before).max(axis=2) > 60
    ys, xs = np.nonzero(changed)
    assert changed.sum() > 200
    assert 165 < xs.min() < xs.max() < 285
    assert 75 < ys.min() < ys.max() < 190


def test_one_picture_may_be_named(
    facealign: Callable[..., Outcome], photos: Path, tmp_path: Path
) -> None:
    code, _, _ = facealign(photos / "a face.jpg", "--draw", tmp_path / "new" / "x.png")
    assert code == 0
    with Image.open(tmp_path / "new" / "x.png") as picture:
        assert picture.size == (512, 512)


def test_a_glob_is_expanded(facealign: Callable[..., Outcome], photos: Path) -> None:
    code, printed, _ = facealign(photos / "*.png")
    assert (code, "0 faces in 1 photo" in printed) == (0, True)


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_boxes_from_a_file(
    facealign: Callable[..., Outcome], photos: Path, tmp_path: Path, suffix: str
) -> None:
    photo, out = photos / "a face.jpg", tmp_path / "out.json"
    table = tmp_path / f"boxes.{suffix}"
    if suffix == "csv":
        table.write_text(
            "image,x0,y0,x1,y1\na face.jpg,178,88,267,177\na face.jpg,170,80,260,170\n"
        )
    else:
        facealign(photo, "-o", table)
    code, _, errors = facealign(photo, "--boxes", table, "-o", out)
    faces = json.loads(out.read_text())["images"][0]["faces"]
    assert (code, errors, len(faces)) == (0, "", 2 if suffix == "csv" else 1)
    assert faces[0]["score"] == 1.0
    if suffix == "csv":
        assert [face["box"] for face in faces] == [[178, 88, 267, 177], [170, 80, 260, 170]]


def test_the_whole_image(facealign: Callable[..., Outcome], photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert facealign(photos / "empty.png", "--whole-image", "-o", out)[0] == 0
    (face,) = json.loads(out.read_text())["images"][0]["faces"]
    assert face["box"] == [-0.5, -0.5, 199.5, 149.5]


def test_another_point_scheme_and_upright_faces(
    facealign: Callable[..., Outcome], astronaut: Pixels, tmp_path: Path
) -> None:
    turned, out = tmp_path / "turned.png", tmp_path / "out.jsonl"
    Image.fromarray(np.rot90(astronaut)).save(turned)
    code, _, _ = facealign("align", turned, "--markup", "celeba5", "-o", out)
    (face,) = json.loads(out.read_text())["faces"]
    assert (code, face["markup"], len(face["landmarks"])) == (0, "celeba5", 5)
    assert face["pose"]["roll"] == pytest.approx(-90, abs=10)
    code, _, _ = facealign("align", turned, "--upright", "-o", out)
    faces = json.loads(out.read_text())["faces"]  # turned ones are not looked for
    assert (code, [f for f in faces if f["confidence"] > 0.5 or f["pose"]["roll"] < -45]) == (0, [])


def test_train_export_eval_and_align(
    facealign: Callable[..., Outcome], drawn: Path, photos: Path, tmp_path: Path
) -> None:
    config = FOLDER / "tiny.toml"
    overrides = ["model.input_size=32", "model.widths=[4, 8]", "train.steps=4", "train.threads=1"]
    run = tmp_path / "run"
    code, printed, errors = facealign(
        "train", config, f"data.root={drawn}", *overrides, "train.batch=8", "--run", run
    )
    assert (code, errors) == (0, "")
    assert "step 4: loss" in printed
    assert "validation NME (inter-ocular)" in printed
    model, numbers = tmp_path / "tiny.onnx", tmp_path / "numbers.json"
    code, printed, _ = facealign("export", run, "-o", model)
    assert (code, "tiny, ibug68, 32 px" in printed) == (0, True)
    given = ["--dataset", "300w", "--root", drawn, "--model", model, "--json", numbers]
    code, printed, errors = facealign("eval", *given)
    assert (code, errors) == (0, "")
    assert "NME, inter-ocular" in printed
    report = json.loads(numbers.read_text())
    assert (report["count"], report["box_source"], report["subset"]) == (8, "official", "common")
    assert 0 < report["nme_inter_ocular"] < report["nme_inter_pupil"] < 2
    assert facealign(photos / "a face.jpg", "--model", model)[0] == 0
    small = tmp_path / "small.onnx"
    code, printed, errors = facealign("export", run, "-o", small, "--int8", "--root", drawn)
    assert (code, "tiny, ibug68, 32 px" in printed, errors) == (0, True, "")
    assert b"DequantizeLinear" in small.read_bytes()
    assert facealign(photos / "a face.jpg", "--model", small)[0] == 0
    code, _, errors = facealign("export", run, "-o", small, "--root", drawn)
    assert (code, "--int8" in errors) == (2, True)


def test_drawings_are_a_data_set(facealign: Callable[..., Outcome], tmp_path: Path) -> None:
    assert facealign("data", "drawings", tmp_path / "d", "--train", 3, "--test", 2)[0] == 0
    assert len(list((tmp_path / "d").rglob("*.pts"))) == 5
    code, _, errors = facealign("data", "drawings", tmp_path / "d")
    assert (code, "this folder is not empty" in errors) == (2, True)


def test_data_check_counts_and_draws(
    facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path
) -> None:
    sheet, numbers = tmp_path / "sheet.png", tmp_path / "check.json"
    given = ["data", "check", "300w", "--root", drawn, "--subset", "common"]
    code, printed, errors = facealign(*given, "--sheet", sheet, "--json", numbers)
    assert (code, errors) == (0, "")
    assert "common  8      554       0         0" in printed
    (found,) = json.loads(numbers.read_text())["checks"]
    assert (found["count"], found["official_count"], found["unreadable"]) == (8, 554, [])
    with Image.open(sheet) as picture:
        assert picture.size == (8 * 192, 192)


def test_data_check_names_what_is_not_there(
    facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path
) -> None:
    code, printed, errors = facealign("data", "check", "300w", "--root", drawn)
    assert code == 3
    assert "train   30" in printed
    assert len(errors.splitlines()) == 3
    assert "error: challenging: " in errors
    assert facealign("data", "check", "aflw", "--root", tmp_path)[0] == 4


def test_data_list_names_every_reader(facealign: Callable[..., Outcome]) -> None:
    code, printed, _ = facealign("data", "list")
    assert code == 0
    for word in ("300w", "aflw", "celeba", "300vw", "wflw", "cofw", "coco", "20,000"):
        assert word in printed


def test_models_lists_numbers_with_their_normaliser_and_terms(
    facealign: Callable[..., Outcome],
) -> None:
    code, printed, _ = facealign("models")
    assert code == 0
    for word in ("aan-m", "(default)", "ibug68", "inter-ocular", "inter-pupil", "research", "554"):
        assert word in printed


def every_verb() -> list[str]:
    """The verbs of the registry, those of groups too ("data check"), and "" for none."""
    names = [""]
    for name in VERBS:
        command = load_verb(name)
        names.append(name)
        if isinstance(command, click.Group):
            names += [f"{name} {inner}" for inner in command.commands]
    return names


@pytest.mark.parametrize("verb", every_verb())
def test_help_fits_80_columns(
    facealign: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, printed, _ = facealign(*verb.split(), "--help")
    assert code == 0
    assert max(map(len, printed.splitlines())) <= 80
    assert "Usage: facealign" in printed


def test_no_arguments_show_the_help(facealign: Callable[..., Outcome]) -> None:
    code, printed, _ = facealign()
    assert (code, "Usage: facealign" in printed) == (0, True)


def test_version(facealign: Callable[..., Outcome]) -> None:
    import facealign as package

    assert facealign("--version")[1] == f"facealign {package.__version__}\n"
