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

import pytest

from facealign.web import make_server

HERE = Path(__file__).parent
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
        given |= {"url": address, "chromium": chromium, "playwright": str(playwright)}
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
