"""Every number of facealign's speed in one run: python benchmarks/inference.py [--json FILE].

The rows of `facealign bench` on the example photo, on one thread and on two; faces a second in
batches of 16; how near the network comes to the processor's limit, and where its time goes (needs
`onnx`: the "train" extra); memory, and the size of the core install. Compare numbers of one run
only, from a machine that does nothing else.

    python benchmarks/inference.py --images 10000

aligns the example photo so many times, in sizes that change, and prints the memory on the way.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
from collections.abc import Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from machine import describe_machine, held_megabytes, measure_alone
from PIL import Image

import facealign
from facealign.image import write_file
from facealign.models import model_path
from facealign.timing import measure

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
CORE = ("numpy", "pillow", "onnxruntime", "click", "rich")
"""Of the core's dependencies, those of pyproject.toml; what these need is found."""
NAME = re.compile(r"[\w.-]+")
"""Of a package, at the start of a requirement such as "numpy>=1.26"."""
BATCHED = "the same, 16 faces"
TELL_AT = (1000, 5000, 10000)


def steps(model: str, threads: int, repeats: int) -> dict[str, dict[str, float]]:
    """Step → median and 95th percentile in milliseconds."""
    photo = np.asarray(Image.open(PHOTO).convert("RGB"))
    return {
        name: {"median": float(np.median(taken)), "p95": float(np.percentile(taken, 95))}
        for name, taken in measure(photo, threads, model, repeats)
    }


def limits(model: str, threads: int, repeats: int) -> dict[str, Any]:
    """The network beside the processor's limit; nothing without `onnx`."""
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


def installed_megabytes() -> dict[str, float]:
    """Package → MB on the disk, of the core and all it needs."""
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
    """(photos aligned, MB held) on the way: the example photo in widths of 160 to 1,280."""
    photo, random = Image.open(PHOTO).convert("RGB"), np.random.default_rng(0)
    with facealign.FaceAligner(model, threads=1) as aligner:
        for number in range(1, images + 1):
            width, height = (int(side) for side in random.integers(160, 1281, 2))
            aligner.align(np.asarray(photo.resize((width, height))))
            if number in (100, *TELL_AT, images):
                yield number, held_megabytes()


def all_numbers(given: argparse.Namespace) -> dict[str, Any]:
    alone = f"import facealign\nassert facealign.FaceAligner({given.model!r}).align(photo)"
    return {
        "schema": "facealign-inference/1",
        "date": str(date.today()),
        "machine": describe_machine(),
        "versions": {"facealign": facealign.__version__, "onnxruntime": onnxruntime.__version__},
        "model": given.model,
        "milliseconds": {str(n): steps(given.model, n, given.repeats) for n in given.threads},
        "limits": {str(n): limits(given.model, n, given.repeats) for n in given.threads},
        "installed_mb": installed_megabytes(),
        **measure_alone(alone, PHOTO, max(given.repeats // 20, 1)),
    }


def show(found: dict[str, Any]) -> None:
    """Markdown that a document can hold."""
    by_threads = found["milliseconds"]
    where = f"{found['machine']['processor']}, {found['machine']['cores']} cores"
    print(f"{found['date']}, {where}, {found['model']}; ms: median / 95 %\n")
    print("| step |", " | ".join(f"threads: {n}" for n in by_threads), "|")
    print("|---" * (len(by_threads) + 1) + "|")
    for name in next(iter(by_threads.values())):
        pairs = (rows[name] for rows in by_threads.values())
        cells = " | ".join(f"{pair['median']:.1f} / {pair['p95']:.1f}" for pair in pairs)
        print(f"| {name} | {cells} |")
    for threads, rows in by_threads.items():
        print(f"\n{threads} thread(s): {16000 / rows[BATCHED]['median']:.0f} faces/s by 16")
        show_limits(found["limits"][threads])
    sizes = found["installed_mb"]
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    parts = ", ".join(f"{name} {size:.0f}" for name, size in ranked)
    print(f"\nmemory at peak, one photo: {found['memory_mb']} MB")
    print(f"core install: {sum(sizes.values()):.0f} MB ({parts})")


def show_limits(found: dict[str, Any]) -> None:
    if not found:
        print('how near the limit is: needs onnx, of the "train" extra')
        return
    print(
        f"network alone {found['network_ms']:.2f} ms for {found['multiply_adds'] / 1e6:.0f} M "
        f"multiply-adds; at the {found['peak_multiply_adds_a_second'] / 1e9:.0f} G/s of a large "
        f"matrix product {found['limit_ms']:.2f} ms"
    )
    shares = (f"{n} {100 * share:.0f} %" for n, share in found["share_by_operator"].items())
    print(f"of the network's time: {', '.join(shares)}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="default", help="name or file")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--json", type=Path, help="also write all numbers here")
    parser.add_argument("--images", type=int, help="instead: memory over so many photos")
    return parser.parse_args()


def main() -> None:
    given = parse()
    if given.images:
        for number, held in memory_over(given.images, given.model):
            print(f"{number:6d} photos: {held:.0f} MB", flush=True)
        return
    found = all_numbers(given)
    show(found)
    if given.json:
        write_file(given.json, json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
