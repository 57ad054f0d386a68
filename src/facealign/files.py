"""Files on disk: written whole or not at all, locked, hashed. The only place that does so.

Every output goes through `whole_file` or `write_file`, which write under a temporary name in the
same folder and then rename. So a full disk, a kill or Ctrl-C leaves an existing file as it was. A
system error becomes a facealign error that names the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from facealign.errors import DataError, FaceAlignError, OutputError

BAD_CONTENT = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError),
    *(SyntaxError, TypeError, ValueError),
)
"""What parsing raises over bad content. Below these: errors of Unicode, JSON, TOML, XML, Arrow."""
LONGEST = 200
"""Characters of an error's text that a message repeats: it may quote what a file holds."""
PART = ".part"
"""Suffix of temporary files."""


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether the file exists; False for a name that no file can have."""
    return os.path.isfile(path)  # noqa: PTH113  (Path.is_file raises on such names)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether the folder exists; False as in `is_file`."""
    return os.path.isdir(path)  # noqa: PTH112


def sha256(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_utf8(text: str) -> str:
    """The text with everything that is not UTF-8 escaped, as in some file names."""
    return text.encode("utf-8", "backslashreplace").decode()


def reason(error: Exception) -> str:
    """The system's reason, in its own words: "No space left on device"."""
    return str(getattr(error, "strerror", None) or error)


@contextmanager
def reading(path: str | os.PathLike[str], kind: type[FaceAlignError] = DataError) -> Iterator[None]:
    """Turn the system's errors while reading into one of `kind` that names the file."""
    try:
        yield
    except OSError as error:
        raise kind(f"{path}: cannot be read ({reason(error)})") from None


def brief(error: Exception) -> str:
    """The first line of an error's text, cut where it is long; its kind where it has none."""
    text = next(iter(str(error).splitlines()), "") or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


@contextmanager
def parsing(
    place: object, fault: str = "", kind: type[FaceAlignError] = DataError
) -> Iterator[None]:
    """Turn what parsing raises over bad content into an error of `kind` that names the place.

    Args:
        place: file and record.
        fault: what is wrong with the content; the error follows in brackets.
        kind: of the error.

    """
    try:
        yield
    except BAD_CONTENT as error:
        what = brief(error)
        text = f"{fault} ({type(error).__name__}: {what})" if fault else what
        raise kind(f"{place}: {text}") from None


def parse_json(content: str | bytes, place: object) -> Any:
    """The value that a JSON text stands for.

    Raises:
        DataError: it is not JSON, or not UTF-8; the message starts with `place`.

    """
    with parsing(place, "not JSON"):
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        return json.loads(text)


def read_json_file(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        DataError: it cannot be read or is not JSON.

    """
    with reading(path):
        content = path.read_bytes()
    return parse_json(content, path)


def _unwritable(path: str | os.PathLike[str], error: Exception) -> OutputError:
    return OutputError(f"cannot write {path}: {reason(error)}; choose another folder")


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the system's errors while writing into an `OutputError` that names the file."""
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error
    except ValueError as error:
        if "null byte" not in str(error):  # the one kind of bad name that does not raise OSError
            raise
        raise _unwritable(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it; one that exists stays as it is.

    Raises:
        OutputError: it cannot be made.

    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def lock(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path`, removed afterwards; it is free once its process has ended.

    Raises:
        BlockingIOError: `wait` is False, and another process or thread holds it.
        OutputError: the file cannot be made.

    """
    from filelock import FileLock, Timeout  # slow to import, and most runs lock nothing

    held = FileLock(path, thread_local=False)
    try:
        held.acquire(blocking=wait)
    except Timeout:
        raise BlockingIOError(f"{path}: another process holds it") from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        with suppress(OSError):  # Windows cannot remove an open file
            path.unlink()  # a process that waits for it notices and makes a new file
        held.release()


def part_of(path: Path) -> Path:
    """A temporary name beside `path`, that no other process or machine uses."""
    return path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:12]}{PART}")


@contextmanager
def whole_file(path: Path, binary: bool = False) -> Iterator[IO[Any]]:
    """A file open for writing under a temporary name, renamed to `path` at the end.

    If writing stops early, an existing file stays as it was, and no temporary file is left. Text
    is written as UTF-8, with what is not UTF-8 escaped.

    Raises:
        OutputError: the folder cannot be made, or the file cannot be written.

    """
    if is_folder(path):
        raise OutputError(f"cannot write {path}: it is a folder; choose another folder")
    make_folder(path.parent)
    with writing(path):
        part = part_of(path)
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
        with suppress(OSError):  # such as the full disk that stopped the writing
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
