"""The clients in docs/server.md work as they are written; the Dockerfile is sound."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def example(repository: Path, language: str, word: str) -> str:
    text = (repository / "docs" / "server.md").read_text()
    blocks = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    return next(block for block in blocks if word in block)


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path, photo: bytes) -> Path:
    (tmp_path / "photo.jpg").write_bytes(photo)
    return tmp_path


def here(code: str, server: Any) -> str:
    return code.replace("http://127.0.0.1:8000", server.address)


def test_curl(server: Any, repository: Path, folder: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    line = here(example(repository, "console", "curl"), server).strip()
    document = json.loads(run(["bash", "-c", f"{line} --silent"], folder))
    assert [len(image["faces"]) for image in document["images"]] == [1]


def test_python(server: Any, repository: Path, folder: Path) -> None:
    code = here(example(repository, "python", "urllib"), server)
    assert run([sys.executable, "-c", code], folder).startswith("[182.416, 93.372")


def test_javascript(server: Any, repository: Path, folder: Path) -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("no node here")
    (folder / "client.mjs").write_text(here(example(repository, "js", "FormData"), server))
    assert run([node, "client.mjs"], folder).startswith("1 [")


def test_the_image_is_not_root_and_has_a_health_check(repository: Path) -> None:
    text = (repository / "Dockerfile").read_text()
    stages = text.split("FROM ")
    assert "USER 10001" in stages[-1]
    assert "HEALTHCHECK" in stages[-1]
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((repository / name).exists() for name in copied.split())


@pytest.mark.slow
def test_the_image_builds_and_answers(repository: Path, photo: bytes) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker here")
    run([docker, "build", "-t", "facealign-test", "."], repository)
    command = [docker, "run", "--rm", "facealign-test", "facealign", "doctor"]
    assert "self-test" in run(command, repository)
