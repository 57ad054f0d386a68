"""The script that a test file is of: test_NAME.py of scripts/NAME.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def script(request: pytest.FixtureRequest, repository: Path) -> ModuleType:
    name = f"{request.path.stem.removeprefix('test_')}.py"
    (path,) = (repository / "scripts").rglob(name)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)  # scripts import from one another
        patch.setitem(sys.modules, path.stem, module)  # where its data classes look for types
        spec.loader.exec_module(module)
    return module
