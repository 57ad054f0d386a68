"""Results as JSON: one document (`.json`), or one image a line (`.jsonl`). Schema `facealign/1`."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from facealign.errors import DataError, OutputError
from facealign.face import ImageResult
from facealign.image import is_folder

SCHEMA = "facealign/1"
SUFFIXES = (".json", ".jsonl")


class ResultWriter:
    """Writes results as they come; the file appears under its name when the writer closes.

    It closes also when the work was interrupted, with what was done by then.

        with ResultWriter(Path("out.json")) as writer:
            writer.add(result)

    Raises:
        OutputError: the suffix is neither `.json` nor `.jsonl`, or the file cannot be written.

    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise OutputError(
                f'cannot write {path}: the suffix "{path.suffix}" is unknown; use .json or .jsonl'
            )
        if is_folder(path):
            raise OutputError(f"cannot write {path}: it is a folder; give a file name")
        self.path = path
        self._lines = path.suffix.lower() == ".jsonl"
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._count = 0
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # A name that is no UTF-8 holds lone surrogates: written as JSON escapes.
            self._file = self._part.open("w", encoding="utf-8", errors="backslashreplace")
        self._write("" if self._lines else f'{{"schema": "{SCHEMA}", "images": [\n')

    def add(self, result: ImageResult) -> None:
        """Add one image's result."""
        text = json.dumps(to_dict(result), ensure_ascii=False, allow_nan=False)
        separator = "" if self._lines or not self._count else ",\n"
        self._write(separator + text + ("\n" if self._lines else ""))
        self._count += 1

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._write("" if self._lines else "\n]}\n")
        with _explained(self.path):
            self._file.close()
            self._part.replace(self.path)

    def _write(self, text: str) -> None:
        with _explained(self.path):
            self._file.write(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except OutputError:
            self._discard()
            if error is None:
                raise

    def _discard(self) -> None:
        with contextlib.suppress(OSError):  # such as the full disk that brought us here
            self._file.close()
        self._part.unlink(missing_ok=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the system's errors into one that names the output."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write {path}: {reason}; choose another place") from error


def to_dict(result: ImageResult) -> dict[str, Any]:
    """One image's entry of the schema."""
    return {
        "source": result.source,
        "width": result.width,
        "height": result.height,
        "faces": [face.to_dict() for face in result.faces],
        "error": result.error,
    }


def read_boxes(path: Path) -> dict[str, list[list[float]]]:
    """The boxes of a results file, `.json` or `.jsonl`: source → boxes x0 y0 x1 y1.

    Raises:
        DataError: the file cannot be read or is not of this schema.

    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".jsonl":
            images = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            images = json.loads(text)["images"]
        return {i["source"]: [face["box"] for face in i["faces"]] for i in images}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f'{path}: not a result file of schema "{SCHEMA}" ({error})') from None
