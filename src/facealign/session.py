"""ONNX Runtime sessions: the only place that makes them."""

from __future__ import annotations

import os
from pathlib import Path

from facealign.errors import ModelError, SettingsError

# ONNX Runtime's Linux wheel would write to the home folder and look up a host of its maker. It
# reads this when it is imported: who imports onnxruntime before facealign must set it themselves.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime


def open_session(path: Path, threads: int | None) -> onnxruntime.InferenceSession:
    """A quiet ONNX Runtime session on the CPU.

    Raises:
        ModelError: the file is missing or no ONNX model.
        SettingsError: `threads` is neither 1 or more nor None.

    """
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise SettingsError(f"threads is 1 or more, or None to let it choose; not {threads}")
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # inputs change their size from call to call
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no public base
        reason = str(error).splitlines()[0][:200]
        raise ModelError(f"{path}: not a usable ONNX model ({reason})") from None
