"""The folder of a run: its settings, log and checkpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facealign.errors import DataError, OutputError, SettingsError
from facealign.files import PART, reason, write_file
from facealign.training.rundir.fingerprint import difference
from facealign.training.settings import Settings
from facealign.training.settings_file import to_settings, to_toml


class RunFolder:
    """All that is kept of a run.

    | file                               | holds                                                 |
    |------------------------------------|-------------------------------------------------------|
    | `settings.toml`                    | every setting, resolved                               |
    | `environment.json`                 | code, libraries, machine, each time the run went on   |
    | `data.json`                        | fingerprint of the data, ids that were held out       |
    | `log.jsonl`, `tensorboard/`        | loss, learning rate, speed, validations               |
    | `last.pt`, `previous.pt`           | the checkpoints to go on from                         |
    | `best.pt`, `predictions.npz`       | best weights, and what they say of the held-out faces |
    | `report.json`, `report.md`         | the outcome                                           |
    | `divergence-STEP.json`, `.png`      | a step that was not taken                             |

    Raises:
        OutputError: the folder cannot be made.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the run folder {path}: {reason(error)}; choose another with --run"
            ) from error

    @property
    def last(self) -> Path:
        """The checkpoint to go on from."""
        return self.path / "last.pt"

    @property
    def previous(self) -> Path:
        """The checkpoint before the last, should that be damaged."""
        return self.path / "previous.pt"

    @property
    def best(self) -> Path:
        """The weights with the lowest validation error so far."""
        return self.path / "best.pt"

    @property
    def predictions(self) -> Path:
        """Those of the best weights for the validation faces."""
        return self.path / "predictions.npz"

    def remove_parts(self) -> None:
        """Remove what a killed process left half-written."""
        for part in self.path.glob(f".*{PART}"):
            part.unlink(missing_ok=True)

    def write_settings(self, settings: Settings) -> None:
        """Keep the resolved settings beside the run."""
        write_file(self.path / "settings.toml", to_toml(settings))

    def log(self, entry: dict[str, Any]) -> None:
        """Add one line to the log."""
        try:
            with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, allow_nan=False) + "\n")
        except OSError as error:
            raise OutputError(f"cannot write {self.path / 'log.jsonl'}: {reason(error)}") from error

    def cut_log(self, step: int) -> None:
        """Drop what the log says of later steps, which come again, and a line cut short."""
        path = self.path / "log.jsonl"
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _is_of(line, step)]
            if kept != lines:
                write_file(path, "".join(kept))

    def write_data(self, fingerprint: dict[str, Any]) -> None:
        """Keep the fingerprint of the data beside the run."""
        write_file(self.path / "data.json", json.dumps(fingerprint, indent=2) + "\n")

    def check_data(self, fingerprint: dict[str, Any]) -> None:
        """See that a run goes on with the data it began with: else no step means what it meant.

        Raises:
            DataError: the data differs; it says how.

        """
        path = self.path / "data.json"
        if not path.exists():
            return
        changed = difference(json.loads(path.read_text(encoding="utf-8")), fingerprint)
        if changed:
            raise DataError(
                f"{self.path} was begun with other data: {changed}; choose another folder with "
                "--run, or bring the old data back"
            )

    def check_resumable(self, settings: Settings, before: dict[str, Any]) -> None:
        """See that a run goes on with the settings it began with, but for where the data lies.

        Raises:
            SettingsError: a setting differs; it names the first.

        """
        then = dict(deciding(asdict(to_settings(before, str(self.last)))))  # what is new is off
        for name, value in deciding(asdict(settings)):
            if then.get(name) != value:
                raise SettingsError(
                    f"{self.path} was begun with {name} = {then.get(name)}, not {value}: "
                    "choose another folder with --run, or the old value"
                )


def _is_of(line: str, step: int) -> bool:
    """Whether a line of the log is whole and of one of the steps up to this."""
    try:
        return line.endswith("\n") and json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False


def deciding(tree: Any, place: str = "") -> Iterator[tuple[str, object]]:
    """The settings that decide the outcome of a run, by dotted name."""
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
    r"name|licence|data\.(root|readers|title)|further\.\d+\.(root|title)|"
    r"train\.(threads|timeout|validate_every|log_every|tensorboard|divergence|on_divergence|device)"
)
"""Settings that may change when a run goes on: the last step arrives at the same weights."""


def best_checkpoint(run: Path) -> Path:
    """The best weights of a run's folder, the last where nothing was held out; or the file given.

    Raises:
        DataError: there is none.

    """
    if run.is_file():
        return run
    found = next((run / name for name in ("best.pt", "last.pt") if (run / name).is_file()), None)
    if found is None:
        raise DataError(f"{run}: holds no best.pt or last.pt; give the folder of a run")
    return found
