"""The checkpoints of a run: written whole or not at all, and checked when they are read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from facealign.errors import DataError, OutputError
from facealign.files import part_of
from facealign.markup import Markup, load_markup
from facealign.problems import report

VERSION = 2
"""Version of a checkpoint's content; 2 added `spread_scale` and the heads' learning rates."""


def save_checkpoint(state: dict[str, Any], path: Path, keep: Path | None = None) -> None:
    """Write a checkpoint under a temporary name, then rename it.

    Args:
        state: its content.
        path: its file.
        keep: where to move the checkpoint at `path`, if there is one.

    Raises:
        OutputError: it cannot be written; an older file at `path` is unchanged.

    """
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            torch.save({"version": VERSION, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            path.replace(keep)
        part.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True) if part.parent.is_dir() else None
        raise OutputError(f"cannot write {path}: {error}; the last checkpoint is intact") from error


def _sync_folder(folder: Path) -> None:
    """Make sure that a power cut cannot undo a rename; POSIX systems alone need it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_newest(paths: Sequence[Path]) -> dict[str, Any] | None:
    """The first of these checkpoints that is intact; damaged ones before it are reported.

    Raises:
        DataError: all that exist are damaged.

    """
    damaged: list[str] = []
    for path in paths:
        if not path.exists():
            continue
        try:
            state = load_checkpoint(path)
        except DataError as error:
            damaged.append(str(error))
            continue
        for problem in damaged:
            report(f"{problem}; using the checkpoint before it")
        return state
    if damaged:
        raise DataError(f"{damaged[0]}; delete the run's folder to start again")
    return None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; its own point schemes are known from then on.

    Raises:
        DataError: it is missing, damaged or of another version.

    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataError(f"{path}: no such checkpoint; give the folder of a run") from None
    except Exception as error:  # pickle, zip and torch each raise their own
        raise DataError(f"{path}: damaged checkpoint ({type(error).__name__})") from None
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise DataError(f"{path}: not a checkpoint of this version of facealign")
    for scheme in state.get("schemes", ()):
        load_markup(Markup.from_dict(scheme, str(path)))
    return state
