"""The house's rules: who may import what, what is public, what the core does without."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import facealign


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )


def test_importing_facealign_imports_no_heavy_library() -> None:
    heavy = ["torch", "onnx", "scipy", "matplotlib", "rich", "cv2", "msgspec"]
    done = python(f"import facealign, sys; print([n for n in {heavy} if n in sys.modules])")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_aligning_a_photo_loads_no_data_set_no_pytorch_no_server(astronaut_path: Path) -> None:
    done = python(
        "import sys\nfrom facealign.cli import main\n"
        f"try: main([{str(astronaut_path)!r}])\n"
        "except SystemExit as done: assert done.code == 0\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    assert done.returncode == 0, done.stderr
    loaded = {name for module in done.stderr.split() for name in _with_packages(module)}
    assert "facealign.cli.photos.align" in loaded
    rooms = "datasets evaluation metrics network ray_data reproduce server training video web"
    unwanted = {f"facealign.{room}" for room in rooms.split()}
    assert not loaded & (unwanted | {"torch", "onnx", "msgspec", "starlette", "ray", "av", "scipy"})


def _with_packages(module: str) -> list[str]:
    """`a.b.c` → a, a.b, a.b.c."""
    parts = module.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def test_everything_but_network_and_training_works_without_pytorch(astronaut_path: Path) -> None:
    done = python(
        "import sys, pkgutil, importlib\n"
        "names = 'torch onnx onnxscript msgspec tomli_w scipy matplotlib'\n"
        "for name in names.split():\n"
        "    sys.modules[name] = None\n"
        "import facealign\n"
        "for module in pkgutil.walk_packages(facealign.__path__, 'facealign.'):\n"
        "    parts = module.name.split('.')\n"
        "    if parts[1] not in ('network', 'training', '__main__'):\n"
        "        importlib.import_module(module.name)\n"
        f"assert len(facealign.align({str(astronaut_path)!r})) == 1"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("verb", ["train tiny", "export run -o x.onnx"])
def test_a_missing_extra_is_answered_with_its_install_line(verb: str) -> None:
    done = python(
        "import sys\nsys.modules['torch'] = sys.modules['msgspec'] = None\n"
        f"from facealign.cli import main\nmain({verb.split()})"
    )
    assert done.returncode == 2
    assert 'pip install "facealign[train]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_network_is_touched_on_the_way_from_photo_to_landmarks(astronaut_path: Path) -> None:
    done = python(
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "import facealign\n"
        f"assert len(facealign.align({str(astronaut_path)!r})) == 1"
    )
    assert done.returncode == 0, done.stderr


def test_the_core_installs_neither_pytorch_nor_opencv(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    names = {entry.split(">")[0] for entry in project["dependencies"]}
    assert names == {"click", "filelock", "numpy", "onnxruntime", "pillow", "pyyaml", "rich"}


def test_the_public_names_are_those_imported_and_documented(repository: Path) -> None:
    tree = ast.parse((repository / "src/facealign/__init__.py").read_text())
    imports = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("facealign")
    ]
    imported = {alias.name for node in imports for alias in node.names}
    assert set(facealign.__all__) == imported | {"__version__"}
    values = [getattr(facealign, name) for name in imported]
    assert all(value.__doc__ for value in values if callable(value))


LONGEST_FILE, LARGEST_FOLDER = 300, 15
LARGER_FOLDERS = {
    "benchmarks": 28,  # scripts that answer one question each, and the modules they share
}
"""Folders with more Python files than `LARGEST_FOLDER`, and how many they may have."""


def test_no_file_is_longer_than_300_lines(repository: Path) -> None:
    long = {
        str(path.relative_to(repository)): count
        for path in python_files(repository)
        if (count := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert long == {}


def test_no_folder_has_more_files_than_a_reader_can_survey(repository: Path) -> None:
    counts = Counter(
        str(path.parent.relative_to(repository))
        for path in python_files(repository)
        if path.name != "__init__.py"
    )
    large = {folder: count for folder, count in counts.items() if count > LARGEST_FOLDER}
    grown = {name: count for name, count in large.items() if count > LARGER_FOLDERS.get(name, 0)}
    assert grown == {}
    assert LARGER_FOLDERS.keys() == large.keys(), "take folders off the list once they fit"


def python_files(repository: Path) -> list[Path]:
    folders = ("src", "tests", "benchmarks", "scripts", "examples")
    return [path for folder in folders for path in sorted((repository / folder).rglob("*.py"))]


def test_modules_import_downwards_only(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
