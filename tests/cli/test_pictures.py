"""`draw`, `crop`, `attention`, `markups`: what lies in the folder afterwards."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign import MARKUPS

Outcome = tuple[int, str, str]


def test_crop_writes_one_picture_a_face(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path
) -> None:
    two = tmp_path / "two.png"
    photo = np.asarray(Image.open(astronaut_path))
    Image.fromarray(np.concatenate([photo, photo], axis=1)).save(two)
    out = tmp_path / "faces"
    given = ["--template", "arcface112", "-o", out]
    code, printed, errors = facealign("crop", astronaut_path, two, *given)
    assert (code, errors) == (0, "")
    assert "pictures of faces: 3" in printed
    assert sorted(p.name for p in out.iterdir()) == ["astronaut.png", "two.png", "two_2.png"]
    pictures = [np.asarray(Image.open(p)).astype(int) for p in sorted(out.iterdir())]
    assert {picture.shape for picture in pictures} == {(112, 112, 3)}
    assert all(np.abs(picture - pictures[0]).mean() < 15 for picture in pictures)
    assert facealign("crop", astronaut_path, two, *given)[0] == 0  # its own may be replaced
    assert len(list(out.iterdir())) == 3


def test_draw_equals_align_draw_and_takes_earlier_results(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(astronaut_path, folder / "a.png")
    results = tmp_path / "faces.json"
    given = ["--draw", tmp_path / "by-align", "-o", results]
    assert facealign("align", folder, *given)[0] == 0
    code, printed, errors = facealign("draw", folder, "-o", tmp_path / "now")
    assert (code, errors, "faces drawn: 1, in " in printed) == (0, "", True)
    assert facealign("draw", folder, "-o", tmp_path / "old", "--results", results)[0] == 0
    pictures = [np.asarray(Image.open(tmp_path / f / "a.png")) for f in ("by-align", "now", "old")]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.abs(pictures[0].astype(int) - pictures[2]).mean() < 0.01  # points kept to 0.001 px
    photo = np.asarray(Image.open(astronaut_path))
    assert (pictures[0] != photo).any()
    one = tmp_path / "five.png"
    five = ["--results", results, "--markup", "celeba5"]
    assert facealign("draw", folder / "a.png", "-o", one, *five)[0] == 0
    assert (np.asarray(Image.open(one)) != pictures[0]).any()


def test_draw_of_a_photo_that_the_results_do_not_know(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path
) -> None:
    results = tmp_path / "faces.jsonl"
    results.write_text('{"source": "b.jpg", "width": 9, "height": 9, "faces": [], "error": null}')
    given = ["-o", tmp_path / "out", "--results", results]
    code, _, errors = facealign("draw", astronaut_path, *given)
    assert (code, f"no result for it in {results}" in errors) == (4, True)
    assert not (tmp_path / "out").exists()


def test_draw_never_replaces_a_photo(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "a.jpg"
    shutil.copy(astronaut_path, photo)
    for target in (photo, tmp_path):
        code, _, errors = facealign("draw", photo, "-o", target)
        assert (code, errors.startswith("error: -o ")) == (2, True)
    assert photo.read_bytes() == astronaut_path.read_bytes()


def test_crop_takes_a_size(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path
) -> None:
    assert facealign("crop", astronaut_path, "-o", tmp_path, "--size", 96)[0] == 0
    with Image.open(tmp_path / "astronaut.png") as picture:
        assert picture.size == (96, 96)


def test_attention_draws_the_crop_and_a_map_a_stage(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path
) -> None:
    code, _, errors = facealign("attention", astronaut_path, "-o", tmp_path)
    assert (code, errors) == (0, "")
    with Image.open(tmp_path / "astronaut.png") as picture:
        assert picture.size == (5 * 256, 256 + 24)
        tiles = np.asarray(picture)[24:].reshape(256, 5, 256, 3).astype(int)
    assert all(np.abs(tiles[:, i] - tiles[:, i + 1]).mean() > 5 for i in range(4))


def test_crop_shows_a_progress_bar_on_a_terminal(astronaut_path: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "facealign", "crop", str(astronaut_path), "-o", str(tmp_path)]
    environment = os.environ | {"TTY_COMPATIBLE": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, "aligning" in done.stderr) == (0, True)


@pytest.mark.parametrize("verb", ["draw", "crop", "attention"])
def test_a_bad_photo_does_not_stop_the_rest(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path, verb: str
) -> None:
    bad, out = tmp_path / "bad.jpg", tmp_path / "out"
    bad.write_bytes(b"no photo")
    code, _, errors = facealign(verb, bad, astronaut_path, "-o", out)
    assert (code, len(errors.splitlines())) == (3, 1)
    assert [p.stem for p in out.iterdir()] == ["astronaut"]
    assert facealign(verb, bad, "-o", out)[0] == 4
    assert facealign(verb, tmp_path / "none*", "-o", out)[0] == 4


@pytest.fixture
def folder(tmp_path: Path, astronaut_path: Path) -> Path:
    """Photos of one and of two faces, large and small; two of one name, one of them damaged."""
    for part in ("a", "b"):
        (tmp_path / "photos" / part).mkdir(parents=True)
    photo = Image.open(astronaut_path)
    for i in range(6):
        picture = photo.resize((512 - 60 * i, 512 - 60 * i))
        pair = np.concatenate([np.asarray(picture)] * (1 + i % 2), axis=1)
        Image.fromarray(pair).save(tmp_path / "photos" / "ab"[i % 2] / f"{i // 2}.jpg")
    (tmp_path / "photos" / "a" / "bad.jpg").write_bytes(b"no photo")
    return tmp_path / "photos"


@pytest.mark.parametrize("verb", ["draw", "crop", "attention"])
def test_workers_change_neither_pictures_nor_their_names(
    facealign: Callable[..., Outcome], folder: Path, tmp_path: Path, verb: str
) -> None:
    written = []
    for workers in (1, 3):
        out = tmp_path / f"by-{workers}"
        given = [folder, "-o", out, "--workers", workers, "--threads", 1]
        code, printed, errors = facealign(verb, *given)
        assert (code, ": 9, in " in printed) == (3, True)
        assert [line.split(": ")[1] for line in errors.splitlines()] == [f"{folder}/a/bad.jpg"]
        written.append({p.name: p.read_bytes() for p in out.iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == (6 if verb == "draw" else 9)


@pytest.mark.parametrize("verb", ["draw", "crop", "attention"])
def test_an_interrupted_run_leaves_whole_pictures(folder: Path, tmp_path: Path, verb: str) -> None:
    for i in range(300):
        (folder / f"{i:03d}.jpg").symlink_to(folder / "a" / "0.jpg")
    out = tmp_path / "out"
    words = [sys.executable, "-m", "facealign", verb, str(folder), "-o", str(out), "--workers", "2"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        for _ in range(6000):
            if out.is_dir() and len(list(out.glob("*.*"))) > 3:
                break
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        printed, errors = run.communicate(timeout=60)
    assert (run.returncode, printed) == (130, "")
    assert re.fullmatch(r"error: interrupted: \d+ of 307 photos done\n", errors)
    assert not list(out.glob(".*"))
    for picture in out.iterdir():
        Image.open(picture).load()


@pytest.mark.parametrize("verb", ["crop", "attention"])
def test_pictures_never_replace_others(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path, verb: str
) -> None:
    photo = tmp_path / "photo.png"
    Image.open(astronaut_path).save(photo)
    before = photo.read_bytes()
    code, _, errors = facealign(verb, photo, "-o", tmp_path)
    assert (code, "which facealign did not write" in errors) == (2, True)
    assert photo.read_bytes() == before
    code, _, errors = facealign(verb, photo, "-o", photo)
    assert (code, "would overwrite an input" in errors) == (2, True)


def test_the_name_of_a_crop_depends_on_its_photo_and_not_on_the_order(
    facealign: Callable[..., Outcome], astronaut_path: Path, tmp_path: Path
) -> None:
    photo = Image.open(astronaut_path)
    pair = Image.fromarray(np.concatenate([np.asarray(photo)] * 2, axis=1))
    names = ("a/x.jpg", "b/x.jpg", "a/y.png", "a/y_2.jpg", "a/z.jpg", "a/z.png", "a/z.jpg.png")
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (pair if "y.png" in name else photo.rotate(number)).save(tmp_path / name)
    written = []
    for order in (names, names[::-1]):
        out = tmp_path / f"out-{len(written)}"
        photos = [tmp_path / name for name in order]
        code, _, errors = facealign("crop", *photos, "-o", out, "--size", 32)
        assert (code, errors) == (0, "")
        written.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == len(names) + 1
    assert {"y.png", "y_2.png", "y_2.jpg.png", "z.jpg.png.png"} <= written[0].keys()


def test_markups_are_listed(facealign: Callable[..., Outcome]) -> None:
    code, printed, _ = facealign("markups")
    assert code == 0
    assert all(f"{name} " in printed for name in MARKUPS)
    code, printed, _ = facealign("markups", "cofw29")
    assert "right_brow   0, 2, 4-5" in printed
    assert "mirror pairs: 0-1 2-3" in printed


@pytest.mark.parametrize("name", MARKUPS)
def test_a_chart_is_drawn(facealign: Callable[..., Outcome], tmp_path: Path, name: str) -> None:
    chart = tmp_path / "chart.png"
    code, printed, _ = facealign("markups", name, "--chart", chart)
    assert (code, f"chart: {chart}" in printed) == (0, True)
    assert np.asarray(Image.open(chart)).min() < 50


def test_markups_that_are_none(facealign: Callable[..., Outcome], tmp_path: Path) -> None:
    code, _, errors = facealign("markups", "ibug69", "--chart", tmp_path / "c.png")
    assert (code, 'unknown markup "ibug69"' in errors) == (4, True)
    assert facealign("markups", "--chart", tmp_path / "c.png")[0] == 2
    assert list(tmp_path.iterdir()) == []
