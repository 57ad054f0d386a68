"""What is on the disk, digests, and the wording of errors while reading."""

import atexit
import hashlib
import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from facealign.errors import DataError, FaceAlignError, ModelError

BAD_CONTENT = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError),
    *(SyntaxError, TypeError, ValueError),
)
"""What parsing raises over bad content. Below these: errors of Unicode, JSON, TOML, XML, Arrow."""
COPY = "if it is cut short, copy it again or make it anew"
"""What to do about a file of which the end may be missing."""
LONGEST = 200
"""Most characters of an error's text in a message: it may quote the content of a file."""


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether the file exists; False for a name that no file can have."""
    return os.path.isfile(path)  # noqa: PTH113  (Path.is_file raises on such names)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether the folder exists; False as in `is_file`."""
    return os.path.isdir(path)  # noqa: PTH112


def kind_of(path: str | os.PathLike[str]) -> str:
    """What is there: "file", "folder", "device", "pipe" or "socket"; empty where nothing is."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  (as in `is_file`)
    except (OSError, ValueError):
        return ""
    names = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe"}
    return (names | {stat.S_IFSOCK: "socket"}).get(stat.S_IFMT(mode), "device")


@cache
def packaged(name: str) -> Path:
    """A file or folder that comes with facealign, by its path in the package.

    From inside a zip file it is copied to a temporary folder, which is removed when the process
    ends.
    """
    found = resources.files("facealign").joinpath(name)
    if isinstance(found, Path):
        return found
    folder = TemporaryDirectory(prefix="facealign-")
    atexit.register(folder.cleanup)
    return _copied(found, Path(folder.name) / Path(name).name)


def _copied(found: Traversable, target: Path) -> Path:
    if found.is_dir():
        target.mkdir()
        for inner in found.iterdir():
            _copied(inner, target / inner.name)
    elif found.is_file():
        target.write_bytes(found.read_bytes())
    return target


def present(path: Path) -> Path:
    """The path of a file that comes with facealign.

    Raises:
        ModelError: it is missing.
    """
    if not path.is_file():
        raise ModelError(
            f"{path}: missing from this installation: install facealign again; a frozen program "
            "must be built with facealign's data files (PyInstaller does it by itself)"
        )
    return path


def sha256(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(parts: Iterable[bytes]) -> str:
    """The SHA-256 digest of all parts together, in hexadecimal."""
    sum_up = hashlib.sha256()
    for part in parts:
        sum_up.update(part)
    return sum_up.hexdigest()


def to_utf8(text: str) -> str:
    """The text with everything that is not UTF-8 escaped, as in some file names."""
    return text.encode("utf-8", "backslashreplace").decode()


def missing(path: str | os.PathLike[str]) -> str:
    """What to say of a path where nothing is, which may be an address."""
    address = re.match(r"[a-z][a-z0-9+.-]+:/", os.fspath(path), re.IGNORECASE)  # not C:/
    return "facealign fetches nothing: download it, give its path" if address else "no such file"


def reason(error: Exception) -> str:
    """The system's reason, in its own words: "No space left on device"."""
    return str(getattr(error, "strerror", None) or error)


@contextmanager
def reading(path: str | os.PathLike[str], kind: type[FaceAlignError] = DataError) -> Iterator[None]:
    """Turn the system's errors while reading into one of `kind` that names the file.

    A device, which may have no end, is refused.
    """
    if kind_of(path) == "device":
        raise kind(f"{path}: a device, not a file")
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
    place: object, fault: str = "", kind: type[FaceAlignError] = DataError, cure: str = ""
) -> Iterator[None]:
    """Turn what parsing raises over bad content into an error of `kind` that names file and record.

    `fault` says what is wrong with the content, the error follows in brackets; `cure` what to do.
    """
    try:
        yield
    except BAD_CONTENT as error:
        what = brief(error)
        text = f"{fault} ({type(error).__name__}: {what})" if fault else what
        raise kind(f"{place}: {text}{cure and '; '}{cure}") from None


def parse_json(content: str | bytes, place: object, cure: str = COPY) -> Any:
    """The value that a JSON text stands for; `cure` says what to do about a damaged one.

    Raises:
        DataError: it is not JSON, or not UTF-8; the message starts with `place`.
    """
    with parsing(place, "not JSON", cure=cure):
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        return json.loads(text)


def read_toml(path: Path, kind: type[FaceAlignError] = DataError) -> dict[str, Any]:
    """The tables of a TOML file; an error of `kind` where it cannot be read or is not TOML."""
    with reading(path, kind), parsing(path, "not valid TOML", kind):
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))


def read_json_file(path: Path, cure: str = COPY) -> Any:
    """The value in a JSON file; `cure` as of `parse_json`.

    Raises:
        DataError: it cannot be read or is not JSON.
    """
    with reading(path):
        return parse_json(path.read_bytes(), path, cure)
