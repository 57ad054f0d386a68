"""Schemathesis reads the OpenAPI document and sends what it allows, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
LEFT_OUT = ("positive_data_acceptance",)
"""Random bytes fit the document and are no picture; not every model gives every scheme."""


@pytest.mark.parametrize("token", [None, "secret"])
def test_answers_are_as_the_document_says(start: Any, tmp_path: Path, token: str | None) -> None:
    pytest.importorskip("schemathesis")
    environment = {"FACEALIGN_TOKEN": token} if token else {}
    with start("--max-mb", "0.5", **environment) as server:
        command = [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            f"{server.address}/openapi.json",
        ]
        command += ["--phases", "coverage,fuzzing", "--max-examples", "40", "--seed", "1"]
        command += ["--generation-database", "none", "--no-color"]
        command += ["--exclude-checks", ",".join(LEFT_OUT)]
        command += ["--header", f"Authorization: Bearer {token}"] if token else []
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        assert "Selected: " in done.stdout
        assert server.ask("/healthz").status == 200
