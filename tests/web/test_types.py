"""`facealign.d.ts` is what TypeScript accepts, and names what `facealign.js` exports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from facealign.web.site import STATIC

HERE = Path(__file__).parent


def test_the_types_name_what_the_module_exports(node: str) -> None:
    code = f"import({str(STATIC / 'facealign.js')!r}).then((m) => console.log(...Object.keys(m)))"
    done = subprocess.run([node, "-e", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = (STATIC / "facealign.d.ts").read_text()
    typed = re.findall(r"^export (?:function|class) (\w+)", text, re.MULTILINE)
    assert sorted(typed) == sorted(done.stdout.split())


@pytest.mark.slow
def test_typescript_accepts_the_types(node: str, repository: Path, tmp_path: Path) -> None:
    modules = Path(os.environ.get("FACEALIGN_NODE_MODULES", repository / "node_modules"))
    compiler = modules / ".bin" / "tsc"
    if not compiler.is_file():
        pytest.skip("no TypeScript here: see CONTRIBUTING.md")
    for path in (HERE / "types.ts", STATIC / "facealign.d.ts"):
        shutil.copy(path, tmp_path)
    options = "--noEmit --strict --target es2022 --module esnext --moduleResolution bundler"
    command = [str(compiler), *options.split(), "--lib", "es2023,dom,dom.iterable", "types.ts"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
