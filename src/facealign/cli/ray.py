"""`facealign align --engine ray`: the same work on a cluster, into a folder of Parquet files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from facealign.aligner.ordered import core_count
from facealign.aligner.settings import AlignSettings
from facealign.cli.console import fail, progress
from facealign.cli.photos import find_photos
from facealign.cli.tally import Tally
from facealign.cluster import align_on_ray, find_remote_photos
from facealign.files import is_file
from facealign.formats.results import read_results


def run_on_ray(
    names: list[str],
    folder: Path,
    settings: AlignSettings,
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
    settings.aligner(threads=1).close()  # what is wrong is refused before a cluster starts
    if is_file(settings.model):
        settings = replace(settings, model=str(Path(settings.model).absolute()))
    bar = progress("photos")
    with bar:
        task = bar.add_task("aligning", total=len(photos))
        place = str(folder)
        workers = workers or core_count()
        align_on_ray(photos, place, settings, workers, resume, lambda n: bar.advance(task, n))
    for result in read_results(folder, "parquet"):
        tally.add(result)
    return len(problems)
