"""Results in many files: all apart first, then into the folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facealign.files import PART, is_folder, writing


@contextmanager
def write_into(folder: Path, *patterns: str) -> Iterator[Path]:
    """A temporary folder, whose files of these patterns are in `folder` at the end.

    So a name that is met twice while they are written is one of this run, and what stops the
    writing leaves the folder as it was.

    Raises:
        OutputError: a file cannot be written.

    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".", suffix=PART, dir=folder))
        try:
            yield part
            for pattern in patterns:
                for file in (found for found in part.rglob(pattern) if not is_folder(found)):
                    target = folder / file.relative_to(part)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file.replace(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
