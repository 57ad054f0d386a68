"""What `facealign align` is asked to do, checked before any of it begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from facealign.aligner.settings import AlignSettings
from facealign.files import sha256
from facealign.formats.results import output_format

STDOUT = Path("-")
"""Results as JSON Lines on standard output."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The options of one run.

    Attributes:
        settings: how photos are aligned.
        output: the file of results, `STDOUT`, or on Ray a folder; None for a table alone.
        form: name of its format; None goes by the suffix.
        resume: go on where an earlier run stopped.
        draw: where drawn pictures go, else None.
        boxes: the file of boxes, else None.
        workers: photos at a time; None for a core each.
        threads: within a photo; None chooses by the number of photos.
        engine: "local" or "ray".
        require_face: a photo without a face counts as a problem.
        at_once: name each problem as it comes.

    """

    settings: AlignSettings
    output: Path | None
    form: str | None
    resume: bool
    draw: Path | None
    boxes: Path | None
    workers: int | None
    threads: int | None
    engine: str
    require_face: bool
    at_once: bool

    def check(self) -> None:
        """Refuse options that do not fit together.

        Raises:
            click.UsageError: some exclude each other, or one lacks another.
            OutputError: no format has the suffix of the output.

        """
        if self.boxes and self.settings.whole_image:
            raise click.UsageError("--boxes and --whole-image exclude each other")
        if self.resume and (self.output is None or self.output == STDOUT):
            raise click.UsageError("--resume needs -o FILE: what was done before stands there")
        if self.form and self.output is None:
            raise click.UsageError("--format needs -o FILE")
        if self.form not in (None, "jsonl") and self.output == STDOUT:
            raise click.UsageError("standard output takes --format jsonl only")
        if self.engine == "ray":
            self._check_ray()
        elif self.output and self.output != STDOUT:
            output_format(self.output, self.form)

    def _check_ray(self) -> None:
        if self.output is None or self.output.suffix or self.output == STDOUT:
            raise click.UsageError("--engine ray writes Parquet files: name a folder with -o DIR")
        if self.output.parts and self.output.parts[0].endswith(":"):  # a Path keeps one / of s3://
            raise click.UsageError("--engine ray writes to a folder that every machine shares")
        here_only = {"draw": self.draw, "boxes": self.boxes, "format": self.form}
        source = click.get_current_context().get_parameter_source("max_megapixels")
        limited = source is click.core.ParameterSource.COMMANDLINE  # of this process alone
        for name, value in {
            **here_only,
            "threads": self.threads,
            "max-megapixels": limited,
        }.items():
            if value:
                raise click.UsageError(f"--engine ray does not take --{name}")

    def record(self) -> dict[str, Any]:
        """Plain values by name: a run goes on only where all are equal.

        Raises:
            ModelError: the model is missing or damaged.

        """
        return self.settings.record() | {"boxes": self.boxes and sha256(self.boxes)}
