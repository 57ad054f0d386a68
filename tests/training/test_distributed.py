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

from facealign.training.checkpoint import load_checkpoint

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
        "device": "cpu",
        "precision": "float32",
    },
}
MIXED = BASE | {"further": [{"dataset": "celeba", "share": 0.07}]}


def training(base: dict, **train: object) -> dict:
    return base | {"train": base["train"] | train}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def processes(jobs: list[dict], folder: Path, count: int) -> None:
    """Run the jobs, one after the other, in processes as torchrun would start them."""
    file = folder / f"jobs{count}.json"
    file.write_text(json.dumps(jobs))
    places = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", str(SCRIPT), str(file)],
            env=os.environ
            | ({} if count == 1 else places | {"RANK": str(n), "LOCAL_RANK": str(n)}),
        )
        for n in range(count)
    ]
    assert [process.wait(timeout=300) for process in started] == [0] * count


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


@pytest.mark.parametrize("name", ["sync", "accumulated", "frozen"])
def test_two_processes_equal_one(name: str, jobs: Path) -> None:
    one, two = (state(jobs, count, name) for count in (1, 2))
    assert one["step"] == two["step"] == 6
    for kind in ("model", "weights"):
        apart = differences(one[kind], two[kind], one["before"])
        assert len(apart) > 30
        print(name, kind, max(apart.values()), max(apart, key=apart.get))
    assert two["nmes"] == pytest.approx(one["nmes"], rel=1e-4)
