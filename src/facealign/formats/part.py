"""A file that appears under its name only when it is whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from facealign.errors import OutputError
from facealign.image import is_folder


@contextmanager
def part_file(path: Path, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write `path`'s content to: beside it under another name, renamed at the end.

    Whatever stops the writing leaves an older file of that name as it was, and no part. A name
    that is no UTF-8 is written with escapes.

    Raises:
        OutputError: the folder cannot be made, or the file cannot be written.

    """
    if is_folder(path):
        raise OutputError(f"cannot write {path}: it is a folder; give a file name")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file: IO[Any] = (
            part.open("wb")
            if binary
            else part.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        )
    try:
        with explained(path):
            yield file
            file.close()
            part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # such as the full disk that brought us here
            file.close()
        part.unlink(missing_ok=True)
        raise


def to_utf8(text: str) -> str:
    """The text with escapes for what is no UTF-8: a name of a file may hold such bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's errors into one that names the output."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; choose another place"
        ) from error
    except ValueError as error:
        if "null byte" not in str(error):  # the one fault of a name that is no OSError
            raise
        raise OutputError(f"cannot write {path}: {error}; choose another place") from error
