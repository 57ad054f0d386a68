"""The pages on points and label tools, followed word by word in a new folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"```(toml|python|sh)\n(.*?)```", re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["points.md", "labels.md"])
def test_every_command_of_a_page_works(repository: Path, tmp_path: Path, page: str) -> None:
    command = tmp_path / "bin" / "facealign"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m facealign "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join([str(command.parent), str(Path(sys.executable).parent), os.defpath])
    folder = tmp_path / "new"
    folder.mkdir()
    done = 0
    for kind, body in BLOCK.findall((repository / "docs" / page).read_text()):
        if kind == "toml":
            (folder / "goat9.toml").write_text(body)
            continue
        lines = body.splitlines() if kind == "sh" else [f"{sys.executable} block.py"]
        (folder / "block.py").write_text(body)
        for line in (line for line in lines if line and "pip install" not in line):
            ran = subprocess.run(
                ["bash", "-c", line],
                cwd=folder,
                env=os.environ | {"PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            assert (ran.returncode, "error:" in ran.stderr) == (0, False), (line, ran.stderr)
            done += 1
    assert done > 10
