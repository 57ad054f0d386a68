"""Nothing is replaced that is not ours: inputs, foreign pictures, devices, links."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign.formats.registry import read_results

Outcome = tuple[int, str, str]
Run = Callable[..., Outcome]


@pytest.fixture
def photo(tmp_path: Path, astronaut_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return Path(shutil.copy(astronaut_path, tmp_path / "in" / "a.jpg"))


@pytest.fixture
def foreign(tmp_path: Path, photo: Path) -> Path:
    """A picture of the user's that has the name of an output."""
    path = tmp_path / "b.jpg"
    Image.open(photo).save(path)
    return path


def test_an_input_is_never_an_output(facealign: Run, photo: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    boxes.write_text(f"image,x0,y0,x1,y1\n{photo.name},170,80,280,190\n")
    before = photo.read_bytes(), boxes.read_text()
    for words in (
        ["align", photo, "-o", photo, "--format", "json"],
        ["align", photo, "-o", photo],
        ["align", photo, "--boxes", boxes, "-o", boxes],
        ["align", photo, "--draw", photo],
        ["draw", photo, "-o", photo],
        ["draw", photo, "--results", boxes, "-o", boxes],
        ["label", photo, "-o", photo],
        ["crop", photo, "-o", photo],
        ["convert", boxes, boxes],
        ["data", "check", "csv", "--root", boxes, "--json", boxes],
        ["compare", boxes, "--json", boxes],
        ["export", boxes, "-o", boxes],
    ):
        code, _, errors = facealign(*words)
        assert (code, len(errors.splitlines())) == (2, 1), words
        assert (photo.read_bytes(), boxes.read_text()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes.csv", "in"]


def test_a_file_of_an_input_folder_is_never_replaced(
    facealign: Run, photo: Path, drawn: Path, tmp_path: Path
) -> None:
    root, run = shutil.copytree(drawn, tmp_path / "drawn"), tmp_path / "run"
    label = next(root.rglob("*.pts"))
    run.mkdir()
    for name in ("best.pt", "report.json"):
        (run / name).write_text("ours")
    results = tmp_path / "results"
    assert facealign("align", photo, "-o", results / "a.parquet")[0] == 0
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    for words in (
        ["eval", "--dataset", "300w", "--root", root, "--json", label],
        ["data", "check", "300w", "--root", root, "--json", label],
        ["export", run, "-o", run / "best.pt"],
        ["compare", run, "--json", run / "report.json"],
        ["convert", results, results / "a.parquet"],
    ):
        code, _, errors = facealign(*words)
        assert (code, "would overwrite an input" in errors) == (2, True), words
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    new = root / "report.json"
    facealign("data", "check", "300w", "--root", root, "--json", new)
    assert new.is_file()


def test_a_foreign_picture_is_never_replaced(
    facealign: Run, photo: Path, foreign: Path, tmp_path: Path, drawn: Path
) -> None:
    before = foreign.read_bytes()
    for words in (
        ["align", photo, "-o", foreign, "--format", "json"],
        ["align", photo, "--draw", foreign],
        ["draw", photo, "-o", foreign],
        ["label", photo, "-o", foreign],
        ["data", "check", "300w", "--root", drawn, "--subset", "common", "--sheet", foreign],
        ["data", "check", "300w", "--root", drawn, "--subset", "common", "--json", foreign],
        ["markups", "ibug68", "--chart", foreign],
        ["reproduce", "table5", "-o", foreign],
        ["bench", "--json", foreign, "--photo", photo],
        ["export", tmp_path, "-o", foreign],
        ["reproduce", "figure4", "--photo", photo, "-o", foreign],
    ):
        code, _, errors = facealign(*words)
        assert (code, "facealign did not write" in errors) == (2, True), words
        assert foreign.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.jpg", "in"]


def test_a_page_never_replaces_another(facealign: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    for _ in range(2):
        assert facealign("web", "-o", site)[0] == 0
    (site / "index.html").write_text("edited")
    code, _, errors = facealign("web", "-o", site)
    assert (code, "such as index.html" in errors) == (2, True)
    assert (site / "index.html").read_text() == "edited"
    assert list(site.glob(".*.part")) == []


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".gif", ".avif"])
def test_a_picture_of_ours_is_replaced(
    facealign: Run, photo: Path, tmp_path: Path, suffix: str
) -> None:
    for markup in ("ibug68", "celeba5"):
        code, _, errors = facealign(
            "draw", photo, "-o", tmp_path / f"x{suffix}", "--markup", markup
        )
        assert (code, errors) == (0, "")


def test_a_link_is_written_through(facealign: Run, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    real, link = tmp_path / "store" / "real.json", tmp_path / "link.json"
    real.write_text("{}")
    real.chmod(0o600)
    link.symlink_to(real)
    assert facealign("align", photo, "-o", link)[0] == 0
    assert link.is_symlink()
    assert len(json.loads(real.read_text())["images"]) == 1
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    dangling = tmp_path / "dangling.csv"
    dangling.symlink_to(tmp_path / "store" / "new.csv")
    assert facealign("align", photo, "-o", dangling)[0] == 0
    assert (dangling.is_symlink(), (tmp_path / "store" / "new.csv").is_file()) == (True, True)
    to_photo = tmp_path / "x.json"
    to_photo.symlink_to(photo)
    code, _, errors = facealign("align", photo, "-o", to_photo)
    assert (code, "would overwrite an input" in errors) == (2, True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes by name")
def test_devices_and_pipes_are_written_through_or_refused(
    facealign: Run, photo: Path, tmp_path: Path
) -> None:
    pipe, results = tmp_path / "pipe.csv", tmp_path / "r.json"
    os.mkfifo(pipe)
    code, _, errors = facealign("align", photo, "-o", pipe)
    assert (code, "is not a file" in errors) == (2, True)
    assert facealign("align", photo, "-o", results)[0] == 0
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    assert facealign("convert", results, pipe)[0] == 0
    reader.join(20)
    assert read[0].startswith("image,")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert facealign("convert", results, "/dev/null", "--to", "csv")[0] == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    words = [sys.executable, "-m", "facealign", "convert", results, "/dev/stdout", "--to", "csv"]
    done = subprocess.run(list(map(str, words)), capture_output=True, check=False)
    assert (done.returncode, done.stdout.startswith(b"image,")) == (0, True)


def test_missing_folders_are_made_one_level_deep(
    facealign: Run, photo: Path, tmp_path: Path
) -> None:
    deep = tmp_path / "nonexist" / "dir"
    for words in (
        ["align", photo, "-o", deep / "x.json"],
        ["align", photo, "-o", deep / "points", "--format", "pts"],
        ["align", photo, "--draw", deep / "drawn"],
        ["align", photo, "--draw", deep / "x.png"],
        ["draw", photo, "-o", deep / "drawn"],
        ["crop", photo, "-o", deep / "faces"],
        ["label", photo, "-o", deep / "labels.csv"],
        ["web", "-o", deep / "site"],
        ["data", "drawings", deep / "drawn"],
        ["markups", "ibug68", "--chart", deep / "x.png"],
    ):
        code, _, errors = facealign(*words)
        assert (code, "there is no folder" in errors) == (2, True), words
    assert not deep.parent.exists()
    assert facealign("align", photo, "-o", tmp_path / "new" / "x.json")[0] == 0


def test_a_long_name_fits(facealign: Run, photo: Path, tmp_path: Path) -> None:
    for letter in ("x", "é", "臉"):
        name = letter * (240 // len(letter.encode()))
        long = Path(shutil.copy(photo, tmp_path / f"{name}.jpg"))
        code, _, errors = facealign(
            "align", long, "-o", tmp_path / f"{name}.json", "--draw", tmp_path / "drawn"
        )
        assert (code, errors) == (0, "")
        assert len(list(read_results(tmp_path / f"{name}.json"))) == 1
        assert facealign("crop", long, "-o", tmp_path / "faces", "--size", 32)[0] == 0
    assert len(list((tmp_path / "drawn").iterdir())) == 3
    assert len(list((tmp_path / "faces").iterdir())) == 3
    assert list(tmp_path.glob(".*")) == []


def test_the_next_run_sweeps_what_a_killed_one_left(
    facealign: Run, photo: Path, tmp_path: Path
) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom facealign.files import part_of\n"
        "part_of(Path(sys.argv[1])).write_text('half'); os._exit(1)"
    )
    for name in ("x.json", "drawn/a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=False)
    assert len(list(tmp_path.rglob(".*.part"))) == 2
    given = ["-o", tmp_path / "x.json", "--draw", tmp_path / "drawn"]
    assert facealign("align", photo, *given)[0] == 0
    assert list(tmp_path.rglob(".*.part")) == []


def test_pictures_and_crops_keep_the_colour_profile(
    facealign: Run, photo: Path, tmp_path: Path
) -> None:
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[84:100] = b"one of our tests"  # the place of a digest that nobody checks
    pixels = np.asarray(Image.open(photo))
    for suffix in (".jpg", ".png", ".tif", ".webp"):
        source = tmp_path / f"p{suffix}"
        Image.fromarray(pixels).save(source, icc_profile=bytes(profile))
        assert facealign("draw", source, "-o", tmp_path / "drawn")[0] == 0
        assert facealign("crop", source, "-o", tmp_path / f"faces{suffix}", "--size", 64)[0] == 0
    written = [*(tmp_path / "drawn").iterdir(), *tmp_path.glob("faces*/*")]
    assert len(written) == 6
    for path in written:
        with Image.open(path) as picture:
            assert picture.info["icc_profile"] == bytes(profile), path
    gray = Image.fromarray(pixels).convert("CMYK")
    gray.save(tmp_path / "c.jpg", icc_profile=bytes(profile))
    assert facealign("draw", tmp_path / "c.jpg", "-o", tmp_path / "c.png")[0] == 0
    with Image.open(tmp_path / "c.png") as picture:
        assert "icc_profile" not in picture.info
