"""Runs that are killed, and steps that come apart."""

from __future__ import annotations

import copy
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from facealign.datasets import Reading, read_dataset
from facealign.errors import DivergenceError
from facealign.training import loop
from facealign.training.divergence import FEWEST, LossGuard
from facealign.training.loop import Progress, fit
from facealign.training.run import Run, prepare
from facealign.training.rundir.checkpoint import load_checkpoint, save_checkpoint
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import Settings
from facealign.training.settings_file import to_settings

Same = Callable[[object, object], bool]
TINY = {
    "data": {"validation": 0.2},
    "model": {"input_size": 32, "widths": [4, 8]},
    "augment": {"turn": 10.0, "mirror": 0.5, "occlude": 0.5, "noise": 9.0},
}
TRAIN = {"steps": 8, "batch": 8, "ema": 0.9, "validate_every": 4, "threads": 1}


def tiny(**train: object) -> Settings:
    return to_settings(TINY | {"train": TRAIN | {"tensorboard": False} | train}, "test")


@pytest.fixture(scope="module")
def begin(drawn: Path) -> Callable[[Settings, Path], Run]:
    reading = read_dataset("300w", drawn, "train")

    def build(settings: Settings, folder: Path) -> Run:
        return prepare(settings, RunFolder(folder), [Reading("300w", "train", reading.samples)])

    return build


def log_of(folder: Path) -> list[dict]:
    """The log but for how fast it went."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "images_per_second"} for line in lines]


KILLER = """
import os, random, signal, sys, time, warnings
from pathlib import Path
import torch, torch._dynamo  # which the first optimiser imports, for seconds
from facealign.datasets import read_dataset
from facealign.training.loop import fit
from facealign.training.run import prepare
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings_file import to_settings
warnings.simplefilter("error")
torch.set_num_threads(1)
settings, drawn, work = to_settings(eval(sys.argv[1]), "test"), Path(sys.argv[2]), Path(sys.argv[3])
reading = read_dataset("300w", drawn, "train")

def train(folder):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run = prepare(settings, RunFolder(folder), [reading])
            code = 0 if fit(run) else 2
        finally:
            os._exit(code)
    return child

started = time.perf_counter()
assert os.waitpid(train(work / "whole"), 0)[1] == 0
span = time.perf_counter() - started
killed, number, chance = 0, 0, random.Random(0)
while killed < 20:
    folder = work / f"killed-{number}"
    while True:
        child = train(folder)
        if killed < 20:
            time.sleep(chance.uniform(0, span))
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status):
            assert status == 0, status
            break
        killed += 1
    number += 1
print(killed, number)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot fork")
def test_killed_twenty_times_it_ends_where_the_undisturbed_run_does(
    tmp_path: Path, drawn: Path, same: Same
) -> None:
    """Forked from a process that has imported everything, so that a start costs little."""
    tree = TINY | {"train": TRAIN | {"steps": 18, "validate_every": 3, "log_every": 2}}
    done = subprocess.run(
        [sys.executable, "-c", KILLER, repr(tree), str(drawn), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    killed, runs = map(int, done.stdout.split())
    assert killed == 20
    whole = tmp_path / "whole"
    for number in range(runs):
        folder = tmp_path / f"killed-{number}"
        assert {p.name for p in folder.iterdir()} == {p.name for p in whole.iterdir()}
        for name in ("last.pt", "previous.pt", "best.pt"):
            assert same(load_checkpoint(folder / name), load_checkpoint(whole / name)), name
        for name in ("predictions.npz", "report.json", "report.md", "data.json", "settings.toml"):
            assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
        assert log_of(folder) == log_of(whole)


def test_the_guard_knows_what_is_usual() -> None:
    guard = LossGuard(20.0)
    for _ in range(FEWEST - 1):
        guard.record(0.1)
    assert guard.fault(50.0, 1.0) == ""  # too early to tell
    guard.record(0.1)
    assert guard.fault(1.9, 1.0) == ""
    assert guard.fault(2.1, 1.0) == "the loss is 2.1, over 20 times the usual 0.1"
    assert guard.fault(0.1, float("inf")) == "the norm of the gradient is inf"
    assert guard.fault(float("nan"), 1.0) == "the loss is nan"
    assert LossGuard(0.0, 0.1, [0.1] * FEWEST).fault(1e9, 1.0) == ""
    assert LossGuard(20.0, 1.0, [-1.0] * FEWEST).fault(-0.5, 1.0) == ""


def test_a_guard_from_a_checkpoint_of_version_01_takes_its_usual_loss_as_the_first() -> None:
    guard = LossGuard(20.0)
    guard.load({"recent": [0.1] * FEWEST, "skipped": 0, "skipped_in_all": 2})
    assert guard.fault(0.2, 1.0) == ""
    guard.recent = [2.1] * FEWEST
    assert guard.fault(2.1, 1.0) == "the loss has climbed to 2.1, over 20 times the first"


def spoil(monkeypatch: pytest.MonkeyPatch, factors: dict[int, float]) -> None:
    """Multiply the losses of these steps, counted from 1."""
    plain = loop._loss

    def spoilt(run: Run, *others: Any) -> torch.Tensor:
        return plain(run, *others) * factors.get(run.step + 1, 1.0)

    monkeypatch.setattr(loop, "_loss", spoilt)


def test_divergence_stops_the_run_and_its_details_are_kept(
    tmp_path: Path, begin: Callable[[Settings, Path], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, {30: 1000.0})
    run = begin(tiny(steps=40, validate_every=5, clip=1.0), tmp_path)
    with pytest.raises(
        DivergenceError, match=r"step 30: the loss is .* 20 times the usual"
    ) as error:
        fit(run)
    assert str(tmp_path / "divergence-0000030.json") in str(error.value)
    details = json.loads((tmp_path / "divergence-0000030.json").read_text())
    assert details["loss"] > 20 * details["usual_loss"] > 0
    assert details["learning_rate"] == pytest.approx(1e-3 * 0.1)  # past its first milestone
    assert details["gradient_norm_of"].keys() == {"stem", "stages.0", "stages.1", "heads.0"}
    parts = details["gradient_norm_of"].values()
    assert np.sqrt(np.square(list(parts)).sum()) == pytest.approx(details["gradient_norm"], 1e-4)
    assert [face["id"] for face in details["faces"]] == run.batches.sampler.ids(29)
    assert all(0 < face["error"] < 2 for face in details["faces"])
    with Image.open(tmp_path / details["picture"]) as picture:
        assert picture.size == (3 * 32, 3 * 32)
        assert (0, 255, 0) in {color for _, color in picture.getcolors(10000)}
    assert load_checkpoint(tmp_path / "last.pt")["step"] == 25


def test_a_run_that_climbs_slowly_diverges_too(
    tmp_path: Path, begin: Callable[[Settings, Path], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, {step: float(step) for step in range(1, 101)})
    with pytest.raises(DivergenceError, match=r"the loss has climbed to .*, over 20 times"):
        fit(begin(tiny(steps=100, learning_rate=0.0), tmp_path))


@pytest.mark.slow
def test_a_learning_rate_of_9_ends_in_divergence(tmp_path: Path, drawn: Path) -> None:
    words = [f"data.root={drawn}", "train.learning_rate=9", "train.steps=300", "train.threads=1"]
    words += [f"model.{key}={json.dumps(value)}" for key, value in TINY["model"].items()]
    command = ["train", "configs/tiny.toml", "--run", str(tmp_path / "run"), *words]
    done = subprocess.run(
        [sys.executable, "-m", "facealign", *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr[:6]) == (7, "error:"), done.stderr


def test_a_stopped_run_goes_on_when_told_to_skip(
    tmp_path: Path, begin: Callable[[Settings, Path], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, {6: float("nan")})
    with pytest.raises(DivergenceError, match=r"step 6: .*nan.*train\.on_divergence=skip"):
        fit(begin(tiny(), tmp_path))
    assert fit(begin(tiny(on_divergence="skip"), tmp_path))
    skipped = [line for line in log_of(tmp_path) if "skipped" in line]
    assert skipped == [
        {"step": 6, "skipped": "the loss is nan", "details": "divergence-0000006.json"}
    ]
    assert json.loads((tmp_path / "report.json").read_text())["skipped_steps"] == 1


def test_a_skipped_step_leaves_no_trace_in_the_weights(
    tmp_path: Path,
    begin: Callable[[Settings, Path], Run],
    monkeypatch: pytest.MonkeyPatch,
    same: Same,
) -> None:
    spoil(monkeypatch, {3: float("inf")})
    run = begin(tiny(on_divergence="skip"), tmp_path)
    states: list[dict] = []

    def watch(progress: Progress) -> None:
        state = {k: v for k, v in run.state().items() if k not in ("step", "guard")}
        states.append(copy.deepcopy(state))

    fit(run, watch)
    rates = [state["optimiser"]["param_groups"][0].pop("lr") for state in states]
    assert len(rates) == 8
    assert same(states[1], states[2])
    assert not same(states[2], states[3])


def test_skipping_survives_a_restart_bit_for_bit(
    tmp_path: Path,
    begin: Callable[[Settings, Path], Run],
    monkeypatch: pytest.MonkeyPatch,
    same: Same,
) -> None:
    spoil(monkeypatch, {3: float("nan"), 25: 500.0})
    settings = tiny(steps=30, on_divergence="skip", log_every=1)
    assert fit(begin(settings, tmp_path / "whole"))
    for stop_at in (2, 3, 24, 25):
        run = begin(settings, tmp_path / "parted")
        assert not fit(run, stopped=lambda run=run, at=stop_at: run.step == at)
    assert fit(begin(settings, tmp_path / "parted"))
    ends = [load_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "parted")]
    assert same(*ends)
    assert ends[0]["guard"]["skipped_in_all"] == 2
    assert log_of(tmp_path / "whole") == log_of(tmp_path / "parted")


def test_a_run_that_only_skips_is_given_up(
    tmp_path: Path, begin: Callable[[Settings, Path], Run]
) -> None:
    run = begin(tiny(steps=100, on_divergence="skip"), tmp_path)
    with torch.no_grad():
        run.model.heads[0].linear.weight.fill_(float("nan"))
    with pytest.raises(DivergenceError, match=r"step 11: the loss is nan, after 10 skipped steps"):
        fit(run)


def test_only_the_first_skipped_steps_are_kept_in_full(
    tmp_path: Path, begin: Callable[[Settings, Path], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facealign.training.divergence.MOST_KEPT", 2)
    spoil(monkeypatch, {2: float("nan"), 4: float("nan"), 6: float("nan")})
    assert fit(begin(tiny(on_divergence="skip"), tmp_path))
    skipped = [line["details"] for line in log_of(tmp_path) if "skipped" in line]
    assert skipped == ["divergence-0000002.json", "divergence-0000004.json", None]
    assert len(list(tmp_path.glob("divergence-*"))) == 4


@pytest.mark.skipif(os.name != "posix", reason="only POSIX opens folders")
def test_a_checkpoint_reaches_the_disk_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    synced: list[tuple[bool, bool]] = []

    def note(handle: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    save_checkpoint({"step": 1}, path)
    assert synced == [(False, False), (True, True)]
