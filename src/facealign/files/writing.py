"""Writing: whole or not at all, and never over files that are not ours."""

import json
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from facealign.errors import OutputError
from facealign.files.reading import digest, is_file, is_folder, kind_of, reason

PART = ".part"
"""Suffix of temporary files."""
MARK = "written by facealign"
"""The comment in every picture and video that facealign writes."""
PICTURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|II[*+]\0|MM\0[*+]|....ftyp(avi|hei|hev|mif|msf)"
    rb"|\xff\n|\0\0\0\x0c(JXL |jP)|BM....\0\0\0\0|P[1-6]\s[\s#\d]",
    re.DOTALL,
)
"""How picture files begin, whatever their names."""
VIDEOS = re.compile(
    rb"....(ftyp|moov|mdat|wide)|\x1aE\xdf\xa3|RIFF....AVI |FLV\1|\0\0\1[\xba\xb3]|OggS"
    rb"|0&\xb2u\x8ef\xcf\x11|G.{187}G",
    re.DOTALL,
)
"""How video files begin: MP4 and MOV, Matroska and WebM, AVI, FLV, MPEG, Ogg, WMV, MPEG-TS."""
DAY = 86400.0


def unwritable(path: str | os.PathLike[str], error: Exception) -> OutputError:
    """The error that names the file and the system's reason."""
    return OutputError(f"cannot write {path}: {reason(error)}; choose another folder")


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the system's errors while writing into an `OutputError` that names the file."""
    try:
        yield
    except (OSError, ValueError) as error:
        # A null byte is the one kind of bad name that does not raise OSError.
        if not isinstance(error, OSError) and "\0" not in str(path):
            raise
        raise unwritable(path, error) from error


def make_folder(path: Path, below: Path | None = None) -> None:
    """Make a folder; one that exists stays as it is.

    Args:
        path: the folder. The one that holds it must exist: a mistyped path makes no tree.
        below: under this folder, which is made like `path`, all missing ones are made.

    Raises:
        OutputError: it cannot be made.
    """
    if below is not None:
        make_folder(below)
    else:
        check_folder(path)
    with writing(path):
        path.mkdir(parents=below is not None, exist_ok=True)


def check_folder(path: Path) -> None:
    """Refuse a folder that `make_folder` could not make, before the work starts.

    Raises:
        OutputError: the folder that holds it does not exist, or a file is in the way.
    """
    if not is_folder(path.parent):
        raise OutputError(
            f"cannot write {path}: there is no folder {path.parent}; make it, or choose another "
            "folder"
        )
    if is_file(path):
        raise OutputError(f"cannot write {path}: it is a file; choose another folder")
    _check_name(path)


def _check_name(path: Path) -> None:
    """Refuse a name that no file can have, such as one that is too long."""
    with writing(path), suppress(FileNotFoundError):
        path.stat()


def beside(path: Path, suffix: str) -> Path:
    """A hidden name beside a file: `.NAME` and a suffix, short enough for every file system."""
    name = path.name
    if len(os.fsencode(name)) > 160:  # of 255 bytes
        name = f"{name[:40]}-{digest([os.fsencode(name)])[:12]}"
    return path.with_name(f".{name}{suffix}")


def part_of(path: Path) -> Path:
    """A temporary name beside `path`, that no other process or machine uses."""
    return beside(path, f".{_host()}-{os.getpid()}-{uuid.uuid4().hex[:12]}{PART}")


def _host() -> str:
    return digest([platform.node().encode()])[:8]


def sweep(folder: Path) -> None:
    """Remove the half-written files that killed processes left in a folder.

    Files of running processes on this machine are kept; those of other machines for a day.
    """
    with suppress(OSError):
        for path in folder.glob(f".*{PART}"):
            with suppress(OSError):
                if _is_left(path):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _is_left(path: Path) -> bool:
    named = re.search(rf"\.([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{12}}{PART}$", path.name)
    if not named:  # another program's
        return False
    if named[1] == _host() and os.name == "posix":
        return not _runs(int(named[2]))
    return time.time() - path.lstat().st_mtime > DAY


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:  # of another user's process: it runs
        return not isinstance(error, ProcessLookupError)
    return True


def check_place(path: Path) -> None:
    """Refuse what must not be replaced (see the package's docstring), before the work starts.

    Raises:
        OutputError: a folder is there, a picture or video that facealign did not write, or a file
            that is write-protected.
    """
    _check_name(path)
    kind = kind_of(path)
    if kind == "folder":
        raise OutputError(f"cannot write {path}: it is a folder; choose another folder")
    refuse_foreign(path)
    if kind == "file" and not os.access(path, os.W_OK):
        raise OutputError(f"cannot write {path}: it is write-protected; choose another folder")


def refuse_foreign(path: Path) -> None:
    """Refuse to replace a picture or video, whatever it is called, that facealign did not write.

    Raises:
        OutputError: it is one.
    """
    if kind_of(path) != "file":
        return
    with suppress(OSError), path.open("rb") as file:
        head = file.read(4096)
        is_svg = head.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<") and b"<svg" in head
        what = "picture" if is_svg or PICTURES.match(head) else "video"
        if (what == "picture" or VIDEOS.match(head)) and not _holds_mark(file):
            raise OutputError(
                f"cannot write {path}: a {what} is there which facealign did not write; choose "
                "another folder"
            )


def _holds_mark(file: IO[bytes]) -> bool:
    """Whether the mark is in the first or the last megabyte, where comments are."""
    file.seek(0)
    if MARK.encode() in file.read(2**20):
        return True
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2**20))
    return MARK.encode() in file.read()


def is_stream(path: Path) -> bool:
    """Whether an output is a stream: a device, a pipe, `/dev/stdout` and the like."""
    through = os.path.realpath(path.parent).startswith("/proc/") or (
        _is_link(path) and str(path.readlink()).startswith("/proc/")
    )
    return through or kind_of(path) in ("device", "pipe", "socket")


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114  (Path.is_symlink raises on names no file can have)


@contextmanager
def whole_file(path: Path, binary: bool = False) -> Iterator[IO[Any]]:
    """A file open for writing under a temporary name, renamed to `path` at the end.

    If writing stops early, an existing file stays as it was, and no temporary file is left. Text
    is written as UTF-8, with what is not UTF-8 escaped. A file that exists keeps its permissions; a
    symbolic link stays one.

    Raises:
        OutputError: the place is refused (`check_place`), the folder cannot be made, or the file
            cannot be written.
    """
    options: dict[str, Any] = {"mode": "wb"}
    if not binary:
        options = {"mode": "w", "encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    with writing(path):
        if is_stream(path):
            with path.open(**options) as stream:
                yield stream
            return
        target = Path(os.path.realpath(path)) if _is_link(path) else path
    check_place(target)
    make_folder(target.parent)
    with writing(path):
        part = part_of(target)
        file: IO[Any] = part.open(**options)
    try:
        with writing(path):
            yield file
            file.close()
            if is_file(target):
                shutil.copymode(target, part)
            part.replace(target)
    except BaseException:
        with suppress(OSError):  # such as the full disk that stopped the writing
            file.close()
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any, **how: Any) -> None:
    """Write a value as a JSON file, indented by 2; `how` as of `json.dumps`.

    Raises:
        OutputError: as of `whole_file`.
    """
    write_file(path, json.dumps(content, **({"indent": 2} | how)) + "\n")


def write_file(path: Path, content: bytes | str) -> None:
    """Write a whole file or none.

    Raises:
        OutputError: as of `whole_file`.
    """
    data = content.encode() if isinstance(content, str) else content
    with whole_file(path, binary=True) as file:
        file.write(data)


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
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        with suppress(OSError):  # Windows cannot remove an open file
            path.unlink()  # a process that waits for it notices and makes a new file
        held.release()
