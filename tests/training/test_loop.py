from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from facealign.datasets import Reading, read_dataset
from facealign.errors import DataError, DivergenceError, SettingsError
from facealign.training.loop import Progress, fit
from facealign.training.optimiser import learning_rate_factor
from facealign.training.run import Run, prepare
from facealign.training.rundir.checkpoint import load_checkpoint, save_checkpoint
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import Settings, TrainSettings
from facealign.training.settings_file import to_settings

Same = Callable[[object, object], bool]
TINY = {
    "data": {"validation": 0.2},
    "model": {"input_size": 32, "widths": [4, 8]},
    "augment": {"turn": 10.0, "mirror": 0.5, "colour": 0.2, "occlude": 0.5, "noise": 9.0},
    "train": {"steps": 8, "batch": 8, "ema": 0.9, "validate_every": 4, "threads": 1},
}


def tiny(**train: object) -> Settings:
    return to_settings(TINY | {"train": TINY["train"] | train}, "test")


@pytest.fixture(scope="session")
def reading(drawn: Path) -> Reading:
    return read_dataset("300w", drawn, "train")


def begin(settings: Settings, folder: Path, reading: Reading) -> Run:
    return prepare(settings, RunFolder(folder), [reading])


@pytest.mark.parametrize("stop_at", [1, 3, 4, 7])
def test_a_stopped_and_resumed_run_ends_in_the_same_state(
    stop_at: int, tmp_path: Path, reading: Reading, same: Same
) -> None:
    assert fit(begin(tiny(), tmp_path / "whole", reading))
    parted = begin(tiny(), tmp_path / "parted", reading)
    assert not fit(parted, stopped=lambda: parted.step == stop_at)
    resumed = begin(tiny(), tmp_path / "parted", reading)
    assert resumed.step == stop_at
    assert fit(resumed)
    ends = [load_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "parted")]
    assert same(*ends)


def test_another_seed_ends_elsewhere(tmp_path: Path, reading: Reading, same: Same) -> None:
    runs = [begin(tiny(seed=seed, steps=1), tmp_path / str(seed), reading) for seed in (0, 1)]
    for run in runs:
        fit(run)
    assert not same(*(run.model.state_dict() for run in runs))


@pytest.mark.slow
def test_killed_and_resumed_from_the_command_line(tmp_path: Path, drawn: Path, same: Same) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        "[data]\nvalidation = 0.2\n[model]\ninput_size = 32\nwidths = [4, 8]\n"
        "[augment]\nturn = 9.0\nmirror = 0.5\n"
        "[train]\nsteps = 60\nbatch = 8\nvalidate_every = 10\nthreads = 1\nema = 0.9\n"
    )
    command = [sys.executable, "-m", "facealign", "train", str(config), f"data.root={drawn}"]
    victim = subprocess.Popen([*command, "--run", str(tmp_path / "killed")])
    wait_for(tmp_path / "killed" / "last.pt", victim)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert load_checkpoint(tmp_path / "killed" / "last.pt")["step"] < 60
    subprocess.run([*command, "--run", str(tmp_path / "killed")], check=True)
    subprocess.run([*command, "--run", str(tmp_path / "whole")], check=True)
    ends = [load_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "killed")]
    assert ends[0]["step"] == 60
    assert same(*ends)


@pytest.mark.slow
def test_an_interrupt_saves_the_step_and_exits_130(tmp_path: Path, drawn: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        "[model]\ninput_size = 32\nwidths = [4, 8]\n"
        "[train]\nsteps = 1000000\nbatch = 8\nvalidate_every = 5\nthreads = 1\n"
    )
    command = [sys.executable, "-m", "facealign", "train", str(config), f"data.root={drawn}"]
    process = subprocess.Popen(
        [*command, "--run", str(tmp_path / "run")], stderr=subprocess.PIPE, text=True
    )
    wait_for(tmp_path / "run" / "last.pt", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted at step" in errors
    assert "Traceback" not in errors
    step = load_checkpoint(tmp_path / "run" / "last.pt")["step"]
    assert f"interrupted at step {step};" in errors


def wait_for(path: Path, process: subprocess.Popen) -> None:
    for _ in range(1200):
        if path.exists():
            return
        assert process.poll() is None, "the run ended before its first checkpoint"
        time.sleep(0.05)
    process.kill()
    pytest.fail("no checkpoint within a minute")


def test_training_lowers_the_validation_error(tmp_path: Path, reading: Reading) -> None:
    reports = []
    settings = tiny(
        steps=60, validate_every=20, optimiser="adamw", learning_rate=3e-3, loss="wing", ema=0.8
    )

    def watch(progress: Progress) -> None:
        if progress.report:
            reports.append(progress.report.nme_inter_ocular)

    fit(begin(settings, tmp_path, reading), watch)
    assert len(reports) == 3
    assert reports[-1] < 0.8 * reports[0]
    assert load_checkpoint(tmp_path / "best.pt")["step"] == 20 * (1 + reports.index(min(reports)))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path, reading: Reading) -> None:
    run = begin(tiny(), tmp_path, reading)
    with torch.no_grad():
        run.model.heads[0].linear.weight.fill_(float("nan"))
    with pytest.raises(
        DivergenceError, match=r"step 1: the loss is nan; .* has its faces and gradients"
    ):
        fit(run)


def test_a_run_begun_before_a_setting_was_made_goes_on(tmp_path: Path, reading: Reading) -> None:
    fit(begin(tiny(), tmp_path, reading))
    for path in (tmp_path / "last.pt", tmp_path / "previous.pt"):
        if path.exists():
            state = load_checkpoint(path)
            del state["settings"]["model"]["heatmaps"]
            save_checkpoint(state, path)
    assert begin(tiny(), tmp_path, reading).step == tiny().train.steps


def test_resuming_with_another_setting_is_refused(tmp_path: Path, reading: Reading) -> None:
    fit(begin(tiny(steps=1), tmp_path, reading))
    with pytest.raises(SettingsError, match=r"train\.learning_rate = 0\.001, not 0\.5"):
        begin(tiny(steps=1, learning_rate=0.5), tmp_path, reading)


def halve(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def test_a_checkpoint_cut_short_gives_way_to_the_one_before(
    reported: list[str], tmp_path: Path, reading: Reading, same: Same
) -> None:
    fit(begin(tiny(), tmp_path, reading))
    undisturbed = load_checkpoint(tmp_path / "last.pt")
    halve(tmp_path / "last.pt")
    resumed = prepare(tiny(), RunFolder(tmp_path), [reading])
    assert resumed.step == 4
    assert "last.pt: damaged checkpoint" in reported[0]
    assert "using the checkpoint before it" in reported[0]
    fit(resumed)
    assert same(load_checkpoint(tmp_path / "last.pt"), undisturbed)


def test_only_damaged_checkpoints_are_refused(tmp_path: Path, reading: Reading) -> None:
    fit(begin(tiny(), tmp_path, reading))
    halve(tmp_path / "last.pt")
    halve(tmp_path / "previous.pt")
    with pytest.raises(DataError, match=r"damaged checkpoint .* delete the run's folder"):
        begin(tiny(), tmp_path, reading)


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_leaves_the_last_checkpoint(
    tmp_path: Path, drawn: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        "[model]\ninput_size = 32\nwidths = [4, 8]\n"
        "[train]\nsteps = 9\nbatch = 8\nvalidate_every = 3\nthreads = 1\n"
    )
    run = tmp_path / "run"
    code = (
        "import resource, signal, sys\n"
        "from facealign.cli import main\nfrom facealign.training import loop\n"
        "save, saved = loop.save_checkpoint, []\n"
        "def limited(state, path, keep=None):\n"
        "    if path.name == 'last.pt': saved.append(state['step'])\n"
        "    if saved == [3, 6]: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "    save(state, path, keep)\n"
        "loop.save_checkpoint = limited\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"main(['train', {str(config)!r}, 'data.root={drawn}', '--run', {str(run)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot write" in done.stderr
    assert "the last checkpoint is intact" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert load_checkpoint(run / "last.pt")["step"] == 3
    assert not list(run.glob(".*"))


def test_another_number_of_points_is_refused(tmp_path: Path, reading: Reading) -> None:
    settings = to_settings(TINY | {"model": TINY["model"] | {"points": 5}}, "test")
    with pytest.raises(DataError, match=r"model\.points is 5: leave it out"):
        begin(settings, tmp_path, reading)


def test_an_unreadable_photo_is_named_and_the_rest_is_used(
    reported: list[str], tmp_path: Path, reading: Reading
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    first = reading.samples[0]
    spoilt = type(first)(**{**first.__dict__, "image": broken})
    changed = Reading("300w", "train", [spoilt, *reading.samples[1:]])
    run = prepare(tiny(), RunFolder(tmp_path / "run"), [changed])
    assert reported == [f"{broken}: the file is empty (zero bytes)"]
    assert len(run.batches.feeds[0].faces) + len(run.validator.samples) == len(reading.samples) - 1


@pytest.mark.parametrize(
    ("schedule", "step", "factor"),
    [
        ("constant", 50, 1.0),
        ("step", 49, 1.0),
        ("step", 50, 0.1),
        ("step", 80, 0.01),
        ("cosine", 0, 1.0),
        ("cosine", 50, 0.505),
    ],
)
def test_schedules(schedule: str, step: int, factor: float) -> None:
    train = TrainSettings(steps=100, schedule=schedule)
    assert learning_rate_factor(step, train) == pytest.approx(factor)


def test_warm_up_rises_linearly() -> None:
    train = TrainSettings(steps=100, schedule="constant", warmup=4)
    assert [learning_rate_factor(s, train) for s in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_a_resumed_run_remembers_its_best(tmp_path: Path, reading: Reading) -> None:
    run = begin(tiny(), tmp_path, reading)
    fit(run, stopped=lambda: run.step == 4)
    best = run.best
    assert begin(tiny(), tmp_path, reading).best == best < 10


def test_the_average_follows_the_weights(tmp_path: Path, reading: Reading) -> None:
    run = begin(tiny(steps=1, ema=0.9), tmp_path, reading)
    before = run.average.heads[0].linear.weight.clone()
    fit(run)
    decay = 1 / 10  # min(0.9, (1 + step) / (10 + step)) at step 0
    expected = decay * before + (1 - decay) * run.model.heads[0].linear.weight
    assert torch.allclose(run.average.heads[0].linear.weight, expected, atol=1e-7)


def test_no_temporary_file_stays_in_the_run_folder(tmp_path: Path, reading: Reading) -> None:
    fit(begin(tiny(steps=1), tmp_path, reading))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        *("best.pt", "data.json", "environment.json", "last.pt", "log.jsonl", "predictions.npz"),
        *("report.json", "report.md", "settings.toml", "tensorboard"),
    ]
