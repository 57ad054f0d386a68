"""The environment of a run: versions, commit, processor and precision."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

import facealign
from facealign.files import parsing, read_json_file, write_json
from facealign.training.rundir.folder import RunFolder


def add_environment(folder: RunFolder, step: int, facts: dict[str, Any]) -> None:
    """Append the environment in which a run continues, if it differs from the one before."""
    path = folder.path / "environment.json"
    cure = "remove it: it only says where the run began"
    before: list[dict[str, Any]] = read_json_file(path, cure) if path.exists() else []
    with parsing(path, "damaged", cure=cure):
        changed = not before or {**before[-1], "from_step": 0} != {**facts, "from_step": 0}
    if changed:
        write_json(path, [*before, {"from_step": step, **facts}])


def environment(device: torch.device, precision: torch.autocast) -> dict[str, Any]:
    """The facts of a run on a device, ready for JSON; None if unknown."""
    return {
        "facealign": facealign.__version__,
        "commit": commit(Path(facealign.__file__).parent),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "system": platform.platform(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "precision": precision_used(device, precision),
    }


def precision_used(device: torch.device, precision: torch.autocast) -> str:
    """The precision that the convolutions really have: "float32" or "bfloat16"."""
    with precision:
        enabled = torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if enabled else torch.float32
    return str(dtype).removeprefix("torch.")


def commit(package: Path) -> str | None:
    """The git commit of the code, with "+changes" if files differ from it.

    None if the code is not in a checkout. An installed package may be inside the checkout of
    another project, which does not track it.
    """
    tracked = _git(package, "ls-files", "--error-unmatch", "__init__.py")
    head = _git(package, "rev-parse", "HEAD") if tracked is not None else None
    if head is None:
        return None
    changed = _git(package, "status", "--porcelain", "--untracked-files=no", ".")
    return f"{head}+changes" if changed else head


def _git(folder: Path, *words: str) -> str | None:
    """The output of git; None if it fails or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _processor() -> str:
    """The processor's name, on Linux from a file, elsewhere from `platform`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
