"""`--engine ray` on a real local cluster: nothing lost, nothing doubled, whatever dies."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facealign.errors import DataError
from facealign.formats.registry import read_results

COMMAND = [sys.executable, "-m", "facealign", "align"]
RAY = [importlib.util.find_spec(name) for name in ("ray", "pandas", "pyarrow")]


def needs_ray(test: Callable[..., None]) -> Callable[..., None]:
    here = all(RAY) and Path("/proc/self/cmdline").exists()
    return pytest.mark.slow(pytest.mark.skipif(not here, reason="needs Ray and /proc")(test))


def on_ray(*args: object) -> list[str]:
    return [*COMMAND, *map(str, args), "--engine", "ray", "--workers", "2"]


def run(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(on_ray(*args), capture_output=True, text=True, check=False)


@pytest.fixture
def photos(tmp_path: Path, astronaut_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(160):
        (folder / f"{i:03d}.jpg").symlink_to(astronaut_path)
    (folder / "bad.jpg").write_bytes(b"no photo")
    return folder


def aligners(driver: int) -> list[int]:
    """Process ids of the actors that a run started: descendants whose title names the class."""
    parents, actors = {}, []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            title = (entry / "cmdline").read_bytes()
        except OSError:  # gone since
            continue
        parents[int(entry.name)] = int(stat[1])
        if b"PhotoAligner" in title:
            actors.append(int(entry.name))

    def is_below(process: int) -> bool:
        while process > 1 and process != driver:
            process = parents.get(process, 0)
        return process == driver

    return [process for process in actors if is_below(process)]


def wait_for_files(folder: Path, count: int) -> None:
    for _ in range(1200):
        if len(list(folder.glob("*.parquet"))) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no file is written")


def check_whole(photos: Path, folder: Path) -> None:
    found = {}
    for result in read_results(folder):
        assert result.source not in found
        found[result.source] = result
    assert set(found) == {str(path) for path in photos.iterdir()}
    bad = found.pop(f"{photos}/bad.jpg")
    assert "not an image" in str(bad.error)
    assert {len(result.faces) for result in found.values()} == {1}
    first = found[f"{photos}/000.jpg"].faces[0].landmarks
    assert all((r.faces[0].landmarks == first).all() for r in found.values())
    assert list(folder.glob("*.part")) == []


@needs_ray
def test_a_killed_worker_costs_nothing(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(on_ray(photos, "-o", out), stdout=subprocess.PIPE, text=True)
    wait_for_files(out, 1)
    workers = aligners(process.pid)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    printed, _errors = process.communicate(timeout=240)
    assert (process.returncode, "160 faces in 160 photos, 1 failed" in printed) == (3, True)
    check_whole(photos, out)


@needs_ray
def test_a_killed_run_is_resumed(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(on_ray(photos, "-o", out), stdout=subprocess.DEVNULL)
    wait_for_files(out, 1)
    process.kill()
    process.wait()
    done = run(photos, "-o", out)
    assert (done.returncode, "holds results; continue with --resume" in done.stderr) == (2, True)
    done = run(photos, "-o", out, "--resume", "--min-face", "40")
    assert (done.returncode, "other settings" in done.stderr) == (2, True)
    assert run(photos, "-o", out, "--resume").returncode == 3
    check_whole(photos, out)


def test_places_with_a_scheme_are_listed(tmp_path: Path, astronaut_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from facealign.ray_data import find_remote_photos

    for name in ("a.jpg", "b.png", "deep/c.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(astronaut_path)
    base = f"file://{tmp_path}"
    assert find_remote_photos(f"{base}/*.jpg") == [f"{base}/a.jpg"]
    found = [place.removeprefix(base) for place in find_remote_photos(base)]
    assert found == ["/a.jpg", "/b.png", "/deep/c.jpg"]
    for place in ("nowhere://x/*.jpg", f"{base}/none/*.jpg"):
        with pytest.raises(DataError, match=r"cannot be listed|not a place"):
            find_remote_photos(place)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ([], "name a folder with -o DIR"),
        (["-o", "out.parquet"], "name a folder with -o DIR"),
        (["-o", "s3://bucket/out"], "a folder that every machine shares"),
        (["-o", "out", "--boxes", "b.csv"], "does not take --boxes"),
        (["-o", "out", "--draw", "d"], "does not take --draw"),
        (["-o", "out", "--format", "csv"], "does not take --format"),
        (["-o", "out", "--max-megapixels", "20"], "does not take --max-megapixels"),
    ],
)
def test_what_a_cluster_does_not_do(options: list[str], why: str) -> None:
    done = run("x.jpg", *options)
    assert (done.returncode, why in done.stderr) == (2, True)


def test_without_ray_its_extra_is_named(tmp_path: Path, astronaut_path: Path) -> None:
    code = (
        "import sys\nsys.modules['ray'] = None\nfrom facealign.cli import main\n"
        f"main(['align', {str(astronaut_path)!r}, '-o', {str(tmp_path / 'o')!r}, "
        "'--engine', 'ray'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr == 'error: --engine ray needs the "ray" extra: pip install "facealign[ray]"\n'
    )
    assert list(tmp_path.iterdir()) == []
