"""Inputs that are no files, or have no end; Ctrl-C where a photo hangs; too many threads."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes by name")
def test_pipes_and_devices_are_skipped_by_kind(
    facealign: Run, astronaut_path: Path, tmp_path: Path
) -> None:
    shutil.copy(astronaut_path, tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").symlink_to("/dev/zero")
    code, printed, errors = facealign("align", tmp_path)
    assert (code, errors, "1 face in 1 photo" in printed) == (0, "", True)
    photos = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    code, _, errors = facealign("align", *photos)
    assert code == 3
    assert [line.split(": ")[2].split(",")[0] for line in errors.splitlines()] == [
        "a pipe",
        "a device",
    ]
    for words in (
        ["--boxes", "/dev/zero"],
        ["--files-from", "/dev/zero"],
        ["--model", "/dev/zero"],
    ):
        code, _, errors = facealign("align", photos[0], *words)
        assert (code in (4, 5), len(errors.splitlines())) == (True, 1), words


@pytest.mark.parametrize("place", [".", "drawn", "photos/drawn"])
@pytest.mark.parametrize("absolute", [False, True])
def test_no_search_enters_the_folder_of_pictures_however_it_is_spelt(
    facealign: Run,
    astronaut_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    absolute: bool,
) -> None:
    (tmp_path / "photos").mkdir()
    shutil.copy(astronaut_path, tmp_path / "photos" / "a.jpg")
    monkeypatch.chdir(tmp_path)
    target = tmp_path / place if absolute else Path(place)
    for _ in range(2):
        code, printed, errors = facealign("align", "photos", "--draw", target)
        assert (code, errors, "1 face in 1 photo" in printed) == (0, "", True)


HANGING = """
import sys, time
from pathlib import Path
from facealign import image
from facealign.cli import main
read = image._read_file
def hang(path):
    if "stuck" in path.name:
        time.sleep(600)
    return read(path)
image._read_file = hang
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_ctrl_c_ends_within_seconds_where_a_photo_hangs(
    astronaut_path: Path, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out.jsonl"
    photos.mkdir()
    for name in ("a.jpg", "b-stuck.jpg", "c.jpg"):
        shutil.copy(astronaut_path, photos / name)
    words = ["align", str(photos), "-o", str(out), "--workers", "2", "--threads", "1"]
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, *words], stderr=subprocess.PIPE, text=True
    ) as run:
        journal = tmp_path / ".out.jsonl.journal"
        for _ in range(1500):
            if journal.exists() and b"a.jpg" in journal.read_bytes():
                break
            time.sleep(0.02)
        started = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=60)
        assert (run.returncode, time.monotonic() - started < 30) == (130, True)
    assert errors.startswith("error: interrupted: 1 of 3 photos done")
    assert [json.loads(line)["source"] for line in out.read_text().splitlines()] == [
        str(photos / "a.jpg")
    ]


@pytest.mark.parametrize("option", ["--threads", "--workers"])
def test_a_million_threads_are_refused(facealign: Run, astronaut_path: Path, option: str) -> None:
    code, _, errors = facealign(astronaut_path, option, 1_000_000)
    assert (code, "1<=x<=1024" in errors) == (2, True)


def test_what_a_search_skips_is_one_line(astronaut_path: Path, tmp_path: Path) -> None:
    shutil.copy(astronaut_path, tmp_path / "a.jpg")
    for name in ("b.mp4", "c.MOV", "d.nef", "e.txt", "._f.mp4"):
        (tmp_path / name).write_bytes(b"x")
    words = [sys.executable, "-m", "facealign", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)
    assert f"{tmp_path}: 2 videos and 1 RAW photo skipped" in done.stderr
