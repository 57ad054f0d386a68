"""Pages do what they say: the blocks of each run, one after the other, in a new folder.

`sh` and `python` blocks run; a block whose first line is `# NAME.toml` or `# NAME.py` is that file.
`console` blocks need what a test has not (a network, Docker, a browser, a second terminal):
tests/test_docs.py checks their commands.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import facealign
from facealign.datasets.drawings import write_drawings
from facealign.video import VideoWriter

ROOT = Path(__file__).resolve().parents[2]
TASKS = sorted(ROOT.glob("docs/howto/*.md"))
OTHERS = ["README.md", *(f"docs/{name}.md" for name in ("start", "photos", "results", "video"))]
PAGES = [*TASKS, *sorted(ROOT.glob("docs/concepts/*.md")), *(ROOT / name for name in OTHERS)]
ELSEWHERE = {"datasets.md", "server.md", "dlib.md", "face-alignment.md", "insightface.md"}
ELSEWHERE |= {"mediapipe.md", "labels.md", "points.md"}
"""Pages whose blocks other tests run: here, tests/server, tests/formats and tests/test_docs.py."""
BLOCK = re.compile(r"```(sh|python|toml)\n(.*?)```", re.DOTALL)
FEW_STEPS = "train.steps=4 train.warmup=1 train.validate_every=4"
SHELL = f"""
pip() {{ :; }}
facealign() {{
  case "$1 ${{2-}}" in
    "train --list") ;;
    train*) set -- "$@" {FEW_STEPS} ;;
    "data drawings") set -- "$@" --train 40 --test 10 ;;
  esac
  "$PYTHON" -m facealign "$@"
}}
"""
"""What is installed already is not installed again; training is short, on few faces."""
NEEDS = {"opencv": "cv2", "pandas": "pandas", "photos": "pandas", "video": "pandas"}
PORT = "8000"


@pytest.fixture
def folder(repository: Path, tmp_path: Path) -> Path:
    """What a reader has: one photo, and folders of photos."""
    for name in ("photo.jpg", "photos/a.jpg", "photos/b.jpg", "holiday/c.jpg", "archive/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(repository / "examples" / "astronaut.jpg", tmp_path / name)
    return tmp_path


@pytest.fixture
def port() -> Iterator[str]:
    """A server on a port that nobody else has, ready to answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = str(free.getsockname()[1])
    command = [sys.executable, "-m", "facealign", "serve", "--port", number]
    server = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{number}/readyz", timeout=5)
                break
            except OSError:
                time.sleep(0.2)
        yield number
    finally:
        server.terminate()
        server.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(folder: Path, request: pytest.FixtureRequest, page: Path) -> None:
    if page.stem in NEEDS:
        pytest.importorskip(NEEDS[page.stem])
    if page.stem == "opencv":
        write_video(folder / "video.mp4", folder / "photo.jpg")
    if page.stem in ("video", "README"):
        write_talk(folder / "talk.mp4", folder / "photo.jpg")
    text = page.read_text()
    if "curl" in "".join(body for _, body in BLOCK.findall(text)):
        text = text.replace(PORT, request.getfixturevalue("port"))
    for kind, body in BLOCK.findall(text):
        run_block(kind, body, folder)


def run_block(kind: str, body: str, folder: Path) -> None:
    """Run one block in the folder; fails with what it printed."""
    if named := re.match(r"# (\w+\.(?:toml|py))\n", body):
        (folder / named[1]).write_text(body)
    if kind == "toml":
        return
    command = [sys.executable, "-W", "error", "-c", body]
    if kind == "sh":
        command = ["bash", "-eu", "-c", SHELL + body]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHON": sys.executable},
        check=False,
    )
    assert done.returncode == 0, f"{body}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def write_video(target: Path, photo: Path) -> None:
    """Twelve frames of the photo."""
    import cv2

    picture = cv2.imread(str(photo))
    size = (picture.shape[1], picture.shape[0])
    video = cv2.VideoWriter(str(target), cv2.VideoWriter_fourcc(*"mp4v"), 12.0, size)
    for _ in range(12):
        video.write(picture)
    video.release()


def write_talk(target: Path, photo: Path) -> None:
    """A second and a half of the photo."""
    picture = facealign.read_image(photo)
    with VideoWriter(target) as video:
        for number in range(36):
            video.write(picture, number / 24)


def test_the_reader_of_a_data_set_works_as_its_page_says(folder: Path) -> None:
    write_drawings(folder / "300W", train=3, test=2)
    blocks = BLOCK.findall((ROOT / "docs/datasets.md").read_text())
    assert {kind for kind, _ in blocks} == {"python"}
    for kind, body in blocks:
        run_block(kind, body, folder)


def test_every_page_with_blocks_to_run_is_run() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md"]
    with_blocks = {page for page in documents if re.search(r"```(sh|python)\n", page.read_text())}
    left = {page.name for page in with_blocks - set(PAGES)}
    assert left == ELSEWHERE


def test_a_task_is_short() -> None:
    assert len(TASKS) >= 12
    long = {page.name: count for page in TASKS if (count := len(page.read_text().split())) > 450}
    assert long == {}
