"""What a training step costs.

    python benchmarks/training.py [--threads 2] [--json FILE]

Measures images per second of a whole step, milliseconds of its parts, and peak memory, on random
pictures; each row in a fresh process. First one network in several precisions, plain and compiled,
then one change at a time: image size, width, batch, faces. Timings are noisy: compare rows of one
run only, on an idle machine; or with one thread and `--clock processor`, which counts only this
process's time. Needs the "train" extra.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import held_megabytes, one_line, run_apart
from script import (
    new_console,
    new_parser,
    new_table,
    record,
    run_script,
    show_table,
    write_json,
)

from facealign.configs import FOLDER
from facealign.datasets import Reading
from facealign.training.data.batches import Batch
from facealign.training.data.regions import Faces, Regions, region_size
from facealign.training.device import choose_device, keep_freed_memory
from facealign.training.losses import total_loss
from facealign.training.optimiser import update_average
from facealign.training.run import Run, build
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import AugmentSettings, Settings
from facealign.training.settings_file import load_settings
from facealign.training.validation import Validator

Clock = Callable[[], float]
RELEASE = FOLDER / "300w.toml"
BATCH = "train.batch=64"
PAPER = [BATCH, "model.widths=[64, 128, 256, 512]", "model.ratio=4"]
RELEASED = [BATCH, "model.widths=[32, 64, 128, 256]"]
ROWS: dict[str, list[str]] = {
    "64–512, float32": [*PAPER, "train.precision=float32"],
    "64–512, bfloat16": PAPER,
    "64–512, compiled": [*PAPER, "train.compile=true"],
    "64–512, float32, compiled": [*PAPER, "train.precision=float32", "train.compile=true"],
    "64–512, plain crops": [*PAPER, "plain"],
    "64–512, memory given back": [*PAPER, "give-back"],
    "48–384, bfloat16": [BATCH, "model.widths=[48, 96, 192, 384]", "model.ratio=4"],
    "32–256, float32": [*RELEASED, "train.precision=float32"],
    "32–256, bfloat16": RELEASED,
    "32–256, compiled": [*RELEASED, "train.compile=true"],
    "64–512, 96 px": [*PAPER, "model.input_size=96"],
    "64–512, 160 px": [*PAPER, "model.input_size=160"],
    "64–512, batch 16": [*PAPER, "train.batch=16"],
    "64–512, batch 128": [*PAPER, "train.batch=128"],
    "64–512, 4,000 faces": [*PAPER, "faces=4000"],
}
"""The rows: name → changes to the recipe 300w, and options of this script. 64–512 is the
paper's network, 32–256, at ratio 2, the released one's; in bfloat16 where a row does not say."""


def random_run(changes: list[str], folder: Path) -> Run:
    """A run on random pictures."""
    words = [c for c in changes if "." not in c.partition("=")[0]]
    settings = load_settings(RELEASE, [c for c in changes if c not in words])
    if "plain" in words:
        settings = replace(settings, augment=AugmentSettings())
    count = next((int(w.partition("=")[2]) for w in words if w.startswith("faces=")), 512)
    return build(
        settings,
        RunFolder(folder),
        [Reading("random", "faces", [])],
        [random_faces(settings, count)],
        Validator([], np.zeros((0, 8, 8, 3), np.uint8), [], "random"),
        choose_device(settings.train),
    )


def random_faces(settings: Settings, count: int) -> Faces:
    random, side = np.random.default_rng(0), region_size(settings.model.input_size)
    flags = np.ones((count, 68), bool)
    images = random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    points = random.uniform(0, side, (count, 68, 2)).astype(np.float32)
    return Faces.of([str(i) for i in range(count)], "ibug68", Regions(images, points, flags, flags))


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def measure(changes: list[str], steps: int, clock: Clock = time.perf_counter) -> dict[str, float]:
    """Medians over the steps: milliseconds of each part, images per second. Also peak memory in MB,
    and wall-clock seconds of the first step, which may compile."""
    if "give-back" not in changes:
        keep_freed_memory()
    parts: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        run = random_run(changes, Path(folder))
        start = time.perf_counter()
        one_step(run, {}, clock)
        first = time.perf_counter() - start
        for _ in range(2):
            one_step(run, {}, clock)
        for _ in range(steps):
            one_step(run, parts, clock)
    found = {name: 1000 * statistics.median(taken) for name, taken in parts.items()}
    batch = run.settings.train.batch
    rate = 1000 * batch / sum(found.values())
    peak = held_megabytes(at_most=True)
    return {**found, "images/s": rate, "first s": first, "peak MB": peak}


def one_step(run: Run, parts: dict[str, list[float]], clock: Clock) -> None:
    """The loop's `take_step`, part by part."""
    train = run.settings.train

    def timed(name: str, action: Callable[[], Any]) -> Any:
        start = clock()
        result = action()
        if run.batches.device.type == "cuda":
            torch.cuda.synchronize()
        parts.setdefault(name, []).append(clock() - start)
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


def show(tree: dict[str, Any]) -> None:
    names = [
        "images/s",
        "batch",
        "forward",
        "backward",
        "optimiser",
        "average",
        "first s",
        "peak MB",
    ]
    table = new_table("", "img/s", "batch", "forw.", "backw.", "opt.", "EMA", "first, s", "MB")
    for row, found in tree["rows"].items():
        table.add_row(row, *(f"{found[name]:.0f}" for name in names))
    where = f"{one_line(tree['machine'])}, {tree['threads']} threads, {tree['clock']} time"
    title = f"{tree['date']}, {where}, torch {torch.__version__}"
    show_table(new_console(), table, f"{title}\n128 px, batch 64, 512 faces; parts in ms")


def run(given: argparse.Namespace) -> None:
    if given.one:
        torch.set_num_threads(given.threads)
        print(json.dumps(measure(ROWS[given.one], given.steps, CLOCKS[given.clock])))
        return
    shared = ["--steps", str(given.steps), "--threads", str(given.threads)]
    shared += ["--clock", given.clock]
    rows = {row: run_apart(__file__, ["--one", row, *shared]) for row in given.rows}
    said = {"threads": given.threads, "steps": given.steps, "clock": given.clock}
    tree = record(given, "training", {**said, "rows": rows})
    show(tree)
    write_json(given, tree)


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
