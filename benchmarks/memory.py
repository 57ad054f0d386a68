"""What a process holds of memory, in megabytes of 10⁶ bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_megabytes() -> float:
    """The most this process ever held.

    Linux's `getrusage` would count what the process that started this one held then.
    """
    if STATUS.is_file():
        return _entry("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def held_megabytes() -> float:
    """What this process holds now; its peak where the system does not say."""
    return _entry("VmRSS") if STATUS.is_file() else peak_megabytes()


def _entry(name: str) -> float:
    """An entry of Linux's file on this process, which has a line such as "VmRSS:  1234 kB"."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(name))
