"""A short run of the fuzz, and what it must notice.

The long one: python -m tests.fuzz --inputs 40000
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch
from tests.fuzz.damage import odd_state
from tests.fuzz.readers import TARGETS

from facealign import problems
from facealign.errors import FaceAlignError
from facealign.files import is_file
from facealign.training.rundir.checkpoint import MARK, save_checkpoint

COMMAND = [sys.executable, "-m", "tests.fuzz"]


def fuzz(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_reader_takes_damaged_files(repository: Path) -> None:
    done = fuzz(repository, "--inputs", "300", "--seed", "7")
    assert done.returncode == 0, done.stdout
    assert "none wrong" in done.stdout
    assert len(done.stdout.splitlines()) > 40  # a row for each reader


FAULTS = {
    "crash": "os._exit(9)",
    "hang": "time.sleep(60)",
    "RuntimeError": "raise RuntimeError('undocumented')",
    "AssertionError": "return np.float32('nan') * np.ones(3)",
    "UserWarning": "warnings.warn('said to the user')",
    "refused": "raise DataError('documented')",
    "read": "return np.ones(3)",
}


@pytest.mark.parametrize(("outcome", "reader"), FAULTS.items())
def test_what_a_reader_does_is_noticed(
    repository: Path, tmp_path: Path, outcome: str, reader: str
) -> None:
    program = tmp_path / "noticed.py"
    program.write_text(PROGRAM.format(reader=reader, folder=tmp_path / "files"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(repository), *sys.path])}
    done = subprocess.run(
        [sys.executable, program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [outcome], done.stderr


PROGRAM = """
import os, sys, time, warnings
from pathlib import Path
import numpy as np
from facealign.errors import DataError
from tests.fuzz import readers
from tests.fuzz.run import fuzz
from tests.fuzz.target import Target

def make(folder):
    (folder / "a.bin").write_bytes(bytes(range(100)))

def read(folder):
    if (folder / "a.bin").read_bytes() == bytes(range(100)):
        return None
    {reader}

readers.TARGETS["odd"] = Target("odd", make, read)
if __name__ == "__main__":
    found = fuzz(["odd"], Path({str(folder)!r}), inputs=1, seconds=90, workers=1, patience=3)
    print(*found.counts["odd"])
""".replace("{str(folder)!r}", "'{folder}'")


CUT = ["json", "jsonl", "parquet", "coco", "cvat", "imglab", "labelstudio", "pts"]
CUT = [*(f"results-{name}" for name in CUT), "labels-labelme", "labels-celeba", "labels-aflw"]
CUT += ["image-jpeg", "shards", "odd-checkpoint", "onnx", "onnx-start", "predictions"]
CUT += ["recorded-runs"]
CURES = ("again", "remove it", "facealign export", "facealign eval", "expected")


@pytest.mark.parametrize("name", CUT)
def test_a_file_that_is_cut_short_says_what_to_do(tmp_path: Path, name: str) -> None:
    target = TARGETS[name]
    target.make(tmp_path)
    for file in [file for file in tmp_path.rglob(target.damaged) if is_file(file)]:
        if file.name == ".facealign":  # missing, it only makes a writer more careful
            continue
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with problems.collect() as said:
            try:
                target.read(tmp_path)
            except FaceAlignError as error:
                said.append(str(error))
        file.write_bytes(whole)
        assert any(cure in text for text in said for cure in CURES), (file, said)


def test_a_damaged_checkpoint_keeps_a_digest_that_fits(tmp_path: Path) -> None:
    save_checkpoint({"step": 1, "model": {"a": torch.ones(2), "b": torch.zeros(3)}}, tmp_path / "c")
    data = (tmp_path / "c").read_bytes()
    for seed in range(20):
        odd = odd_state(data, Random(seed), [data])
        content, _, digest = odd.rpartition(MARK)
        assert content.startswith(data[:4])
        assert len(digest) == 64
        assert odd != data
        torch.load(io.BytesIO(odd), weights_only=True)
