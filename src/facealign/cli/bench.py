"""`facealign bench`: how fast this machine is."""

import platform
from pathlib import Path

import click
import numpy as np
import onnxruntime

from facealign import __version__
from facealign.cli.console import bar, print_table, say
from facealign.cli.options import device_option, json_option, model_option, threads_option
from facealign.evaluation.timing import REPEATS, Times, drawn_photo, measure
from facealign.files import write_json
from facealign.image import read_image

STEPS = 9
"""Steps that `measure` times."""


@click.command("bench", short_help="Time each step on this machine.")
@model_option
@device_option
@threads_option("Threads of each step.", default=1)
@click.option(
    "--photo", type=Path, metavar="FILE", help="A photo with a face; default: a drawn one."
)
@click.option(
    "--repeats",
    default=REPEATS,
    type=click.IntRange(5),
    metavar="N",
    help="How often the quick steps are timed.",
)
@json_option
def bench(
    model: str, device: str, threads: int, photo: Path | None, repeats: int, target: Path | None
) -> int:
    """Time each step on this machine: median and 95th percentile in milliseconds.

    Machines are noisy: compare numbers of one run only, on a machine that does nothing else.

    \b
    facealign bench
    facealign bench --threads 2 --photo photo.jpg --json bench.json
    """  # noqa: D301
    pixels = read_image(photo) if photo else drawn_photo()
    steps = measure(pixels, threads, model, repeats, device)
    timed = bar("timing", "steps")(steps, total=STEPS)
    times: dict[str, Times] = dict(timed)
    runtime = f"ONNX Runtime {onnxruntime.__version__} on {device}"
    machine = f"{platform.machine()}, {runtime}, {threads} thread(s)"
    rows = (
        (name, f"{np.median(taken):.1f}", f"{np.percentile(taken, 95):.1f}")
        for name, taken in times.items()
    )
    print_table(("step", "median ms", "95 % ms"), rows, ("median ms", "95 % ms"), machine)
    if target:
        _write_times(times, machine, target)
    return 0


def _write_times(times: dict[str, Times], machine: str, target: Path) -> None:
    steps = {
        name: {"median": float(np.median(t)), "p95": float(np.percentile(t, 95)), "count": len(t)}
        for name, t in times.items()
    }
    content = {"facealign": __version__, "machine": machine, "milliseconds": steps}
    write_json(target, content, ensure_ascii=False)
    say(f"numbers: {target}")
