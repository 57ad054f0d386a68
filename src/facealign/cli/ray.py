"""`facealign align --engine ray`: the same work on a cluster, into a folder of Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from facealign.aligner.ordered import core_count
from facealign.cli.console import fail, progress
from facealign.cli.photos import find_photos
from facealign.cli.tally import Tally
from facealign.cluster import align_on_ray, find_remote_photos
from facealign.formats.results import read_results
from facealign.image import is_file
from facealign.models import model_path


def check_ray_usage(output: Path | None, options: dict[str, Any]) -> None:
    """Refuse what a cluster does not do.

    Raises:
        click.UsageError: no folder for the output, or an option that works on one machine only.

    """
    if output is None or output.suffix or str(output) == "-":
        raise click.UsageError("--engine ray writes Parquet files: name a folder with -o DIR")
    for name in ("draw", "boxes", "form", "threads"):
        if options.get(name):
            option = "format" if name == "form" else name
            raise click.UsageError(f"--engine ray does not take --{option}")


def run_on_ray(
    names: list[str],
    folder: Path,
    model: str,
    whole_image: bool,
    min_face: float,
    workers: int | None,
    resume: bool,
    tally: Tally,
) -> int:
    """Align photos on Ray; how many names stood for no photo."""
    remote = [name for name in names if "://" in name]
    files, problems = find_photos(name for name in names if name not in remote)
    photos = [str(file.absolute()) for file in files]
    for name in remote:
        found = find_remote_photos(name)
        photos += found
        problems += [] if found else [f"{name}: matches no file"]
    for problem in problems:
        fail(problem, 3)
    model_path(model)  # a wrong one is refused before a cluster starts
    settings: dict[str, Any] = {"whole_image": whole_image, "min_face": min_face}
    settings["model"] = str(Path(model).absolute()) if is_file(model) else model
    bar = progress("photos")
    with bar:
        task = bar.add_task("aligning", total=len(photos), note="")
        place = str(folder)
        workers = workers or core_count()
        align_on_ray(photos, place, settings, workers, resume, lambda n: bar.advance(task, n))
    for result in read_results(folder, "parquet"):
        tally.add(result)
    return len(problems)
