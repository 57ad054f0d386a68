"""The folder of a run: its settings, log and checkpoints."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facealign.errors import DataError, SettingsError
from facealign.files import (
    BAD_CONTENT,
    parsing,
    read_json_file,
    reading,
    write_file,
    write_json,
    writing,
)
from facealign.training.rundir.fingerprint import difference
from facealign.training.settings import Settings
from facealign.training.settings_file import to_settings


class RunFolder:
    """The folder of a run.

    | file                           | content                                                  |
    |--------------------------------|----------------------------------------------------------|
    | `settings.toml`                | all settings                                             |
    | `environment.json`             | code, libraries and machine, at the start and on resume  |
    | `data.json`                    | fingerprint of the data, ids of held-out faces           |
    | `log.jsonl`, `tensorboard/`    | loss, learning rate, speed, validations                  |
    | `last.pt`, `previous.pt`       | the checkpoints to resume from                           |
    | `best.pt`, `predictions.npz`   | best weights, their predictions for the held-out faces   |
    | `report.json`, `report.md`     | the results                                              |
    | `divergence-STEP.json`, `.png` | the details of a diverging step                          |

    Raises:
        OutputError: the folder cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last, self.previous = path / "last.pt", path / "previous.pt"
        self.best, self.predictions = path / "best.pt", path / "predictions.npz"
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)

    def log(self, entry: dict[str, Any]) -> None:
        """Append one line to the log."""
        path = self.path / "log.jsonl"
        with writing(path), path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, allow_nan=False) + "\n")

    def cut_log(self, step: int) -> None:
        """Remove incomplete lines, and those of later steps, which will run again."""
        path = self.path / "log.jsonl"
        if path.exists():
            with reading(path):
                lines = path.read_bytes().splitlines(keepends=True)
            kept = [line for line in lines if _is_of(line, step)]
            if kept != lines:
                write_file(path, b"".join(kept))

    def write_data(self, fingerprint: dict[str, Any]) -> None:
        """Write the fingerprint of the data to `data.json`."""
        write_json(self.path / "data.json", fingerprint)

    def check_data(self, fingerprint: dict[str, Any]) -> None:
        """Check that a run resumes with the data it started with.

        Raises:
            DataError: the data differs; the message names the first difference.
        """
        path = self.path / "data.json"
        if not path.exists():
            return
        cure = "remove it, and the data is not compared"
        with parsing(path, "damaged", cure=cure):
            changed = difference(read_json_file(path, cure), fingerprint)
        if changed:
            raise DataError(
                f"{self.path} was started with other data: {changed}; choose another folder with "
                "--run, or restore the old data"
            )

    def check_resumable(self, settings: Settings, before: dict[str, Any]) -> None:
        """Check that a run resumes with the settings that affect its outcome unchanged.

        Raises:
            SettingsError: a setting differs; the message names the first.
        """
        # A setting that an older version did not have gets its default, which is off.
        then = dict(deciding(asdict(to_settings(before, str(self.last)))))
        for name, value in deciding(asdict(settings)):
            if then.get(name) != value:
                raise SettingsError(
                    f"{self.path} was started with {name} = {then.get(name)}, not {value}: "
                    "choose another folder with --run, or the old value"
                )


def _is_of(line: bytes, step: int) -> bool:
    """Whether a line of the log is complete and not of a later step."""
    try:
        return line.endswith(b"\n") and bool(json.loads(line)["step"] <= step)
    except BAD_CONTENT:
        return False


def deciding(tree: Any, place: str = "") -> Iterator[tuple[str, object]]:
    """The settings that affect the weights of a run, by dotted name."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from deciding(value, f"{place}.{key}" if place else key)
    elif place.startswith("further") and isinstance(tree, list | tuple):
        yield f"the number of {place}", len(tree)
        for number, value in enumerate(tree):
            yield from deciding(value, f"{place}.{number}")
    elif not _FREE.fullmatch(place):
        yield place, tree


_FREE = re.compile(
    r"name|licence|data\.(root|markup|readers|title)|further\.\d+\.(root|markup|title)|"
    r"train\.(threads|timeout|validate_every|log_every|tensorboard|divergence|on_divergence|device)"
)
"""Settings that may change on resume: the last step has the same weights."""


def best_checkpoint(run: Path) -> Path:
    """The best checkpoint of a run's folder, or the last if nothing was held out; or a given file.

    Raises:
        DataError: there is none.
    """
    if run.is_file():
        return run
    found = next((run / name for name in ("best.pt", "last.pt") if (run / name).is_file()), None)
    if found is None:
        raise DataError(f"{run}: holds no best.pt or last.pt; give the folder of a run")
    return found
