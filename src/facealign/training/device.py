"""The device of a run, its precision, and its memory."""

import contextlib
import ctypes
import sys

import torch

from facealign.errors import SettingsError
from facealign.training.settings import TrainSettings

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Of glibc's mallopt."""


def choose_device(train: TrainSettings) -> torch.device:
    """The device of the settings.

    Raises:
        SettingsError: `train.device` is "cuda" and this PyTorch has no GPU.
    """
    if train.device == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "train.device = cuda, but this PyTorch sees no GPU: set train.device=cpu, or install "
            "a CUDA build of torch"
        )
    chosen = train.device
    if chosen == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(chosen)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The precision of the convolutions; "auto" is bfloat16 if the device computes it fast."""
    if device.type == "cpu":
        # Instructions for bfloat16; older versions of PyTorch cannot tell.
        known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        fast = bool(known.get("avx512_bf16") or known.get("amx_tile"))
    else:
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    enabled = precision == "bfloat16" or (precision == "auto" and fast)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def keep_freed_memory() -> None:
    """Make glibc keep freed memory instead of returning it to the system.

    Every step allocates the same large buffers, and the kernel clears each page that it hands out
    again. Measured on 2 cores: batches are made three times as fast, and a step of a small network
    takes a quarter less time (benchmarks/training.py). Without effect on other systems.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):  # such as musl, which has no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)  # never
