"""This machine, and the memory and time that a program takes; MB are 10⁶ bytes."""

from __future__ import annotations

import inspect
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facealign.evaluation.timing import HEIGHT, WIDTH

READ = f"""
import sys, numpy
from PIL import Image
photo = numpy.asarray(Image.open(sys.argv[1]).convert("RGB").resize(({WIDTH}, {HEIGHT})))
"""


def describe_machine() -> dict[str, str | int | None]:
    """The processor, its cores and the system."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.is_file() else []
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    processor = next(found, platform.processor() or platform.machine())
    return {"processor": processor, "cores": os.cpu_count(), "system": platform.platform()}


def one_line(machine: dict[str, Any]) -> str:
    """As `describe_machine` returns it."""
    return f"{machine['processor']}, {machine['cores']} cores"


def summarise(taken: NDArray[np.float64]) -> dict[str, float]:
    """Median and 95th percentile of several times."""
    return {"median": float(np.median(taken)), "p95": float(np.percentile(taken, 95))}


def held_megabytes(at_most: bool = False) -> float:
    """The memory of this process now, or its peak (only the peak where the system is not Linux)."""
    import resource
    import sys
    from pathlib import Path

    if sys.platform == "linux":  # whose getrusage includes what the parent held at the fork
        name = "VmHWM" if at_most else "VmRSS"
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(name))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


TELL = f"\n{inspect.getsource(held_megabytes)}\nprint(held_megabytes(at_most=True))\n"
"""The function's source: importing it from here would count too."""


def measure_alone(code: str, photo: Path, repeats: int) -> dict[str, float]:
    """Memory and time of a new Python in which `code` goes from `photo`, an array, to landmarks.

    Returns:
        The largest peak of its memory, and the median time from its start to its end.

    """
    words = [sys.executable, "-c", READ + code + TELL, str(photo)]
    runs, taken = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        runs.append(subprocess.run(words, capture_output=True, check=True))
        taken.append(1000 * (time.perf_counter() - start))
    peak = max(float(run.stdout.splitlines()[-1]) for run in runs)
    return {"memory_mb": round(peak), "cold_start_ms": float(np.median(taken))}


def run_apart(script: str, words: Sequence[str], **surroundings: str) -> dict[str, Any]:
    """The JSON in the last line that a script prints, run in its own process.

    Raises:
        SystemExit: it fails; with its output.

    """
    ended = subprocess.run(
        [sys.executable, script, *words],
        env=os.environ | surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"{ended.stderr}\nfailed: {Path(script).name} {' '.join(words)}")
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found
