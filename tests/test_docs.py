"""What the documents promise is there: commands, files, examples."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import facealign
from facealign.cli.app import VERBS, load_verb

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    str(path.relative_to(ROOT))
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md"]
    if path.name != "CHANGELOG.md"
]
GUIDES = ["README.md", "docs/start.md", "docs/photos.md"]
GUIDES += [
    f"docs/moving/{name}.md" for name in ("dlib", "mediapipe", "face-alignment", "insightface")
]

ROOT = Path(__file__).resolve().parents[1]
WITH_EXAMPLES = [
    path.relative_to(ROOT)
    for folder in ("src", "benchmarks", "scripts")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>> " in path.read_text()
]
"""Every module whose docstrings have examples."""


def commands(text: str) -> list[list[str]]:
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("facealign ")]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_use_verbs_and_options_that_exist(repository: Path, document: str) -> None:
    for words in commands((repository / document).read_text()):
        command = load_verb(words[1] if words[1] in VERBS else "align")
        if isinstance(command, click.Group):
            command = command.commands[words[2]]
        known = {option for parameter in command.params for option in parameter.opts}
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= known, words


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_point_at_files_that_exist(repository: Path, document: str) -> None:
    path = repository / document
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    missing = [link for link in links if not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_point_at_headings_that_exist(repository: Path, document: str) -> None:
    path = repository / document
    links = re.findall(r"\]\(([^):#]*\.md)?#([^)]+)\)", path.read_text())
    missing = [
        f"{target}#{anchor}"
        for target, anchor in links
        if anchor not in headings(path.parent / target if target else path)
    ]
    assert missing == []


def headings(document: Path) -> set[str]:
    """The anchors of a document, as both MkDocs and GitHub make them of plain words."""
    lines = re.findall(r"^#+ (.+)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


def test_make_targets_in_the_readme_exist(repository: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(), re.MULTILINE))
    used = set(re.findall(r"^make ([a-z]+)", (repository / "README.md").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= used <= targets


def test_the_reference_has_every_public_name(repository: Path) -> None:
    page = (repository / "docs/reference/python.md").read_text()
    assert [name for name in facealign.__all__ if f"facealign.{name}" not in page] == [
        "__version__"
    ]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_docstring_examples(repository: Path, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.chdir(repository)
    monkeypatch.syspath_prepend(repository / path.parts[0])
    name = ".".join(path.with_suffix("").parts[1:]).removesuffix(".__init__")
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("document", GUIDES)
def test_python_blocks_of_the_guides_run(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    shutil.copy(repository / "examples" / "astronaut.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    text = (repository / document).read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, document, "exec"), {})


def test_the_readme_is_short(repository: Path) -> None:
    assert len((repository / "README.md").read_text().split()) <= 600


def test_examples_run(repository: Path, tmp_path: Path) -> None:
    scripts = sorted((repository / "examples").glob("*.py"))
    assert scripts
    for script in scripts:
        photo = repository / "examples" / "astronaut.jpg"
        subprocess.run(
            [sys.executable, "-W", "error", str(script), str(photo)], check=True, cwd=tmp_path
        )


def test_no_machine_paths_or_hosts_in_the_repository(repository: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    pattern = re.compile(r"/(root|home/\w+|work)/|://(pypi|files\.pythonhosted)")
    for name in filter(None, listed):
        path = repository / name
        if (
            path.suffix in {".onnx", ".jpg", ".png", ".webp", ".gz", ".br"}
            or name == "tests/test_docs.py"
        ):
            continue
        assert not pattern.search(path.read_text()), name
