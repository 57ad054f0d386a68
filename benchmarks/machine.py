"""This machine, and what a program takes of its memory and time; MB are 10⁶ bytes."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from facealign.timing import HEIGHT, WIDTH

STATUS = Path("/proc/self/status")
READ = f"""
import sys, numpy
from PIL import Image
photo = numpy.asarray(Image.open(sys.argv[1]).convert("RGB").resize(({WIDTH}, {HEIGHT})))
"""
TELL = """
import resource
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
if sys.platform == "linux":  # whose getrusage counts what the parent held when it started us
    lines = open("/proc/self/status").readlines()
    peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
print(peak / 1e6)
"""


def describe_machine() -> dict[str, str | int | None]:
    """The processor, its cores and the system."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.is_file() else []
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    processor = next(found, platform.processor() or platform.machine())
    return {"processor": processor, "cores": os.cpu_count(), "system": platform.platform()}


def measure_alone(code: str, photo: Path, repeats: int) -> dict[str, float]:
    """What a new Python takes in which `code` goes from `photo`, an array, to landmarks.

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


def held_megabytes() -> float:
    """What this process holds now; the most it ever held where the system does not say."""
    if not STATUS.is_file():
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS"))
