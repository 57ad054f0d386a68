"""`facealign bench`: how fast each step is on this machine."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click
import numpy as np
import onnxruntime

from facealign import __version__
from facealign.cli.console import out, progress
from facealign.evaluation.timing import REPEATS, Times, drawn_photo, measure
from facealign.files import write_file
from facealign.image import read_image


@click.command("bench", short_help="Time each step on this machine.")
@click.option("--model", default="default", show_default=True, metavar="NAME", help="Which.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), metavar="N")
@click.option("--photo", type=Path, metavar="FILE", help="With a face; default: a drawn one.")
@click.option(
    "--repeats", default=REPEATS, show_default=True, type=click.IntRange(5), help="Of quick steps."
)
@click.option("--json", "target", type=Path, metavar="FILE", help="Also write the numbers here.")
def command(model: str, threads: int, photo: Path | None, repeats: int, target: Path | None) -> int:
    """Time each step on this machine: median and 95th percentile in milliseconds.

    Machines are noisy: compare numbers of one run only, on a machine that does nothing else.

    \b
    facealign bench
    facealign bench --threads 2 --photo photo.jpg --json bench.json
    """  # noqa: D301
    pixels = read_image(photo) if photo else drawn_photo()
    found: dict[str, Times] = {}
    bar = progress("steps")
    with bar:
        task = bar.add_task("timing", total=9)
        for name, taken in measure(pixels, threads, model, repeats):
            found[name] = taken
            bar.advance(task)
    machine = f"{platform.machine()}, ONNX Runtime {onnxruntime.__version__}, {threads} thread(s)"
    _print_times(found, machine)
    if target:
        _write_times(found, machine, target)
    return 0


def _print_times(found: dict[str, Times], machine: str) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=machine, title_justify="left")
    table.add_column("step")
    for name in ("median ms", "95 % ms"):
        table.add_column(name, justify="right")
    for name, taken in found.items():
        table.add_row(name, f"{np.median(taken):.1f}", f"{np.percentile(taken, 95):.1f}")
    out().print(table)


def _write_times(found: dict[str, Times], machine: str, target: Path) -> None:
    steps = {
        name: {"median": float(np.median(t)), "p95": float(np.percentile(t, 95)), "count": len(t)}
        for name, t in found.items()
    }
    content = {"facealign": __version__, "machine": machine, "milliseconds": steps}
    write_file(target, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    out().print(f"numbers: {target}", markup=False, soft_wrap=True)
