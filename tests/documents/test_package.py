"""What is published: the same bytes from the same sources, with all that is needed and no more."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import facealign

EPOCH = "1764115200"
NEEDED = [
    "configs/300w.toml",
    "configs/release/aan-m.toml",
    "formats/results.schema.json",
    "markup/known.toml",
    "py.typed",
    "server/docs.html",
    "server/openapi.yaml",
    "weights/aan-m.LICENSE.txt",
    "weights/aan-m.onnx",
    "weights/models.toml",
    "weights/yunet.onnx",
    "web/static/index.html",
]


def build(repository: Path, target: Path) -> dict[str, bytes]:
    """Suffix of the name → content, of the wheel and the sdist."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target)],
        cwd=repository,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
        capture_output=True,
        check=True,
    )
    return {path.suffix: path.read_bytes() for path in sorted(target.iterdir())}


@pytest.fixture(scope="module")
def folder(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both are, built once."""
    pytest.importorskip("hatchling")
    target = tmp_path_factory.mktemp("dist")
    build(repository, target)
    return target


@pytest.mark.slow
def test_the_same_sources_give_the_same_bytes(
    repository: Path, folder: Path, tmp_path: Path
) -> None:
    first = {path.suffix: sha256(path.read_bytes()) for path in folder.iterdir()}
    (repository / "README.md").touch()  # only the time changes
    again = {suffix: sha256(content) for suffix, content in build(repository, tmp_path).items()}
    assert again == first
    assert set(first) == {".gz", ".whl"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.slow
def test_the_wheel_holds_the_package_alone(folder: Path) -> None:
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "facealign",
        f"facealign-{facealign.__version__}.dist-info",
    }
    assert {f"facealign/{name}" for name in NEEDED} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pt", ".mat"))]


@pytest.mark.slow
def test_the_sdist_holds_what_its_tests_and_its_site_need(folder: Path) -> None:
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.split("/")[0] for name in names}
    assert {"src", "tests", "docs", "examples", "benchmarks", "scripts"} <= tops
    assert {
        "Makefile",
        "hatch_build.py",
        "mkdocs.yml",
        "CITATION.cff",
        "SECURITY.md",
        "LICENSE",
    } <= tops
    assert {"tests/conftest.py", "examples/astronaut.jpg", "docs/index.md"} <= names
    assert not tops & {".git", ".ci", "node_modules", "site", "runs"}


def test_the_version_is_the_same_everywhere(repository: Path) -> None:
    cited = re.search(r"^version: (.+)$", (repository / "CITATION.cff").read_text(), re.MULTILINE)
    released = re.findall(
        r"^## \[(\d.+?)\]", (repository / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert cited
    assert cited[1] == released[0] == facealign.__version__


@pytest.fixture
def hook(repository: Path) -> ModuleType:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", repository / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_release_says_where_it_is_published(
    hook: ModuleType, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hook.CustomMetadataHook(str(repository), {})
    monkeypatch.delenv("PROJECT_URL", raising=False)
    plain: dict[str, Any] = {}
    made.update(plain)
    assert plain["readme"]["text"] == (repository / "README.md").read_text()
    assert "urls" not in plain
    monkeypatch.setenv("PROJECT_URL", "https://example.org/facealign/")
    published: dict[str, Any] = {"version": facealign.__version__}
    made.update(published)
    tag = f"v{facealign.__version__}"
    assert published["urls"]["Source"] == "https://example.org/facealign"
    assert published["urls"]["Changelog"].endswith(f"/blob/{tag}/CHANGELOG.md")
    text = published["readme"]["text"]
    links = re.findall(r'(?:\]\(|src=")([^)"]+)', text)
    assert len(links) > 20
    for link in links:
        place, found, path = link.partition(f"/{tag}/")
        assert found, link
        target = repository / path.partition("#")[0]
        assert target.exists(), link
        picture = target.suffix in (".jpg", ".svg", ".webp")
        assert place == f"https://example.org/facealign/{'raw' if picture else 'blob'}"


def test_links_elsewhere_and_within_the_page_stay(hook: ModuleType) -> None:
    text = "[a](https://a.example/x.png) [b](#b) [c](docs/c.md#d) <img src='e.jpg'>"
    changed = text.replace("docs/c.md", "https://h.example/blob/v1/docs/c.md")
    assert hook.absolute(text, "https://h.example", "v1") == changed
