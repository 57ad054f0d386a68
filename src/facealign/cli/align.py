"""`facealign align`: photos → a table, result files, drawn pictures."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from facealign.aligner import FaceAligner
from facealign.aligner.settings import AlignSettings
from facealign.cli.console import conclude, fail, out, set_up_log
from facealign.cli.job import STDOUT, Job
from facealign.cli.options import at_once, size_limit
from facealign.cli.photos import read_names
from facealign.cli.pictures import Pictures
from facealign.cli.ray import run_on_ray
from facealign.cli.saving import run_to_output
from facealign.cli.tally import Tally
from facealign.cli.work import Find, Photos, Work
from facealign.formats.by_photo import PhotoTable
from facealign.formats.given import read_boxes
from facealign.formats.results import FORMATS
from facealign.markup import MARKUPS
from facealign.types import Box


@click.command("align", short_help="Find faces and their landmarks in photos.")
@click.argument("photos", nargs=-1, metavar="PHOTO...")
@click.option(
    "-o",
    "--output",
    type=Path,
    metavar="FILE",
    help="Results: .json .jsonl .csv .parquet .coco.json .xml (CVAT) .pts; - is JSON Lines.",
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="Whatever the suffix.")
@click.option("--resume", is_flag=True, help="Go on where an earlier run stopped or was killed.")
@click.option(
    "--draw", type=Path, metavar="DIR", help="Write pictures here (a file name for one photo)."
)
@click.option(
    "--files-from", type=Path, metavar="FILE", help="A list of photos, one a line; - is stdin."
)
@click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME",
    help="A bundled one, or a file.",
)
@click.option("--markup", type=click.Choice(list(MARKUPS)), help="Points; default: the model's.")
@click.option("--boxes", type=Path, metavar="FILE", help="Boxes: .csv image,x0,y0,x1,y1 or .json.")
@click.option("--whole-image", is_flag=True, help="Every photo is one tight face crop.")
@click.option(
    "--min-face",
    type=click.FloatRange(16),
    default=20.0,
    show_default=True,
    metavar="PX",
    help="Smallest face to look for; a larger one is faster on large photos.",
)
@click.option("--upright", is_flag=True, help="No face is turned or leans: one plain pass.")
@at_once
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="ray: a cluster, photos also from s3://; -o is a folder of Parquet files.",
)
@click.option("--require-face", is_flag=True, help="Exit with 6 if a photo has no face.")
@click.option("-v", "--verbose", is_flag=True, help="A line on stderr for every photo.")
@click.option("--json-log", is_flag=True, help="Errors and totals on stderr as JSON Lines.")
@size_limit
def command(
    photos: tuple[str, ...],
    files_from: Path | None,
    verbose: bool,
    json_log: bool,
    **given: Any,
) -> int:
    """Find faces and their landmarks in photos.

    PHOTO is a file, a folder (searched through), a glob, or - for standard input.

    \b
    facealign photo.jpg
    facealign align holiday/ -o faces.json --draw drawn/
    facealign align archive/ -o faces.parquet --workers 8 --resume
    facealign align labelled/ -o points/ --format pts
    facealign align photos/ --markup celeba5 --upright
    find . -name '*.jpg' | facealign align --files-from - -o faces.csv
    facealign align - -o - < photo.jpg | jq .faces
    facealign align 's3://bucket/a/*.jpg' -o out/ --engine ray
    """  # noqa: D301
    set_up_log(verbose, json_log)
    if not photos and not files_from:
        raise click.UsageError("Missing argument 'PHOTO...'", click.get_current_context())
    settings = AlignSettings(**{f.name: given.pop(f.name) for f in fields(AlignSettings)})
    job = Job(settings=settings, at_once=verbose or json_log, **given)
    job.check()
    names = [*photos, *(read_names(files_from) if files_from else ())]
    tally = Tally(require_face=job.require_face, at_once=job.at_once)
    return (_align_on_ray if job.engine == "ray" else _align_here)(names, job, tally)


def _align_on_ray(names: list[str], job: Job, tally: Tally) -> int:
    started = time.perf_counter()
    assert job.output is not None  # as `check` saw
    bad = run_on_ray(names, job.output, job.settings, job.workers, job.resume, tally)
    return _end(tally, started, job, bad)


def _align_here(names: list[str], job: Job, tally: Tally) -> int:
    started = time.perf_counter()
    photos = Photos.named(names, job.draw, job.workers, job.threads)
    if not photos.files:
        return 4
    aligner = job.settings.aligner(photos.threads)
    work = Work(
        _finder(aligner, read_boxes(job.boxes) if job.boxes else None),
        Pictures(job.draw, photos.files, "--draw") if job.draw else None,
    )
    try:
        run_to_output(work, photos, aligner.markup, tally, job)
    except KeyboardInterrupt:
        tally.print_problems(job.output)
        return _interrupted(tally, photos, job.output)
    return _end(tally, started, job, photos.unknown)


def _finder(aligner: FaceAligner, boxes: PhotoTable[Box] | None) -> Find:
    return lambda photo, image: aligner.align(image, boxes.of(photo) if boxes else None)


def _interrupted(tally: Tally, photos: Photos, output: Path | None) -> int:
    kept = f"; {output} holds them, --resume goes on" if tally.images and output else ""
    return fail(tally.interrupted(len(photos.files)) + ("" if output == STDOUT else kept), 130)


def _end(tally: Tally, started: float, job: Job, problems: int) -> int:
    tally.print_problems(job.output)
    seconds = time.perf_counter() - started
    counts = {"photos": tally.images, "faces": tally.faces, "failed": tally.failed}
    counts |= {"without_face": tally.without}
    conclude(f"done: {tally.in_words()}", **counts, seconds=round(seconds, 3))
    if job.output != STDOUT:
        tally.print_table()
        _print_places(tally.in_words(), results=job.output, pictures=job.draw)
    return tally.exit_code(problems > 0)


def _print_places(words: str, **places: Path | None) -> None:
    console = out()
    console.print(words, markup=False)
    for what, place in places.items():
        if place:
            console.print(f"{what}: {place}", markup=False, soft_wrap=True)
