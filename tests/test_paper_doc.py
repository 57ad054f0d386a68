"""`docs/paper.md` leads from the paper to the code: each file and symbol it names is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "paper.md"
PAIRS = re.findall(r"`([\w/]+)\.py` · `([\w.]+)`", PAGE.read_text(encoding="utf-8"))
FILES = re.findall(r"`([\w/.-]+(?:\.py|\.toml|\.md|/))`", PAGE.read_text(encoding="utf-8"))


def test_the_page_names_many() -> None:
    assert len(PAIRS) > 25
    assert len(set(FILES)) > 14


@pytest.mark.parametrize(("file", "symbol"), sorted(set(PAIRS)))
def test_a_symbol_is_where_the_page_says(file: str, symbol: str) -> None:
    module = importlib.import_module("facealign." + file.replace("/", "."))
    first, *rest = symbol.split(".")
    found = getattr(module, first)
    assert first.isupper() or found.__module__ == module.__name__
    for name in rest:
        assert hasattr(found, name) or name in found.__dataclass_fields__


@pytest.mark.parametrize("file", sorted(set(FILES)))
def test_a_file_is_where_the_page_says(repository: Path, file: str) -> None:
    assert (repository / file).exists() or (repository / "src" / "facealign" / file).exists()
