"""The checkpoints of a run: written whole or not at all, and checked when they are read."""

import io
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from facealign.errors import DataError, OutputError
from facealign.files import brief, digest, is_file, parsing, part_of, reading
from facealign.markup import Markup, known_markup, load_markup
from facealign.network import Network, build_network
from facealign.problems import report
from facealign.training.rundir.folder import best_checkpoint
from facealign.training.settings_file import to_settings

VERSION = 3
"""Version of a checkpoint; 3 added the digest, 2 `spread_scale` and the heads' learning rates."""
READ = (2, 3)
NO_COMMENT = b"\x00\x00"
"""The end of PyTorch's zip archives, which have no comment; the digest becomes one."""
MARK = b"facealign sha256 "
COMMENT = (len(MARK) + 64).to_bytes(2, "little") + MARK
DAMAGED = "damaged checkpoint"
CURE = "copy it again, or take another of the run's"


def save_checkpoint(state: dict[str, Any], path: Path, keep: Path | None = None) -> None:
    """Write a checkpoint under a temporary name, then rename it; an older one moves to `keep`.

    The file is PyTorch's, with the SHA-256 digest of all of it as zip comment: PyTorch checks no
    sum itself, and a flipped bit would become another weight.

    Raises:
        OutputError: it cannot be written; an older file at `path` is unchanged.
    """
    part, buffer = part_of(path), io.BytesIO()
    try:
        torch.save({**state, "version": VERSION}, buffer)
        content = buffer.getvalue()
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(content.removesuffix(NO_COMMENT))
            file.write(COMMENT + digest([content]).encode())
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
            state = load_checkpoint(path, cure="")
        except DataError as error:
            damaged.append(str(error))
            continue
        for problem in damaged:
            report(f"{problem}; using the checkpoint before it")
        return state
    if damaged:
        raise DataError(f"{damaged[0]}; delete the run's folder to start again")
    return None


def load_checkpoint(path: Path, cure: str = CURE) -> dict[str, Any]:
    """Read a checkpoint; its own point schemes are known from then on.

    Raises:
        DataError: it is missing, damaged or of another version.
    """
    if not path.exists():
        raise DataError(f"{path}: no such checkpoint; give the folder of a run")
    end = f"; {cure}" if cure else ""
    with reading(path):
        content = path.read_bytes()
    body, comment, stated = content.rpartition(COMMENT)
    if comment and digest([body, NO_COMMENT]).encode() != stated:
        raise DataError(f"{path}: {DAMAGED} (its sha256 differs){end}")
    try:
        with warnings.catch_warnings(action="ignore"):  # of a pickle that PyTorch did not write
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and torch each raise their own
        raise DataError(f"{path}: {DAMAGED} ({type(error).__name__}){end}") from None
    version = state.get("version") if isinstance(state, dict) else None
    if version not in READ:
        raise DataError(f"{path}: not a checkpoint of this version of facealign")
    if version == VERSION and not comment:
        raise DataError(f"{path}: {DAMAGED} (its digest is missing){end}")
    with parsing(path, DAMAGED, cure=cure):
        for scheme in state.get("schemes", ()):
            load_markup(Markup.from_dict(scheme, str(path)))
        _check_kinds(state)
        return dict(state)


KINDS: dict[str, type] = {
    "step": int,
    "settings": dict,
    "weights": dict,
    "markups": list,
    "trained_on": str,
    "spread_scale": float,
}


def _check_kinds(state: dict[str, Any]) -> None:
    for name, kind in KINDS.items():
        if not isinstance(state[name], kind):
            raise TypeError(f"{name} is not of type {kind.__name__}")
    if not (state["markups"] and all(map(known_markup, state["markups"]))):
        raise ValueError("markups names an unknown point scheme")
    for name, value in state["weights"].items():
        if not (isinstance(value, torch.Tensor) and bool(value.isfinite().all())):
            raise ValueError(f"the weights {name} are not all finite numbers")
    if not 0 <= state["spread_scale"] < float("inf"):
        raise ValueError("spread_scale is not a finite number from 0")


def steps_of(run: Path) -> tuple[int, int]:
    """The steps that a run has done and those that it was to do, by its last checkpoint.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = run if is_file(run) or not is_file(run / "last.pt") else run / "last.pt"
    state = load_checkpoint(best_checkpoint(path))
    return state["step"], to_settings(state["settings"], str(path)).train.steps


def network_of(state: dict[str, Any], source: Path) -> Network:
    """The network of a checkpoint, with averaged weights if it has them.

    Raises:
        DataError: the weights do not fit the settings; the message names `source`.
    """
    with fitting(source):
        model = build_network(to_settings(state["settings"], str(source)).model)
        model.load_state_dict(state["weights"])
    return model


@contextmanager
def fitting(source: Path) -> Iterator[None]:
    """Turn what PyTorch raises of weights that do not fit into a `DataError`."""
    try:
        with parsing(source, "damaged checkpoint"):
            yield
    except RuntimeError as error:
        raise DataError(
            f"{source}: damaged checkpoint: its parts do not fit each other ({brief(error)})"
        ) from None
