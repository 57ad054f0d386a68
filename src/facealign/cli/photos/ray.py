"""`facealign align --engine ray`: the same work on a cluster, into a folder of Parquet files."""

from dataclasses import replace
from pathlib import Path

import click

from facealign.aligner.many import core_count
from facealign.aligner.settings import AlignSettings
from facealign.cli.console import bar, fail
from facealign.cli.photos.inputs import find_photos
from facealign.cli.tally import Tally
from facealign.files import is_file
from facealign.formats.registry import read_results
from facealign.ray_data import align_on_ray, find_remote_photos


def run_on_ray(
    names: list[str],
    output: Path | None,
    settings: AlignSettings,
    workers: int | None,
    resume: bool,
    tally: Tally,
) -> int:
    """Align photos on Ray; how many names matched no photo.

    Raises:
        click.UsageError: the output is not a local folder.
    """
    folder = _folder(output)
    remote = [name for name in names if "://" in name]
    files, problems = find_photos(name for name in names if name not in remote)
    photos = [str(file.absolute()) for file in files]
    for name in remote:
        found = find_remote_photos(name)
        photos += found
        problems += [] if found else [f"{name}: matches no file"]
    for problem in problems:
        fail(problem, 3)
    settings.aligner(threads=1).close()  # refuses bad settings before a cluster starts
    if is_file(settings.model):
        settings = replace(settings, model=str(Path(settings.model).absolute()))
    workers = workers or core_count()
    align_on_ray(photos, folder, settings, workers, resume, bar("aligning", "photos"))
    for result in read_results(Path(folder), "parquet"):
        tally.add(result)
    return len(problems)


def _folder(output: Path | None) -> str:
    if output is None or output.suffix or str(output) == "-":
        raise click.UsageError("--engine ray writes Parquet files: name a folder with -o DIR")
    if output.parts and output.parts[0].endswith(":"):  # a Path keeps one / of s3://
        raise click.UsageError("--engine ray writes to a folder that every machine shares")
    return str(output)
