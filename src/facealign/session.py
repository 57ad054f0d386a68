"""ONNX Runtime sessions: the only place that makes and runs them."""

import ctypes
import os
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from facealign.errors import ModelError, SettingsError

# The Linux wheel of ONNX Runtime would write to the home folder and look up a host of its maker. It
# reads this when imported: whoever imports onnxruntime before facealign must set it themselves.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime
from numpy.typing import NDArray

from facealign.files import brief
from facealign.types import MOST_THREADS

CPU = "CPUExecutionProvider"


class Session:
    """A network on ONNX Runtime, which logs errors only.

    It may be pickled, and used after a fork: the other process opens the file itself.

    Args:
        model: an ONNX file or its content.
        threads: of ONNX Runtime; None leaves the choice to it.
        providers: execution providers of ONNX Runtime by name, the first that can is used; None is
            the CPU.

    Attributes:
        outputs: names of the outputs.
        metadata: of the file.
        provider: the execution provider that is used.

    Raises:
        ModelError: the file is missing or is not an ONNX model.
        SettingsError: `threads` is below 1 or above `MOST_THREADS`, or the first of `providers`
            cannot be used.
    """

    def __init__(
        self,
        model: Path | bytes,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
    ) -> None:
        if threads is not None and not (isinstance(threads, int) and 1 <= threads <= MOST_THREADS):
            raise SettingsError(
                f"threads must be 1 to {MOST_THREADS}, or None to let ONNX Runtime choose, not "
                f"{threads}"
            )
        place = model if isinstance(model, bytes) else model.resolve()
        self._how = (place, threads, tuple(providers or (CPU,)))
        self._open()

    def _open(self) -> None:
        self._process, self._session = os.getpid(), _open(*self._how)
        self.outputs = [output.name for output in self._session.get_outputs()]
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.provider: str = self._session.get_providers()[0]

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The named outputs, in their order.

        Raises:
            ModelError: ONNX Runtime fails, for example because an input has another shape.
        """
        if self._process != os.getpid():  # a fork has none of the threads that would do the work
            self._open()
        try:
            return list(self._session.run(list(outputs), dict(inputs)))
        except Exception as error:
            raise ModelError(f"the model failed: {brief(error)}") from None

    def __getstate__(self) -> tuple[Any, ...]:
        return self._how

    def __setstate__(self, how: tuple[Any, ...]) -> None:
        self._how = how
        self._open()


def simplify(model: Path, target: Path) -> None:
    """Write a model as it is after ONNX Runtime's basic simplifications.

    Raises:
        ModelError: it is not an ONNX model.
    """
    options = _options(threads=None)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    _make(model, options, [CPU])


def _open(
    model: Path | bytes, threads: int | None, providers: tuple[str, ...]
) -> onnxruntime.InferenceSession:
    if isinstance(model, Path) and not model.is_file():
        raise ModelError(f"{model}: no such model file")
    wanted, known = providers[0], onnxruntime.get_available_providers()
    if wanted not in known:
        raise SettingsError(
            f"this ONNX Runtime has no {wanted}, only {', '.join(known)}: install the one for your "
            "device (facealign doctor tells which is here)"
        )
    options = _options(threads)
    if wanted == "DmlExecutionProvider":
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL  # it has no other
    session = _make(model, options, [name for name in providers if name in known])
    used = session.get_providers()[0]
    if used != wanted:
        raise SettingsError(
            f"{wanted} cannot be used here, ONNX Runtime fell back to {used}: "
            "its libraries are missing or do not fit; its own log says which"
        )
    _leave_alone_after_fork().add(session)
    return session


def _options(threads: int | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # the size of the input changes from call to call
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    return options


def _make(
    model: Path | bytes, options: onnxruntime.SessionOptions, providers: list[str]
) -> onnxruntime.InferenceSession:
    content = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # ONNX Runtime's own exceptions share no public base
        name = "the exported network" if isinstance(model, bytes) else str(model)
        raise ModelError(
            f"{name}: not a usable ONNX model ({brief(error)}); copy it again, or make one "
            "with: facealign export"
        ) from None


@cache
def _leave_alone_after_fork() -> weakref.WeakSet[Any]:
    """The sessions that a forked process must never release: their threads did not come along.

    Released, they would wait for those threads for ever; so the process keeps them to its end.
    """
    opened: weakref.WeakSet[Any] = weakref.WeakSet()

    def keep() -> None:
        for session in opened:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=keep)
    return opened
