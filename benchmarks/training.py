"""What a training step costs: python benchmarks/training.py [--threads 2].

Images a second of a whole step and the milliseconds of its parts, with the peak memory of the
process, on random pictures; each row in a fresh process. First one network in several precisions,
then one change at a time: image size, width, batch, faces. Machines are noisy: compare rows of one
run only, on a machine that does nothing else. Needs the "train" extra.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from facealign.datasets import Reading
from facealign.training.batches import Batch
from facealign.training.device import choose_device, keep_freed_memory
from facealign.training.faces import FacesInMemory, Regions, region_size
from facealign.training.loss import total_loss
from facealign.training.optimise import update_average
from facealign.training.run import Run, build
from facealign.training.runfolder import RunFolder
from facealign.training.settings import Settings
from facealign.training.settingsfile import load_settings
from facealign.training.validation import Validator

RELEASE = Path(__file__).parents[1] / "configs" / "300w.toml"
PAPER = ["model.widths=[64, 128, 256, 512]"]
ROWS: dict[str, list[str]] = {
    "64–512, float32": [*PAPER, "train.precision=float32"],
    "64–512, bfloat16": PAPER,
    "64–512, plain crops": [*PAPER, "plain"],
    "64–512, memory given back": [*PAPER, "give-back"],
    "64–512, compiled": [*PAPER, "train.compile=true"],
    "48–384, bfloat16": ["model.widths=[48, 96, 192, 384]"],
    "32–256, bfloat16": ["model.widths=[32, 64, 128, 256]"],
    "64–512, 96 px": [*PAPER, "model.input_size=96"],
    "64–512, 160 px": [*PAPER, "model.input_size=160"],
    "64–512, batch 16": [*PAPER, "train.batch=16"],
    "64–512, batch 128": [*PAPER, "train.batch=128"],
    "64–512, 4,000 faces": [*PAPER, "faces=4000"],
}
"""What is measured: name → changes to configs/300w.toml, and words of this script."""


def random_run(changes: list[str]) -> Run:
    """A run on random pictures."""
    words = [c for c in changes if "." not in c.partition("=")[0]]
    settings = load_settings(RELEASE, [c for c in changes if c not in words])
    if "plain" in words:
        settings = load_settings(RELEASE, [*(c for c in changes if c not in words), *NO_AUGMENT])
    count = next((int(w.partition("=")[2]) for w in words if w.startswith("faces=")), 512)
    return build(
        settings,
        RunFolder(Path(tempfile.mkdtemp())),
        [Reading("random", "faces", [], [])],
        [random_faces(settings, count)],
        Validator([], np.zeros((0, 8, 8, 3), np.uint8), [], "random"),
        choose_device(settings.train),
    )


NO_AUGMENT = [f"augment.{name}=0" for name in ("turn", "scale", "shift", "mirror", "colour")] + [
    f"augment.{name}=0" for name in ("gray", "blur", "noise", "occlude")
]


def random_faces(settings: Settings, count: int) -> FacesInMemory:
    random, side = np.random.default_rng(0), region_size(settings.model.input_size)
    flags = np.ones((count, 68), bool)
    images = random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    points = random.uniform(0, side, (count, 68, 2)).astype(np.float32)
    return FacesInMemory(
        [str(i) for i in range(count)], "ibug68", Regions(images, points, flags, flags)
    )


def measure(changes: list[str], steps: int) -> dict[str, float]:
    """Medians over the steps: milliseconds of each part; images a second; peak memory in MB."""
    if "give-back" not in changes:
        keep_freed_memory()
    run = random_run(changes)
    parts: dict[str, list[float]] = {}
    for _ in range(3):
        one_step(run, {})
    for _ in range(steps):
        one_step(run, parts)
    found = {name: 1000 * statistics.median(taken) for name, taken in parts.items()}
    batch = run.settings.train.batch
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**found, "images/s": 1000 * batch / sum(found.values()), "peak MB": peak}


def one_step(run: Run, parts: dict[str, list[float]]) -> None:
    """The loop's `take_step`, part by part."""
    train = run.settings.train

    def timed(name: str, action: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = action()
        if run.batches.device.type == "cuda":
            torch.cuda.synchronize()
        parts.setdefault(name, []).append(time.perf_counter() - start)
        return result

    def forward(batch: Batch) -> torch.Tensor:
        run.model.train()
        with run.precision:
            prediction = run.network(batch.image.contiguous(memory_format=torch.channels_last))
        return total_loss(prediction, batch, train)

    run.optimiser.zero_grad(set_to_none=True)
    batch = timed("batch", lambda: run.batches.at(run.step))
    loss = timed("forward", lambda: forward(batch))
    timed("backward", loss.backward)
    timed("optimiser", run.optimiser.step)
    timed("average", lambda: update_average(run.average, run.model, run.step, train.ema))
    run.step += 1


def show(results: dict[str, dict[str, float]], threads: int) -> None:
    names = ["images/s", "batch", "forward", "backward", "optimiser", "average", "peak MB"]
    words = ["img/s", "batch", "forw.", "backw.", "opt.", "EMA", "MB"]
    where = f"{date.today()}, {platform.machine()}, {threads} threads, torch {torch.__version__}"
    table = Table("", *words, title=f"{where}\n128 px, batch 64, 512 faces; parts in ms", box=None)
    for row, found in results.items():
        table.add_row(row, *(f"{found[name]:.0f}" for name in names))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), metavar="NAME")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        torch.set_num_threads(given.threads)
        print(json.dumps(measure(ROWS[given.one], given.steps)))
        return
    results = {}
    for row in given.rows:
        command = [sys.executable, __file__, "--one", row, "--steps", str(given.steps)]
        ended = subprocess.run(
            [*command, "--threads", str(given.threads)], check=True, capture_output=True, text=True
        )
        results[row] = json.loads(ended.stdout.splitlines()[-1])
    show(results, given.threads)


if __name__ == "__main__":
    main()
