"""Verbs that need an optional dependency say so with its install line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from facealign.errors import MissingExtraError

TRAIN_PACKAGES = frozenset({"torch", "msgspec", "tomli_w", "onnx", "onnxscript"})


SWEEP_PACKAGES = frozenset({"optuna", "sqlalchemy"})


@contextmanager
def sweep_extra(what: str) -> Iterator[None]:
    """Answer a missing package of the "sweep" extra, or of "train" under it, likewise.

    Raises:
        MissingExtraError: one of its packages is not installed.

    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").split(".")[0] in TRAIN_PACKAGES | SWEEP_PACKAGES:
            raise MissingExtraError(what, "sweep") from None
        raise


@contextmanager
def train_extra(what: str) -> Iterator[None]:
    """Answer a missing package of the "train" extra with its install line.

    Raises:
        MissingExtraError: one of its packages is not installed.

    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").split(".")[0] in TRAIN_PACKAGES:
            raise MissingExtraError(what, "train") from None
        raise
