"""Checkpoints: the digest, and the one before where the newest is damaged."""

from __future__ import annotations

import io
import pickle
import random
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from facealign.errors import DataError
from facealign.network import build_network
from facealign.training.rundir.checkpoint import (
    VERSION,
    load_checkpoint,
    load_newest,
    network_of,
    save_checkpoint,
)
from facealign.training.settings_file import to_settings


@pytest.fixture
def state() -> dict[str, Any]:
    settings = to_settings({"model": {"input_size": 32, "widths": [4, 8]}}, "test")
    return {
        "step": 3,
        "settings": asdict(settings),
        "weights": build_network(settings.model).state_dict(),
        "markups": ["ibug68"],
        "trained_on": "drawings",
        "spread_scale": 1.0,
    }


def flipped(data: bytes, number: int) -> bytes:
    place = random.Random(number).randrange(8 * len(data))
    content = bytearray(data)
    content[place // 8] ^= 1 << place % 8
    return bytes(content)


def test_no_flipped_bit_is_taken(state: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    save_checkpoint(state, path)
    whole = path.read_bytes()
    for number in range(400):
        path.write_bytes(flipped(whole, number))
        with pytest.raises(DataError, match=r"last\.pt"):
            load_checkpoint(path)


def test_a_pickle_that_pytorch_did_not_write_is_refused_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(pickle.dumps({"step": print}, protocol=4))
    with warnings.catch_warnings(action="error"), pytest.raises(DataError, match="UnpicklingError"):
        load_checkpoint(path)


def test_the_one_before_is_used_and_said_in_one_line(
    state: dict[str, Any], tmp_path: Path, reported: list[str]
) -> None:
    last, previous = tmp_path / "last.pt", tmp_path / "previous.pt"
    save_checkpoint(state, last)
    save_checkpoint(state | {"step": 4}, last, keep=previous)
    last.write_bytes(flipped(last.read_bytes(), 0))
    newest = load_newest([last, previous])
    assert newest is not None
    assert newest["step"] == 3
    assert len(reported) == 1
    assert reported[0].endswith("using the checkpoint before it")
    previous.write_bytes(b"")
    with pytest.raises(DataError, match="delete the run's folder"):
        load_newest([last, previous])


def test_a_checkpoint_without_a_digest_is_read_if_it_is_old(
    state: dict[str, Any], tmp_path: Path
) -> None:
    for version in (2, VERSION):
        buffer = io.BytesIO()
        torch.save(state | {"version": version}, buffer)
        (tmp_path / f"{version}.pt").write_bytes(buffer.getvalue())
    assert load_checkpoint(tmp_path / "2.pt")["step"] == 3
    with pytest.raises(DataError, match="its digest is missing"):
        load_checkpoint(tmp_path / f"{VERSION}.pt")


def test_pytorch_itself_reads_it(state: dict[str, Any], tmp_path: Path) -> None:
    save_checkpoint(state, tmp_path / "last.pt")
    assert torch.load(tmp_path / "last.pt", weights_only=True)["trained_on"] == "drawings"


@pytest.mark.parametrize(
    "odd",
    [
        {"step": "3"},
        {"weights": {"stem": 1}},
        {"weights": {"stem": torch.tensor(float("nan"))}},
        {"markups": ["none"]},
        {"spread_scale": float("nan")},
        {"schemes": [1]},
    ],
)
def test_a_value_of_another_kind_is_refused(
    state: dict[str, Any], tmp_path: Path, odd: dict[str, Any]
) -> None:
    save_checkpoint(state | odd, tmp_path / "last.pt")
    with pytest.raises(DataError, match=r"last\.pt: "):
        load_checkpoint(tmp_path / "last.pt")


def test_weights_of_another_network_are_refused(state: dict[str, Any], tmp_path: Path) -> None:
    state["weights"].popitem()
    with pytest.raises(DataError, match="do not fit each other"):
        network_of(state, tmp_path / "run")
