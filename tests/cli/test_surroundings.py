"""The command line among pipes, signals, other folders' files and odd names."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from facealign.formats.registry import read_results

COMMAND = [sys.executable, "-m", "facealign"]


def run(*args: object, **options: object) -> subprocess.CompletedProcess[str]:
    words = [*COMMAND, *map(str, args)]
    return subprocess.run(
        words, capture_output=True, text=True, errors="replace", check=False, **options
    )


def test_nothing_is_written_to_the_home_folder(tmp_path: Path, astronaut_path: Path) -> None:
    done = run(astronaut_path, env=os.environ | {"HOME": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.rglob("*")) == []


def test_an_option_may_come_before_the_photo(astronaut_path: Path) -> None:
    done = run("--model", "default", astronaut_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_no_utf8_is_written_as_an_escape(
    tmp_path: Path, astronaut_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (b"a.jpg", b"b\xff.jpg", b"c.jpg"):
        shutil.copy(astronaut_path, folder / os.fsdecode(name))
    done = run(folder, "-o", tmp_path / "out.json")
    assert done.returncode == 0, done.stderr
    images = json.loads((tmp_path / "out.json").read_text())["images"]
    assert [len(image["faces"]) for image in images] == [1, 1, 1]
    assert images[1]["source"].endswith("b\udcff.jpg")


def test_boxes_are_matched_by_the_end_of_the_path(tmp_path: Path, astronaut_path: Path) -> None:
    for name in ("p/1.jpg", "q/1.jpg"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(astronaut_path, tmp_path / name)
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("image,x0,y0,x1,y1\np/1.jpg,170,80,260,170\nq/1.jpg,178,88,267,177\n")
    photos = [tmp_path / "p/1.jpg", tmp_path / "q/1.jpg"]
    run(*photos, "--boxes", boxes, "-o", tmp_path / "out.json")
    images = json.loads((tmp_path / "out.json").read_text())["images"]
    assert [image["faces"][0]["box"][0] for image in images] == [170, 178]
    boxes.write_text("image,x0,y0,x1,y1\np/1.jpg,170,80,260,170\n")
    done = run("p/1.jpg", "q/1.jpg", "--boxes", boxes, cwd=tmp_path)
    assert done.returncode == 3
    assert "q/1.jpg: no box for it in" in done.stderr


def test_drawing_below_the_photos_twice_finds_the_same_photos(
    tmp_path: Path, astronaut_path: Path
) -> None:
    shutil.copy(astronaut_path, tmp_path / "a.jpg")
    for _ in range(3):
        done = run(tmp_path, "--draw", tmp_path / "drawn")
        assert (done.returncode, "1 face in 1 photo" in done.stdout) == (0, True)


def test_names_with_blanks_newlines_and_other_scripts(tmp_path: Path, astronaut_path: Path) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    names = [
        "a b.jpg",
        "лицо 顔.jpg",
        "one\ntwo.jpg",
        "-o.jpg",
        "[x].jpg",
        "e\u0301.jpg",
    ]
    for name in names:
        shutil.copy(astronaut_path, folder / name)
    (folder / "bad\n.jpg").write_bytes(b"no photo")
    results = [tmp_path / f"o\n.{suffix}" for suffix in ("json", "csv", "parquet", "coco.json")]
    for output in results:
        done = run(folder, "-o", output)
        assert (done.returncode, len(done.stderr.splitlines())) == (3, 1), done.stderr
        found = {r.source: len(r.faces) for r in read_results(output)}
        assert found == {str(folder / n): 1 for n in names} | {str(folder / "bad\n.jpg"): 0}
    done = run("align", "-o", tmp_path / "points", "--format", "pts", "--", *folder.iterdir())
    assert done.returncode == 3
    written = {path.name for path in (tmp_path / "points").iterdir()}
    written.remove(".facealign")
    assert written == {str(Path(name).with_suffix(".pts")) for name in names}


def test_the_first_picture_of_several_is_taken_and_said(
    tmp_path: Path, astronaut_path: Path
) -> None:
    with Image.open(astronaut_path) as photo:
        blank = Image.new("RGB", photo.size)
        for name in ("moving.gif", "pages.tiff"):
            photo.save(tmp_path / name, save_all=True, append_images=[blank])
        photo.save(tmp_path / "still.gif")
    assert run(tmp_path).stderr == ""
    done = run(tmp_path, "-v")
    first = "holds several pictures; the first is taken"
    assert sorted(done.stderr.splitlines()) == sorted(
        [f"{tmp_path / name}: {first}" for name in ("moving.gif", "pages.tiff")]
        + [f"{path}: 1 face" for path in tmp_path.iterdir()]
        + ["done: 3 faces in 3 photos"]
    )


def test_the_largest_photo_may_be_chosen(tmp_path: Path, astronaut_path: Path) -> None:
    done = run(astronaut_path, "--max-megapixels", 0.2)
    assert done.returncode == 4
    assert "too large (Image size (262144 pixels) exceeds limit" in done.stderr
    assert "--max-megapixels" in done.stderr
    assert run(astronaut_path, "--max-megapixels", 0.27).returncode == 0
    Image.new("1", (14000, 14000)).save(tmp_path / "huge.png")
    assert run(tmp_path / "huge.png").returncode == 4
    command = ["crop", tmp_path / "huge.png", "-o", tmp_path / "out", "--max-megapixels"]
    assert "too large" in run(*command, 195).stderr


def test_a_quoted_glob_leaves_folders_out(tmp_path: Path, astronaut_path: Path) -> None:
    shutil.copy(astronaut_path, tmp_path / "a.jpg")
    (tmp_path / "folder").mkdir()
    done = run(f"{tmp_path}/*")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize(("redirection", "code"), [("| true", 0), (">&-", 0), ("> /dev/full", 2)])
def test_standard_output_that_takes_nothing(
    astronaut_path: Path, redirection: str, code: int
) -> None:
    if "full" in redirection and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    words = " ".join(COMMAND)
    script = f"set -o pipefail; {words} '{astronaut_path}' {redirection}"
    done = subprocess.run(["bash", "-c", script], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


def wait_for_size(path: Path, size: int) -> None:
    for _ in range(600):
        if path.exists() and path.stat().st_size > size:
            return
        time.sleep(0.02)
    raise AssertionError(f"{path} does not grow")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_a_valid_output(
    tmp_path: Path, astronaut_path: Path, number: signal.Signals
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out.jsonl"
    photos.mkdir()
    for i in range(2000):
        (photos / f"{i:04d}.jpg").symlink_to(astronaut_path)
    process = subprocess.Popen(
        [*COMMAND, str(photos), "-o", str(out)], stderr=subprocess.PIPE, text=True
    )
    wait_for_size(tmp_path / ".out.jsonl.journal", 20000)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert 1 < len(records) < 2000
    assert errors == (
        f"error: interrupted: {len(records)} of 2000 photos done; {out} holds them, "
        "--resume continues from there\n"
    )
    assert list(tmp_path.glob("*.part")) == []


def test_drawings_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "x", tmp_path / "file"):
        done = run("data", "drawings", place)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "cannot write" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be removed there")
def test_a_current_folder_that_is_gone_is_named(tmp_path: Path, astronaut_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    shutil.copy(astronaut_path, tmp_path / "photos")
    words = " ".join([*COMMAND, "align", str(tmp_path / "photos"), "-o", str(tmp_path / "a.json")])
    (tmp_path / "gone").mkdir()
    move = ["sh", "-c", f"cd {tmp_path}/gone && rmdir ../gone && {words}"]
    done = subprocess.run(move, capture_output=True, text=True, check=False)
    why = "error: the current folder: No such file or directory\n"
    assert (done.returncode, done.stderr) == (2, why)


def test_a_group_without_a_verb_shows_its_help() -> None:
    done = run("data")
    assert "Usage: facealign data" in done.stdout
    assert done.returncode == 2
