"""What `train` and `export` say of a run: its progress without a terminal, whether it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from facealign.cli.training import train
from facealign.training.rundir.checkpoint import load_checkpoint, save_checkpoint

Outcome = tuple[int, str, str]
SMALL = ["model.input_size=32", "model.widths=[4, 8]", "train.batch=8", "train.threads=1"]


@pytest.fixture
def run(facealign: Callable[..., Outcome], drawn: Path, tmp_path: Path) -> Path:
    """A finished run of two steps."""
    folder = tmp_path / "run"
    code, _, _ = facealign(
        "train", "tiny", f"data.root={drawn}", *SMALL, "train.steps=2", "--run", folder
    )
    assert code == 0
    return folder


def test_without_a_terminal_progress_is_a_line_now_and_then(
    facealign: Callable[..., Outcome],
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["train", "tiny", f"data.root={drawn}", *SMALL, "train.steps=3", "--run"]
    _, printed, _ = facealign(*words, tmp_path / "quiet")
    assert "of 3" not in printed
    monkeypatch.setattr(train, "LINE_EVERY", 0.0)
    _, printed, _ = facealign(*words, tmp_path / "run")
    for step in (1, 2, 3):
        assert f"step {step} of 3 · loss " in printed


def test_export_says_whether_the_run_is_finished(
    facealign: Callable[..., Outcome], run: Path, tmp_path: Path
) -> None:
    code, printed, _ = facealign("export", run, "-o", tmp_path / "m.onnx")
    assert (code, "not finished" in printed) == (0, False)
    state = load_checkpoint(run / "last.pt")
    save_checkpoint(state | {"step": 1}, run / "last.pt")
    code, printed, _ = facealign("export", run, "-o", tmp_path / "m.onnx")
    assert code == 0
    assert "the run is not finished: step 1 of 2" in printed
