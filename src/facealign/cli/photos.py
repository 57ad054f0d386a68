"""Which photos are meant: files, folders, globs, lists of names, standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from facealign.errors import DataError
from facealign.files import is_file, is_folder
from facealign.image import SUFFIXES, ImageSource

STDIN = Path("-")
"""Stands for one photo on standard input, read when its turn comes."""


def find_photos(
    names: Iterable[str], leave_out: Path | None = None
) -> tuple[list[Path], list[str]]:
    """The files that names, folders and globs stand for, and one line for each that is none.

    Args:
        names: files, folders, globs; `-` is standard input.
        leave_out: a folder that a search does not enter: the one drawn pictures go to.

    """
    files: dict[Path, None] = {}
    problems: list[str] = []
    for name in names:
        found, why = _find(name)
        drawn = leave_out if is_folder(name) and leave_out != Path(name) else None
        kept = [f for f in found if drawn is None or drawn not in f.parents]
        if not kept:
            problems.append(f"{name or '(an empty name)'}: {why}")
        files.update(dict.fromkeys(kept))
    return list(files), problems


def _find(name: str) -> tuple[list[Path], str]:
    """The files one name stands for, and what to say when there are none."""
    if name and is_folder(name):
        return _images_below(Path(name)), "the folder holds no image, or may not be read"
    if name and (is_file(name) or not glob.has_magic(name)):
        return [Path(name)], "no photo of its own"
    matches = [Path(m) for m in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207
    return [m for m in matches if not is_folder(m)], "matches no file"


def _images_below(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES and is_file(f))


def read_names(source: Path) -> list[str]:
    """The names in a list, one a line, or parted by null bytes as `find -print0` writes them.

    Args:
        source: the list; `-` is standard input.

    Raises:
        DataError: it cannot be read.

    """
    try:
        data = sys.stdin.buffer.read() if source == STDIN else source.read_bytes()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from None
    lines = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]


def to_source(photo: Path) -> ImageSource:
    """What `read_image` takes for a photo: its path, or the bytes on standard input."""
    return sys.stdin.buffer.read() if photo == STDIN else photo
