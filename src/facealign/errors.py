"""Every error to expect. Each message says what was given, why it fails, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class FaceAlignError(Exception):
    """Base of all errors that facealign raises on purpose."""


class ImageError(FaceAlignError):
    """An image cannot be read, or an array is not an image."""


class ModelError(FaceAlignError):
    """A model file is missing, damaged, or not a facealign model."""


class DataError(FaceAlignError):
    """A label file or data set is not in its documented layout."""


class SettingsError(FaceAlignError):
    """A setting is unknown, of the wrong type, or out of range."""


class OutputError(FaceAlignError):
    """A result cannot be written."""


class ProcessError(FaceAlignError):
    """Another process of a run on several has ended or does not answer."""


class DivergenceError(FaceAlignError):
    """Training diverges: a loss or gradient is not finite, or far larger than usual."""


class MissingExtraError(FaceAlignError):
    """An optional dependency is not installed; the message has the command to install it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs the "{extra}" extra: pip install "facealign[{extra}]"')


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Turn the failed import of an optional package into a `MissingExtraError`; not of our own."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").split(".")[0] == "facealign":
            raise
        raise MissingExtraError(what, extra) from None
