"""Facealign in a zip file and in a frozen program: its data come along."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipapp
from importlib import import_module
from pathlib import Path

import pytest

from facealign import ModelError, models
from facealign.cli.doctor import EXTRAS, _runtimes

MAIN = "from facealign.cli import program\nprogram()\n"
MAIN_CHECK = "import facealign\nassert 'app.pyz' in facealign.__file__, facealign.__file__\n"


def run(*words: object, cwd: Path, temporary: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [*map(str, words)],
        env=environment | {"TMPDIR": str(temporary)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_zipapp_aligns_and_leaves_nothing_behind(
    repository: Path, astronaut_path: Path, tmp_path: Path
) -> None:
    source, ignored = repository / "src" / "facealign", shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, tmp_path / "app" / "facealign", ignore=ignored)
    (tmp_path / "app" / "__main__.py").write_text(f"{MAIN_CHECK}{MAIN}")
    zipapp.create_archive(tmp_path / "app", tmp_path / "app.pyz")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for words, expected in (
        ([astronaut_path], "1 face in 1 photo"),
        (["train", "--list"], "300w"),
        (["models"], "aan-m"),
        (["web", "-o", tmp_path / "site"], "files"),
    ):
        done = run(sys.executable, tmp_path / "app.pyz", *words, cwd=tmp_path, temporary=temporary)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
    assert list(temporary.iterdir()) == []
    assert (tmp_path / "site" / "models" / "aan-s.onnx").is_file()


@pytest.mark.slow
def test_a_frozen_program_aligns(astronaut_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("PyInstaller")
    from facealign.pyinstaller import hook_folders

    (tmp_path / "app.py").write_text(MAIN)
    (hooks,) = hook_folders()
    build = [sys.executable, "-m", "PyInstaller", "app.py", "--additional-hooks-dir", hooks]
    for extra in EXTRAS.values():  # as from an environment without them, in minutes
        build += [word for module in extra for word in ("--exclude-module", module)]
    made = subprocess.run(
        [*build, "--noconfirm"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr[-2000:]
    program = tmp_path / "dist" / "app" / "app"
    done = run(program, astronaut_path, cwd=tmp_path, temporary=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 face in 1 photo" in done.stdout
    doctor = run(program, "doctor", cwd=tmp_path, temporary=tmp_path)
    assert doctor.returncode == 0, doctor.stderr
    assert "unknown" not in doctor.stdout
    assert "no known package" not in doctor.stdout
    assert not list(tmp_path.rglob("libtorch*"))


def test_pyinstaller_finds_the_hook(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    place = project["entry-points"]["pyinstaller40"]["hook-dirs"]
    module, _, function = place.partition(":")
    (folder,) = getattr(import_module(module), function)()
    assert (Path(folder) / "hook-facealign.py").is_file()


def test_data_that_are_not_there_are_missing_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    with pytest.raises(ModelError, match=r"models\.toml: missing from this installation"):
        models.bundled()
    (tmp_path / "models.toml").write_text("[a")
    with pytest.raises(ModelError, match=r"models\.toml: damaged"):
        models.bundled()


def test_two_runtimes_side_by_side_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"onnxruntime": "1.32.0", "onnxruntime-gpu": "1.31.1"}
    monkeypatch.setattr("facealign.cli.doctor._version", lambda name: versions.get(name, ""))
    assert "of onnxruntime 1.32.0 and onnxruntime-gpu 1.31.1: side by side" in _runtimes()
    del versions["onnxruntime"]
    assert _runtimes().endswith("of onnxruntime-gpu 1.31.1")
