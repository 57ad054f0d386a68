"""The page served from this process, and Chromium to look at it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facealign.types import Pixels
from facealign.web import make_server, write_site

HERE = Path(__file__).parent
Run = Callable[..., list[Any]]
Job = dict[str, Any]
Scenario = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def node() -> str:
    """The `node` command; the test is skipped where there is none."""
    found = shutil.which("node")
    if not found:
        pytest.skip("no node here: install Node 20 or newer")
    return found


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The page, served."""
    with make_server(0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browse(node: str, address: str, repository: Path) -> Scenario:
    """Runs browser/NAME.mjs on the page; what it prints. Skipped where there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    modules = Path(os.environ.get("FACEALIGN_NODE_MODULES", repository / "node_modules"))
    playwright = modules / "playwright-core" / "index.mjs"
    if not chromium or not playwright.is_file():
        pytest.skip("no Chromium or no playwright-core here: see CONTRIBUTING.md")

    def run(name: str, **given: Any) -> dict[str, Any]:
        tools = {"url": address, "chromium": chromium, "playwright": str(playwright)}
        given = tools | given
        done = subprocess.run(
            [node, str(HERE / "browser" / f"{name}.mjs"), json.dumps(given)],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return run


@pytest.fixture(scope="session")
def run(node: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """(picture, jobs) → what the JavaScript answers to each."""
    site = tmp_path_factory.mktemp("site")
    write_site(site)

    def call(jobs: list[Job], picture: Pixels | None = None) -> list[Any]:
        folder = tmp_path_factory.mktemp("jobs")
        if picture is not None:
            height, width = picture.shape[:2]
            alpha = np.full((height, width, 1), 255, np.uint8)
            (folder / "rgba").write_bytes(np.concatenate([picture, alpha], axis=2).tobytes())
            shape = {"raw": str(folder / "rgba"), "width": width, "height": height}
            jobs = [job | shape for job in jobs]
        (folder / "jobs.json").write_text(json.dumps(jobs))
        done = subprocess.run(
            [
                node,
                Path(__file__).parent / "parity.mjs",
                site,
                folder / "jobs.json",
                folder / "out",
            ],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        answers: list[Any] = json.loads((folder / "out").read_text())
        return answers

    return call
