"""How long each step from a photo to landmarks takes: python benchmarks/inference.py [--threads 1].

Median and 95th percentile in milliseconds. Machines are noisy: compare numbers of one run only.
"""

from __future__ import annotations

import argparse
import io
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from rich.console import Console
from rich.table import Table

import facealign
from facealign.geometry import CropTransform

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
REPEATS = 100


def times(action: Callable[[], object], repeats: int = REPEATS) -> np.ndarray:
    """(repeats,) milliseconds, after a warm-up."""
    for _ in range(3):
        action()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        taken.append(1000 * (time.perf_counter() - start))
    return np.array(taken)


def cold_start() -> np.ndarray:
    """Milliseconds from starting Python to the first landmark, in new processes."""
    code = f"import facealign; facealign.align({str(PHOTO)!r})"
    return times(lambda: subprocess.run([sys.executable, "-c", code], check=True), 5)


def import_time() -> np.ndarray:
    """Milliseconds of `import facealign` beyond numpy's, in new processes."""
    code = (
        "import time, numpy\nstart = time.perf_counter()\nimport facealign\n"
        "print(1000 * (time.perf_counter() - start))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True) for _ in range(5)]
    return np.array([float(run.stdout) for run in runs])


def measure(threads: int | None) -> dict[str, np.ndarray]:
    aligner = facealign.FaceAligner(threads=threads)
    detector = facealign.YuNet(threads=threads)
    astronaut = Image.open(PHOTO).convert("RGB")
    photo = np.asarray(astronaut.resize((640, 480)))
    large = np.asarray(astronaut.resize((4000, 3000)))
    encoded = io.BytesIO()
    Image.fromarray(photo).save(encoded, "JPEG")
    box = detector.detect(photo).boxes[:1]
    transform = CropTransform.from_box(box[0], aligner.facts.input_size, aligner.facts.margin)
    return {
        "crop one face": times(lambda: transform.warp(photo)),
        "landmark stage: box → 68 points": times(lambda: aligner.align(photo, boxes=box)),
        "the same, 16 faces": times(lambda: aligner.align(photo, boxes=box.repeat(16, 0)), 20),
        "detect, 640 × 480": times(lambda: detector.detect(photo)),
        "whole photo, 640 × 480 pixels → points": times(lambda: aligner.align(photo)),
        "whole photo, 640 × 480 JPEG → points": times(lambda: aligner.align(encoded.getvalue())),
        "detect, 4000 × 3000, faces from 20 px": times(lambda: detector.detect(large), 5),
        "import facealign, beyond numpy": import_time(),
        "cold start to the first landmark": cold_start(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    table = Table(
        "step",
        "median ms",
        "95 % ms",
        title=f"{threads} thread(s), {platform.machine()}, ONNX Runtime {onnxruntime.__version__}",
    )
    for name, taken in measure(threads).items():
        table.add_row(name, f"{np.median(taken):.1f}", f"{np.percentile(taken, 95):.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
