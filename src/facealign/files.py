"""Files on the disk: written whole or not at all, locked, hashed; the one place for it.

Every output goes through `whole_file` or `write_file`: to a temporary name beside it, then renamed.
So a full disk, a kill or Ctrl-C leaves the older file as it was. Errors of the system become one of
ours that names the file.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import filelock

from facealign.errors import DataError, FaceAlignError, OutputError

PART = ".part"
"""Suffix of the temporary name of a file that is being written."""


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is there; False for a name that no file can have."""
    return os.path.isfile(path)  # noqa: PTH113  (Path.is_file raises on such names)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is there; False as in `is_file`."""
    return os.path.isdir(path)  # noqa: PTH112


def sha256(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_utf8(text: str) -> str:
    """The text with escapes for what is not UTF-8: a file's name may hold such bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


def reason(error: Exception) -> str:
    """Why the system refused, in its own words: "No space left on device"."""
    return str(getattr(error, "strerror", None) or error)


@contextmanager
def reading(path: str | os.PathLike[str], kind: type[FaceAlignError] = DataError) -> Iterator[None]:
    """Turn the system's errors while reading into one of `kind` that names the file."""
    try:
        yield
    except OSError as error:
        raise kind(f"{path}: cannot be read ({reason(error)})") from None


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the system's errors while writing into an `OutputError` that names the file."""
    try:
        yield
    except TimeoutError:  # of a lock
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {reason(error)}; choose another place") from error
    except ValueError as error:
        if "null byte" not in str(error):  # the one fault of a name that is no OSError
            raise
        raise OutputError(f"cannot write {path}: {error}; choose another place") from error


@contextmanager
def lock(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path`, which is made and removed; it is free when its process ends.

    Raises:
        BlockingIOError: another process holds it, and `wait` is False.
        OutputError: the file cannot be made.

    """
    held = filelock.FileLock(path, is_singleton=False)
    try:
        with writing(path):
            held.acquire(blocking=wait)
    except filelock.Timeout:
        raise BlockingIOError(f"{path}: another process holds it") from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink()  # whoever waits for it sees that and takes a new file
        held.release()


def part_of(path: Path) -> Path:
    """A temporary name beside `path`, unlike that of any other process or machine."""
    return path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:12]}{PART}")


@contextmanager
def whole_file(path: Path, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write the content of `path` to: beside it under another name, renamed at the end.

    Whatever stops the writing leaves an older file of that name as it was, and no part. Text is
    UTF-8; characters that are not are written with escapes.

    Raises:
        OutputError: the folder cannot be made, or the file cannot be written.

    """
    if is_folder(path):
        raise OutputError(f"cannot write {path}: it is a folder; choose another place")
    with writing(path):
        part = part_of(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        file: IO[Any] = (
            part.open("wb")
            if binary
            else part.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        )
    try:
        with writing(path):
            yield file
            file.close()
            part.replace(path)
    except BaseException:
        with suppress(OSError):  # such as the full disk that brought us here
            file.close()
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_file(path: Path, content: bytes | str) -> None:
    """Write a whole file or none.

    Raises:
        OutputError: the folder cannot be made or the file cannot be written.

    """
    data = content.encode() if isinstance(content, str) else content
    with whole_file(path, binary=True) as file:
        file.write(data)
