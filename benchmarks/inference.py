"""Every number of facealign's speed in one run.

    python benchmarks/inference.py [--model NAME …] [--json FILE]

The rows of `facealign bench` on the example photo, on one thread and on two; the processor time of
photos as they come, large and small, with faces and without, and its ratio to that of one of
640 × 480; faces a second in batches of 16; how close the network comes to the
processor's limit, and where its time goes (needs `onnx`: the "train" extra); memory, and the size
of the core install. Compare numbers of one run only, on an idle machine.

    python benchmarks/inference.py --images 10000

aligns the example photo that many times, in changing sizes, and prints the memory as it runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from machine import held_megabytes, measure_alone, one_line, summarise
from no_faces import leaves, shapes
from PIL import Image
from rich.console import Console
from script import (
    PHOTO,
    add_models,
    median_and_p95,
    models_of,
    new_console,
    new_parser,
    new_table,
    record,
    run_script,
    show_table,
    write_json,
)

import facealign
from facealign.evaluation.timing import measure
from facealign.models import model_path
from facealign.types import Pixels

CORE = ("numpy", "pillow", "onnxruntime", "click", "rich")
"""The core's dependencies in pyproject.toml; their own dependencies are looked up."""
NAME = re.compile(r"[\w.-]+")
"""The package's name at the start of a requirement such as "numpy>=1.26"."""
BATCHED = "the same, 16 faces"
TELL_AT = (1000, 5000, 10000)
PLAIN = "640 × 480, one face"
"""All others are given as multiples of it."""
HEAD = (96, 6, 356, 266)
"""Round the face of the example photo."""
TURNS_OF_LARGE = 0.1
"""Share of the rounds in which photos of over `LARGE` pixels take part."""
LARGE = 5e6


def steps(model: str, threads: int, repeats: int) -> dict[str, dict[str, float]]:
    """Step → median and 95th percentile in milliseconds."""
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    return {name: summarise(taken) for name, taken in measure(photo, threads, model, repeats)}


def limits(model: str, threads: int, repeats: int) -> dict[str, Any]:
    """The network's time against the processor's limit; empty without `onnx`."""
    if importlib.util.find_spec("onnx") is None:
        return {}
    from limits import multiply_adds, network_times, peak_rate, time_by_operator

    path = model_path(model)
    count, rate = multiply_adds(path), peak_rate(threads)
    taken = float(np.median(network_times(path, threads, repeats)))
    return {
        "network_ms": taken,
        "multiply_adds": count,
        "peak_multiply_adds_a_second": rate,
        "limit_ms": 1000 * count / rate,
        "share_by_operator": time_by_operator(path, threads),
    }


def photos() -> dict[str, Pixels]:
    photo = Image.open(PHOTO).convert("RGB")
    head = photo.crop(HEAD).resize((150, 150))
    group = Image.new("RGB", (640, 480), (120, 130, 140))
    for i in range(4):
        group.paste(head, (10 + 155 * i, 60 + 120 * (i % 2)))
    pictures = {
        PLAIN: photo.resize((640, 480)),
        "400 × 300, one face": photo.resize((400, 300)),
        "640 × 480, four faces": group,
        "640 × 480, none: shapes": shapes(np.random.default_rng(3)),
        "640 × 480, none: leaves": leaves(np.random.default_rng(3)),
        "1 megapixel, one face": photo.resize((1152, 864)),
        "12 megapixels, one face": photo.resize((4000, 3000)),
    }
    return {name: np.asarray(picture) for name, picture in pictures.items()}


def photo_costs(model: str, repeats: int) -> dict[str, dict[str, float]]:
    """Photo → faces found, median processor milliseconds, and times those of `PLAIN`.

    The photos take turns, so that all meet the same machine; one thread.
    """
    aligner, pictures = facealign.FaceAligner(model, threads=1), photos()
    found = {name: len(aligner.align(picture)) for name, picture in pictures.items()}
    taken: dict[str, list[float]] = {name: [] for name in pictures}
    for number in range(repeats):
        for name, picture in pictures.items():
            if picture[..., 0].size < LARGE or number <= TURNS_OF_LARGE * repeats:
                started = time.process_time()
                aligner.align(picture)
                taken[name].append(1000 * (time.process_time() - started))
    medians = {name: float(np.median(values)) for name, values in taken.items()}
    return {
        name: {"faces": found[name], "processor_ms": value, "ratio": value / medians[PLAIN]}
        for name, value in medians.items()
    }


def installed_megabytes() -> dict[str, float]:
    """Package → MB on disk, for the core and its dependencies."""
    sizes = {"facealign": _folder(Path(facealign.__file__).parent)}
    waiting = list(CORE)
    while waiting:
        try:
            found = distribution(waiting.pop())
        except PackageNotFoundError:  # needed on other platforms
            continue
        if found.name not in sizes:
            files = (Path(str(found.locate_file(file))) for file in found.files or ())
            sizes[found.name] = sum(f.stat().st_size for f in files if f.is_file()) / 1e6
            needs = (need.partition(";") for need in found.requires or ())
            waiting += [NAME.match(need)[0] for need, _, when in needs if "extra" not in when]
    return sizes


def _folder(path: Path) -> float:
    files = (f for f in path.rglob("*") if f.is_file() and f.suffix != ".pyc")
    return sum(f.stat().st_size for f in files) / 1e6


def memory_over(images: int, model: str) -> Iterator[tuple[int, float]]:
    """(photos aligned, MB held) as it runs: the example photo in widths of 160 to 1,280."""
    photo, random = Image.open(PHOTO).convert("RGB"), np.random.default_rng(0)
    with facealign.FaceAligner(model, threads=1) as aligner:
        for number in range(1, images + 1):
            width, height = (int(side) for side in random.integers(160, 1281, 2))
            aligner.align(np.asarray(photo.resize((width, height))))
            if number in (100, *TELL_AT, images):
                yield number, held_megabytes()


def all_numbers(model: str, threads: list[int], repeats: int) -> dict[str, Any]:
    """One model's part of the file."""
    alone = f"import facealign\nassert facealign.FaceAligner({model!r}).align(photo)"
    return {
        "milliseconds": {str(n): steps(model, n, repeats) for n in threads},
        "limits": {str(n): limits(model, n, repeats) for n in threads},
        "photos": photo_costs(model, repeats),
        **measure_alone(alone, PHOTO, max(repeats // 20, 1)),
    }


def show(console: Console, name: str, found: dict[str, Any]) -> None:
    by_threads = found["milliseconds"]
    table = new_table("step", *(f"threads: {n}" for n in by_threads))
    for step in next(iter(by_threads.values())):
        table.add_row(step, *(median_and_p95(rows[step]) for rows in by_threads.values()))
    show_table(console, table, f"{name}, ms: median / 95 %")
    table = new_table("photo as it comes", "faces", "processor ms", "ratio")
    for photo, row in found["photos"].items():
        cells = (f"{row['faces']}", f"{row['processor_ms']:.1f}", f"{row['ratio']:.2f}")
        table.add_row(photo, *cells)
    show_table(console, table, f"{name}, one thread: median")
    for threads, rows in by_threads.items():
        rate = 16000 / rows[BATCHED]["median"]
        console.print(f"threads: {threads}: {rate:.0f} faces/s by 16")
        show_limits(console, found["limits"][threads])
    console.print(f"memory at peak, one photo: {found['memory_mb']} MB")


def show_limits(console: Console, found: dict[str, Any]) -> None:
    if not found:
        console.print('how close the limit is: needs onnx, from the "train" extra')
        return
    console.print(
        f"network alone {found['network_ms']:.2f} ms for {found['multiply_adds'] / 1e6:.0f} M "
        f"multiply-adds; in float32, at the {found['peak_multiply_adds_a_second'] / 1e9:.0f} G/s "
        f"of a large matrix product, {found['limit_ms']:.2f} ms"
    )
    shares = (f"{n} {100 * share:.0f} %" for n, share in found["share_by_operator"].items())
    console.print(f"of the network's time: {', '.join(shares)}")


def show_installed(console: Console, sizes: dict[str, float]) -> None:
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    parts = ", ".join(f"{name} {size:.0f}" for name, size in ranked)
    console.print(f"core install: {sum(sizes.values()):.0f} MB ({parts})")


def run(given: argparse.Namespace) -> None:
    console, models = new_console(), models_of(given)
    if given.images:
        for name, model in models.items():
            for number, held in memory_over(given.images, model):
                console.print(f"{name}, {number:6d} photos: {held:.0f} MB")
        return
    found = {name: all_numbers(m, given.threads, given.repeats) for name, m in models.items()}
    tree = record(given, "inference", {"models": found, "installed_mb": installed_megabytes()})
    console.print(f"{tree['date']}, {one_line(tree['machine'])}")
    for name, numbers in found.items():
        show(console, name, numbers)
    show_installed(console, tree["installed_mb"])
    write_json(given, tree)


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_models(parser)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--images", type=int, help="instead: memory over this many photos")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
