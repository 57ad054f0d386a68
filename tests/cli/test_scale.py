"""`facealign align` over many photos: workers, resuming, interrupts, pipes, logs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from facealign.formats.registry import read_results

COMMAND = [sys.executable, "-m", "facealign", "align"]
SUFFIXES = ["json", "jsonl", "csv", "parquet", "coco.json", "xml"]


def run(*args: object, stdin: bytes = b"", **options: object) -> subprocess.CompletedProcess[bytes]:
    words = [*COMMAND, *map(str, args)]
    return subprocess.run(words, capture_output=True, input=stdin, check=False, **options)


ON_A_TERMINAL = os.environ | {"TTY_COMPATIBLE": "1", "COLUMNS": "80"}
"""Makes Rich take standard error for a terminal, so that the progress bar shows."""


@pytest.fixture
def photos(tmp_path: Path, astronaut_path: Path) -> Path:
    """Thirty photos: faces of several sizes, every tenth without a face, one damaged."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(astronaut_path) as picture:
        sizes = [picture.resize((300 + 20 * i, 300 + 20 * i)) for i in range(4)]
    for i in range(30):
        picture = Image.new("RGB", (90, 60)) if i % 10 == 9 else sizes[i % 4]
        picture.save(folder / f"{i:02d}.jpg")
    (folder / "07.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture
def many(tmp_path: Path, astronaut_path: Path) -> Path:
    """Four hundred links to one photo: long enough to be killed in the middle."""
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(400):
        (folder / f"{i:04d}.jpg").symlink_to(astronaut_path)
    return folder


def start(folder: Path, output: Path, size: int) -> subprocess.Popen[bytes]:
    """A run over a folder, in the middle: its journal is longer than `size` bytes."""
    words = [*COMMAND, str(folder), "-o", str(output), "--resume"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = output.with_name(f".{output.name}.journal")
    for _ in range(1500):
        if journal.exists() and journal.stat().st_size > size:
            return process
        time.sleep(0.02)
    raise AssertionError("the journal does not grow")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_workers_change_neither_results_nor_order(
    tmp_path: Path, photos: Path, suffix: str
) -> None:
    outputs = [tmp_path / f"{workers}.{suffix}" for workers in (1, 3)]
    for workers, output in zip((1, 3), outputs, strict=True):
        done = run(photos, "-o", output, "--workers", workers, "--threads", 1)
        assert done.returncode == 3, done.stderr
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    found = list(read_results(outputs[0]))
    assert [Path(r.source).name for r in found] == [f"{i:02d}.jpg" for i in range(30)]
    assert sum(len(r.faces) for r in found) == 26


def test_a_killed_run_is_resumed_to_the_same_result(tmp_path: Path, many: Path) -> None:
    run(many, "-o", tmp_path / "whole.jsonl")
    output, journal = tmp_path / "out.jsonl", tmp_path / ".out.jsonl.journal"
    seen = 0
    for size in (30_000, 200_000):
        process = start(many, output, size)
        process.kill()
        process.wait()
        lines = journal.read_bytes().splitlines()
        assert not output.exists()
        assert seen < len(lines) < 400
        seen = len(lines)
    with journal.open("ab") as file:
        file.write(b'{"source": "half a li')  # as a machine that went off would leave it
    done = run(many, "-o", output, "--resume")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"400 faces in 400 photos" in done.stdout
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert not journal.exists()


def test_a_resumed_run_does_only_what_is_left(
    tmp_path: Path, photos: Path, astronaut_path: Path
) -> None:
    output = tmp_path / "out.parquet"
    assert run(photos, "-o", output).returncode == 3
    before = list(read_results(output))
    shutil.copy(astronaut_path, photos / "30.jpg")
    done = run(photos, "-o", output, "--resume", "-v")
    assert done.returncode == 3
    done_now = [line for line in done.stderr.decode().splitlines() if line.endswith(" face")]
    assert done_now == [f"{photos}/30.jpg: 1 face"]
    after = list(read_results(output))
    assert [r.source for r in after] == [r.source for r in before] + [f"{photos}/30.jpg"]
    done = run(photos, "-o", output, "--resume", "--markup", "celeba5")
    assert (done.returncode, b"holds ibug68 points, not celeba5" in done.stderr) == (2, True)
    assert len(list(read_results(output))) == len(after)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--min-face", 40], "min-face"),
        (["--upright", "--markup", "celeba5"], "markup, upright"),
    ],
)
def test_other_settings_do_not_go_on(
    tmp_path: Path, many: Path, options: list[object], what: str
) -> None:
    output = tmp_path / "out.csv"
    process = start(many, output, 50_000)
    process.kill()
    process.wait()
    done = run(many, "-o", output, "--resume", *options)
    assert done.returncode == 2
    assert f"was started with another {what}: repeat the command" in done.stderr.decode()
    assert run(many / "0000.jpg", "-o", output).returncode == 0  # anew
    assert len(list(read_results(output))) == 1


def test_two_runs_do_not_write_one_output(tmp_path: Path, many: Path) -> None:
    process = start(many, tmp_path / "out.csv", 1000)
    try:
        done = run(many, "-o", tmp_path / "out.csv")
    finally:
        process.kill()
        process.wait()
    assert (done.returncode, b"another facealign is writing" in done.stderr) == (2, True)


def test_failed_photos_are_named_at_the_end_and_counted(
    tmp_path: Path, astronaut_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    for i in range(30):
        (tmp_path / "bad" / f"{i:02d}.jpg").write_bytes(b"x")
    output = tmp_path / "out.jsonl"
    done = run(tmp_path / "bad", astronaut_path, "-o", output)
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 3
    assert len(lines) == 21
    assert lines[-1] == f"error: 10 more photos like these; {output} lists them"
    assert sum(r.error is not None for r in read_results(output)) == 30


def test_a_photo_without_a_face_where_one_is_required(tmp_path: Path, photos: Path) -> None:
    (photos / "07.jpg").unlink()
    assert run(photos).returncode == 0
    done = run(photos, "--require-face")
    assert done.returncode == 6
    assert done.stderr.decode().splitlines()[0] == f"error: {photos}/09.jpg: no face found"
    assert len(done.stderr.splitlines()) == 3
    assert run(photos / "00.jpg", "--require-face").returncode == 0


def test_a_photo_through_pipes(astronaut_path: Path) -> None:
    done = run("-", "-o", "-", stdin=astronaut_path.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    (line,) = done.stdout.splitlines()
    entry = json.loads(line)
    assert (entry["source"], entry["width"], len(entry["faces"])) == ("-", 512, 1)
    done = run("-", "-o", "-", stdin=b"")
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_a_list_of_photos(tmp_path: Path, photos: Path, end: str) -> None:
    names = [f"{photos}/0{i}.jpg" for i in (3, 1, 2)]
    done = run("--files-from", "-", "-o", "-", stdin=(end.join(names) + end).encode())
    assert [json.loads(line)["source"] for line in done.stdout.splitlines()] == names
    done = run("--files-from", tmp_path / "none")
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)


def test_a_log_for_machines(tmp_path: Path, photos: Path) -> None:
    done = run(photos, "-o", tmp_path / "out.json", "--json-log")
    first, last = (json.loads(line) for line in done.stderr.splitlines())
    assert (first["level"], "07.jpg: not an image" in first["message"]) == ("error", True)
    counts = {"photos": 30, "faces": 26, "failed": 1, "without_face": 3}
    assert last.items() >= counts.items()
    assert last["seconds"] > 0


def test_wrong_usage_of_outputs(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.pts").write_text("by hand")
    (tmp_path / "folder.json").mkdir()
    cases = [
        (["--resume"], "--resume needs -o FILE"),
        (["--resume", "-o", "-"], "--resume needs -o FILE"),
        (["--format", "csv"], "--format needs -o FILE"),
        (["-o", "-", "--format", "csv"], "--format jsonl only"),
        (["-o", tmp_path / "out.pts"], "is one .pts file, for 30 photos"),
        (["-o", tmp_path / "labels", "--format", "pts"], "which could be replaced"),
        (["-o", tmp_path / "folder.json"], "it is a folder"),
    ]
    for options, why in cases:
        done = run(photos, *options)
        assert (done.returncode, why in done.stderr.decode()) == (2, True), options
    assert (tmp_path / "labels" / "a.pts").read_text() == "by hand"
    assert list(tmp_path.glob(".*")) == []


def test_parquet_without_pyarrow_is_refused_before_the_work(tmp_path: Path, photos: Path) -> None:
    code = (
        "import sys\nsys.modules['pyarrow'] = None\nfrom facealign.cli import main\n"
        f"main(['align', {str(photos)!r}, '-o', {str(tmp_path / 'o.parquet')!r}, '-v'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        'error: Parquet needs the "parquet" extra: pip install "facealign[parquet]"'
    ]


def test_memory_stays_flat(tmp_path: Path, astronaut_path: Path) -> None:
    pytest.importorskip("resource")
    peaks = []
    for count in (30, 300):
        folder = tmp_path / str(count)
        folder.mkdir()
        for i in range(count):
            (folder / f"{i}.jpg").symlink_to(astronaut_path)
        code = (
            "import resource, sys\nfrom facealign.cli import main\n"
            f"try: main(['align', {str(folder)!r}, '-o', {str(folder) + '.jsonl'!r}])\n"
            "except SystemExit: pass\n"
            "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        peaks.append(int(done.stderr))
    assert peaks[1] < 1.1 * peaks[0]


def test_convert(tmp_path: Path, photos: Path) -> None:
    run(photos, "-o", tmp_path / "a.parquet")

    def convert(*args: object) -> tuple[int, str]:
        words = [sys.executable, "-m", "facealign", "convert", *map(str, args)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = convert(tmp_path / "a.parquet", tmp_path / "a.csv")
    assert (code, said) == (0, f"{tmp_path}/a.csv: 26 faces in 30 photos\n")
    code, said = convert(tmp_path / "a.csv", tmp_path / "a.xml")
    assert (code, "not kept: failed photos" in said) == (0, True)
    code, said = convert(tmp_path / "a.xml", tmp_path / "points", "--to", "pts")
    assert (code, "boxes" in said) == (0, True)
    assert len(list((tmp_path / "points").glob("*.pts"))) == 26
    assert convert(tmp_path / "points", tmp_path / "b.json")[0] == 0
    assert convert(tmp_path / "a.xml", tmp_path / "points", "--to", "pts")[0] == 0  # its own
    with (tmp_path / "points" / "00.pts").open("a") as edited:
        edited.write("\n")
    for given, expected in (
        ((tmp_path / "a.csv", tmp_path / "a.csv"), 2),
        ((tmp_path / "none.csv", tmp_path / "c.csv"), 4),
        ((tmp_path / "a.csv", tmp_path / "c.xlsx"), 2),
        ((tmp_path / "a.csv", tmp_path / "points", "--to", "pts"), 2),
        ((tmp_path / "points", tmp_path / "c.json", "--markup", "celeba5"), 4),
    ):
        code, said = convert(*given)
        assert (code, said.startswith("error: ")) == (expected, True)
    assert not (tmp_path / "c.csv").exists()


def test_results_go_past_the_progress_bar_to_their_pipe(astronaut_path: Path) -> None:
    done = run(astronaut_path, "-o", "-", env=ON_A_TERMINAL)
    assert b"aligning" in done.stderr
    assert len(json.loads(done.stdout)["faces"]) == 1
