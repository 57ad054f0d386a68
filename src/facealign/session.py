"""ONNX Runtime sessions: the only place that makes and runs them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facealign.errors import ModelError, SettingsError

# The Linux wheel of ONNX Runtime would write to the home folder and look up a host of its maker. It
# reads this when imported: whoever imports onnxruntime before facealign must set it themselves.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime
from numpy.typing import NDArray

from facealign.types import MOST_THREADS


def open_session(
    model: Path | bytes, threads: int | None = None, simplified: Path | None = None
) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU that logs errors only.

    Args:
        model: an ONNX file or its content.
        threads: of the session; None leaves the choice to ONNX Runtime.
        simplified: a file to write the model to after ONNX Runtime's basic simplifications.

    Raises:
        ModelError: the file is missing or is not an ONNX model.
        SettingsError: `threads` is below 1 or above `MOST_THREADS`.

    """
    if threads is not None and not (isinstance(threads, int) and 1 <= threads <= MOST_THREADS):
        raise SettingsError(
            f"threads must be 1 to {MOST_THREADS}, or None to let ONNX Runtime choose, not "
            f"{threads}"
        )
    name = "the exported network" if isinstance(model, bytes) else str(model)
    if isinstance(model, Path) and not model.is_file():
        raise ModelError(f"{name}: no such model file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # the size of the input changes from call to call
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    if simplified is not None:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(simplified)
    content = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions share no public base
        raise ModelError(f"{name}: not a usable ONNX model ({_first_line(error)})") from None


def run_session(
    session: onnxruntime.InferenceSession,
    outputs: Sequence[str],
    inputs: Mapping[str, NDArray[Any]],
) -> list[NDArray[Any]]:
    """The named outputs of a model, in their order.

    Raises:
        ModelError: ONNX Runtime fails, for example because an input has another shape.

    """
    try:
        return list(session.run(list(outputs), dict(inputs)))
    except Exception as error:
        raise ModelError(f"the model failed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
