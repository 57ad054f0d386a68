"""`facealign data pack` as a user types it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from facealign.configs import FOLDER

Outcome = tuple[int, str, str]


def test_data_pack_is_a_data_set_to_train_on_and_to_check(
    facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path
) -> None:
    packed, given = tmp_path / "packed", ["--root", drawn, "--input-size", 32, "-o"]
    code, printed, errors = facealign("data", "pack", "300w", *given, packed)
    assert (code, errors) == (0, "")
    assert printed.startswith("packed: 30 faces, 1 shard, ")
    code, _, errors = facealign("data", "pack", "300w", *given, packed)
    assert (code, "holds a packed data set: choose another folder" in errors) == (2, True)
    code, printed, errors = facealign("data", "check", "packed", "--root", packed)
    assert (code, "train   30     3148      0         0" in printed) == (0, True)
    config = FOLDER / "tiny.toml"
    overrides = ["model.input_size=32", "model.widths=[4, 8]", "train.steps=2", "train.threads=1"]
    data = ["data.dataset=packed", f"data.root={packed}"]
    code, printed, _ = facealign("train", config, *data, *overrides, "--run", tmp_path / "run")
    assert (code, "validation NME (inter-ocular)" in printed) == (0, True)


def test_data_pack_tells_of_every_photo_left_out(
    facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path
) -> None:
    root = tmp_path / "300w"
    shutil.copytree(drawn, root)
    photo = next(root.rglob("afw/*.png"))
    photo.write_bytes(b"no picture")
    code, printed, errors = facealign("data", "pack", "300w", "--root", root, "-o", tmp_path / "p")
    assert (code, len(errors.splitlines())) == (3, 1)
    assert photo.name in errors
    assert printed.startswith("packed: 29 faces")


@pytest.mark.parametrize("quality", ["0", "101", "best"])
def test_data_pack_refuses_a_quality_that_is_none(
    facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path, quality: str
) -> None:
    given = ["--root", drawn, "-o", tmp_path / "p", "--quality", quality]
    code, _, errors = facealign("data", "pack", "300w", *given)
    assert (code, f'"{quality}" is neither lossless nor 1 … 100' in errors) == (2, True)
