"""The folder of a run: its settings, log and checkpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facealign.errors import OutputError, SettingsError
from facealign.image import write_file
from facealign.training.settings import Settings
from facealign.training.settingsfile import to_toml


class RunFolder:
    """`settings.toml`, `log.jsonl`, `last.pt`, `previous.pt`, `best.pt`.

    Raises:
        OutputError: the folder cannot be made.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot make the run folder {path}: {error.strerror or error}; choose another "
                "with --run"
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

    def write_settings(self, settings: Settings) -> None:
        """Keep the resolved settings beside the run."""
        write_file(self.path / "settings.toml", to_toml(settings))

    def log(self, entry: dict[str, Any]) -> None:
        """Add one line to the log."""
        try:
            with (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise OutputError(
                f"cannot write {self.path / 'log.jsonl'}: {error.strerror or error}"
            ) from error

    def check_resumable(self, settings: Settings, before: dict[str, Any]) -> None:
        """See that a run goes on with the settings it began with, but for where the data lies.

        Raises:
            SettingsError: a setting differs; it names the first.

        """
        then = dict(_deciding(before))
        for name, value in _deciding(asdict(settings)):
            if then.get(name) != value:
                raise SettingsError(
                    f"{self.path} was begun with {name} = {then.get(name)}, not {value}: "
                    "choose another folder with --run, or the old value"
                )


def _deciding(tree: Any, place: str = "") -> Iterator[tuple[str, object]]:
    """The settings that decide the outcome of a run, by dotted name."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _deciding(value, f"{place}.{key}" if place else key)
    elif place.startswith("further") and isinstance(tree, list | tuple):
        yield f"the number of {place}", len(tree)
        for number, value in enumerate(tree):
            yield from _deciding(value, f"{place}.{number}")
    elif not _FREE.fullmatch(place):
        yield place, tree


_FREE = re.compile(
    r"name|licence|data\.root|further\.\d+\.root|train\.(threads|timeout|validate_every|device)"
)
"""Settings that may change when a run goes on: the last step arrives at the same weights."""
