"""An aligner in other processes: pickled, and after a fork; and on another device."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facealign import FaceAligner, Markup, SettingsError
from facealign.aligner.settings import AlignSettings
from facealign.models import DEVICES

FORK = """
import multiprocessing, os, sys
import numpy as np
from facealign import FaceAligner
photo, threads, use = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "uses"
aligner = FaceAligner("aan-s", threads=threads)
before = aligner.align(photo)[0].landmarks
child = os.fork()
if child == 0:
    if use:
        again = aligner.align(photo)[0].landmarks
        assert np.array_equal(before, again)
    sys.exit(7)  # in order, as multiprocessing's children and those of a web server do
_, status = os.waitpid(child, 0)
assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 7, status
assert np.array_equal(before, aligner.align(photo)[0].landmarks)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only POSIX forks")
@pytest.mark.parametrize("use", ["uses", "ends"])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_a_fork_ends_and_works(astronaut_path: Path, threads: int, use: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(astronaut_path), str(threads), use],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_pickled_aligner_finds_the_same(astronaut_path: Path) -> None:
    aligner = FaceAligner("aan-s", threads=1, max_faces=2, markup="celeba5")
    other = pickle.loads(pickle.dumps(aligner))
    assert (other.max_faces, other.markup) == (2, "celeba5")
    (one,), (two,) = aligner.align(astronaut_path), other.align(astronaut_path)
    assert np.array_equal(one.landmarks, two.landmarks)
    aligner.close()
    assert pickle.loads(pickle.dumps(other)).align(astronaut_path)


def test_a_scheme_of_ones_own_comes_along(
    make_model: Callable[..., Path], astronaut_path: Path, tmp_path: Path
) -> None:
    scheme = Markup("pickled2", ["left_ear", "right_ear"])
    outputs = {"landmarks": np.array([[0.7, 0.5], [0.3, 0.5]])}
    import json

    from facealign import load_markup

    load_markup(scheme)
    model = make_model(outputs, markup="pickled2", schemes=json.dumps([scheme.to_dict()]))
    (tmp_path / "aligner").write_bytes(pickle.dumps(FaceAligner(model, "whole-image", threads=1)))
    code = (
        "import pickle, sys; aligner = pickle.load(open(sys.argv[1], 'rb'));"
        "print(aligner.markup, len(aligner.align(sys.argv[2])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "aligner", astronaut_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "pickled2 1\n", done.stderr


def test_a_provider_that_is_not_here_is_named() -> None:
    with pytest.raises(SettingsError, match="has no NoExecutionProvider, only"):
        FaceAligner("aan-s", providers=["NoExecutionProvider"])
    with pytest.raises(SettingsError, match="DmlExecutionProvider"):
        AlignSettings(device="directml").aligner(1)


def test_the_cpu_is_the_default(astronaut_path: Path) -> None:
    one = FaceAligner("aan-s", threads=1).align(astronaut_path)
    two = FaceAligner("aan-s", threads=1, providers=DEVICES["cpu"]).align(astronaut_path)
    assert np.array_equal(one[0].landmarks, two[0].landmarks)
    assert "device" not in AlignSettings().record()
    assert AlignSettings(device="cuda").record()["device"] == "cuda"
