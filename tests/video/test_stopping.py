"""Ctrl-C where no frame comes, or a second time: the work ends, and its results stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facealign.formats.journal import journal_path
from facealign.formats.registry import read_results
from facealign.tracking import FaceTracker

MakeFilm = Callable[..., Path]
Facealign = Callable[..., tuple[int, str, str]]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_pipe_that_gives_no_more_is_left_at_the_second_ctrl_c(tmp_path: Path) -> None:
    target = tmp_path / "faces.jsonl"
    words = [sys.executable, "-m", "facealign", "video", "-", "-o", target]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not journal_path(target).exists():
            time.sleep(0.05)
        for _ in range(2):
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "error: interrupted: 0 tracks in 0 frames done\n"


def test_a_second_ctrl_c_does_not_wait_for_the_frame(
    facealign: Facealign,
    make_video: MakeFilm,
    waves: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, count = FaceTracker.step, iter(range(100))

    def step(self: FaceTracker, image: Any, time: float) -> Any:
        if next(count) == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return real(self, image, time)

    monkeypatch.setattr(FaceTracker, "step", step)
    target, drawn = tmp_path / "faces.csv", tmp_path / "drawn.mp4"
    words = (make_video("sea.mp4", waves(6)), "-o", target, "--draw", drawn, "--smoothing", "live")
    code, _, errors = facealign("video", *words)
    assert (code, errors.count("\n")) == (130, 1)
    assert "interrupted: 0 tracks in 3 frames done; " in errors
    assert [result.frame for result in read_results(target)] == [0, 1, 2]
    assert not drawn.exists()
