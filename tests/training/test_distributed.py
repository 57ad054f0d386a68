"""Two processes train what one would: the same batches, the same gradients, the same weights."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from facealign.errors import SettingsError
from facealign.training.rundir.checkpoint import load_checkpoint
from facealign.training.settings_file import to_settings

pytestmark = pytest.mark.slow  # they start processes
SCRIPT = Path(__file__).with_name("a_process.py")
CHANGES = {"turn": 10.0, "mirror": 0.5, "colour": 0.2, "blur": 0.4, "occlude": 0.5, "noise": 9.0}
BASE = {
    "data": {"validation": 0.2},
    "model": {"input_size": 32, "widths": [4, 8], "ratio": 1, "spread": True, "visibility": True},
    "augment": CHANGES,
    "train": {
        "steps": 6,
        "batch": 16,
        "ema": 0.9,
        "optimiser": "adamw",
        "clip": 1.0,
        "validate_every": 3,
        "threads": 1,
        "seed": 2,  # no ReLU of these steps hangs on a last digit, as in flat drawings many may
        "device": "cpu",
        "precision": "float32",
    },
}
MIXED = BASE | {"further": [{"dataset": "celeba", "share": 0.07}]}


def training(base: dict, **train: object) -> dict:
    return base | {"train": base["train"] | train}


DRAWING = {"input_size": 32, "widths": [4, 8], "ratio": 1, "heatmaps": [1]}
HEATMAPS = training(BASE | {"model": DRAWING}, accumulate=2)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def processes(jobs: list[dict], folder: Path, count: int) -> None:
    """Run the jobs, one after the other, in so many processes."""
    file = folder / f"jobs{count}.json"
    file.write_text(json.dumps([job | {"port": free_port()} for job in jobs]))
    ends = [process.wait(timeout=300) for process in begun([str(SCRIPT), str(file)], count)]
    assert ends == [0] * count


def begun(arguments: list[str], count: int, **options: object) -> list[subprocess.Popen]:
    """Python with these arguments in so many processes, as torchrun would start them."""
    places = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [
        subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            env=os.environ
            | ({} if count == 1 else places | {"RANK": str(n), "LOCAL_RANK": str(n)}),
            **options,
        )
        for n in range(count)
    ]


def done(job: dict, folder: Path, count: int) -> dict:
    """The leading process's state after a job of so many processes."""
    processes([job], folder, count)
    return torch.load(f"{job['run']}.0.pt")


@pytest.fixture(scope="module")
def jobs(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of jobs done by one process ("1") and by two ("2")."""
    folder = tmp_path_factory.mktemp("jobs")
    for count in (1, 2):
        place = folder / str(count)
        place.mkdir()
        best = str(folder / "1" / "sync" / "best.pt")
        settings = {
            "sync": training(MIXED),
            "accumulated": training(BASE, accumulate=2),
            "local": training(BASE, batch_norm="local"),
            "frozen": training(MIXED, batch_norm="frozen", start=best, teacher=best),
            "heatmaps": HEATMAPS,
        }
        list_of_jobs = [
            {"settings": value, "drawn": str(drawn), "run": str(place / name)}
            for name, value in settings.items()
        ]
        processes(list_of_jobs, place, count)
    return folder


def differences(one: dict, other: dict, before: dict) -> dict[str, float]:
    """How far apart two trainings arrived, as a fraction of the way that each weight went."""
    return {
        name: float((one[name] - other[name]).norm() / (one[name] - before[name]).norm())
        for name, value in one.items()
        if value.is_floating_point() and not torch.equal(value, before[name])
    }


def tensors(tree: object) -> list[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        return [tree]
    values = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    return [tensor for value in values for tensor in tensors(value)]


def state(folder: Path, count: int, name: str, rank: int = 0) -> dict:
    return torch.load(folder / str(count) / f"{name}.{rank}.pt")


@pytest.mark.parametrize("name", ["sync", "accumulated", "frozen", "heatmaps"])
def test_two_processes_equal_one(name: str, jobs: Path) -> None:
    one, two = (state(jobs, count, name) for count in (1, 2))
    assert one["step"] == two["step"] == 6
    for kind in ("model", "weights"):  # the second is the running average
        apart = differences(one[kind], two[kind], one["before"])
        assert len(apart) > 30
        assert max(apart.values()) < 2e-3, apart
    assert two["nmes"] == pytest.approx(one["nmes"], rel=1e-4)
    assert len(one["nmes"]) == 2


@pytest.mark.parametrize("name", ["sync", "accumulated", "local", "frozen"])
def test_all_processes_hold_the_same_state(name: str, jobs: Path) -> None:
    first, second = (state(jobs, 2, name, rank) for rank in (0, 1))
    pairs = list(zip(tensors(first), tensors(second), strict=True))
    assert len(pairs) > 100
    assert all(torch.equal(one, other) for one, other in pairs)


def test_only_the_leading_process_writes(jobs: Path) -> None:
    for name in ("sync", "local"):
        log = (jobs / "2" / name / "log.jsonl").read_text().splitlines()
        validated = [line["step"] for line in map(json.loads, log) if "report" in line]
        assert validated == [3, 6]


def test_frozen_batch_normalisation_stays_and_the_rest_learns(jobs: Path) -> None:
    after = state(jobs, 2, "frozen")
    changed = {n for n, v in after["model"].items() if not torch.equal(v, after["before"][n])}
    normalising = {n.removesuffix("running_mean") for n in after["model"] if "running_mean" in n}
    assert not [name for name in changed if name.startswith(tuple(normalising))]
    assert {"stem.conv.0.weight", "heads.0.linear.weight"} <= changed


def test_local_statistics_differ_from_those_of_all(jobs: Path) -> None:
    apart = differences(*(state(jobs, n, "local")["model"] for n in (1, 2)), jobs_before(jobs))
    assert max(apart.values()) > 0.01


def jobs_before(jobs: Path) -> dict:
    return state(jobs, 1, "local")["before"]


def test_a_run_of_two_goes_on_with_one_and_with_two_again(drawn: Path, tmp_path: Path) -> None:
    job = {"settings": training(BASE), "drawn": str(drawn)}
    parted = job | {"run": str(tmp_path / "parted")}
    assert done(parted | {"stop": 2, "stopper": 1}, tmp_path, 2)["step"] == 2
    assert done(parted | {"stop": 4}, tmp_path, 1)["step"] == 4
    end = done(parted, tmp_path, 2)
    whole = done(job | {"run": str(tmp_path / "whole")}, tmp_path, 1)
    assert end["step"] == whole["step"] == 6
    assert max(differences(end["model"], whole["model"], whole["before"]).values()) < 2e-3


def test_processes_with_different_data_say_so() -> None:
    code = (
        "from facealign.training.distributed.processes import check_alike, joined, rank\n"
        "from facealign.training.settings import TrainSettings\n"
        "with joined(TrainSettings(device='cpu')):\n"
        "    check_alike('numbers of faces', [100 - rank()])"
    )
    both = begun(["-c", code], 2, stderr=subprocess.PIPE, text=True)
    errors = [process.communicate(timeout=120)[1] for process in both]
    message = "the processes found different numbers of faces: [100]; [99]; give all machines"
    assert f"DataError: {message}" in errors[0]
    assert f"DataError: process 1: {message}" in errors[1]


def test_frozen_statistics_must_come_from_somewhere() -> None:
    with pytest.raises(SettingsError, match=r"batch_norm = frozen keeps .* train\.start"):
        to_settings({"train": {"batch_norm": "frozen"}}, "test")


CONFIG = """
[data]
validation = 0.2
[model]
input_size = 32
widths = [4, 8]
[train]
steps = 1000000
batch = 8
validate_every = 5
threads = 1
device = "cpu"
"""


def started(drawn: Path, folder: Path) -> subprocess.Popen:
    """A run of two processes from the command line, after its first checkpoint."""
    (folder / "config.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "facealign", "train", str(folder / "config.toml")]
    process = subprocess.Popen(
        [*command, f"data.root={drawn}", "--run", str(folder / "run"), "--nproc", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(1200):
        if (folder / "run" / "last.pt").exists():
            return process
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.kill()
    pytest.fail("no checkpoint within a minute")


def test_torchrun_starts_a_run(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    verb = ["-m", "--", "facealign", "train", str(tmp_path / "config.toml"), f"data.root={drawn}"]
    done = subprocess.run(
        [*command, *verb, "train.steps=2", "--run", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["step 2", "run"]
    assert load_checkpoint(tmp_path / "run" / "last.pt")["step"] == 2


def children(process: subprocess.Popen) -> list[int]:
    """The ids of its child processes."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        fields = status.read_text().rpartition(")")[2].split()
        if int(fields[1]) == process.pid:
            found.append(int(status.parent.name))
    return sorted(found)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes in /proc")
@pytest.mark.parametrize("whom", ["launcher", "process"])
def test_a_signal_to_any_process_saves_once_and_exits_130(
    whom: str, drawn: Path, tmp_path: Path
) -> None:
    launcher = started(drawn, tmp_path)
    os.kill(launcher.pid if whom == "launcher" else children(launcher)[1], signal.SIGTERM)
    shown, errors = launcher.communicate(timeout=120)
    step = load_checkpoint(tmp_path / "run" / "last.pt")["step"]
    assert launcher.returncode == 130
    assert errors == f"error: interrupted at step {step}; repeat the command to continue\n"
    steps = [line.partition(":")[0] for line in shown.splitlines()]
    assert steps == list(dict.fromkeys(steps))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes in /proc")
def test_a_process_that_dies_ends_the_others_in_plain_words(drawn: Path, tmp_path: Path) -> None:
    launcher = started(drawn, tmp_path)
    before = children(launcher)
    os.kill(before[1], signal.SIGKILL)
    _, errors = launcher.communicate(timeout=120)
    assert launcher.returncode == 1
    assert "another process of this run ended" in errors
    assert "Traceback" not in errors
    assert not any(Path(f"/proc/{number}").exists() for number in before)
    assert load_checkpoint(tmp_path / "run" / "last.pt")["step"] > 0


def test_a_batch_that_cannot_be_dealt_out_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "facealign", "train", str(tmp_path / "config.toml")]
    done = subprocess.run([*command, "--nproc", "3"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "error: train.batch 8 cannot be divided evenly among 3 processes with train.accumulate 1: "
        "make it a multiple of 3\n"
    )
