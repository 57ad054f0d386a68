"""`facealign align`: photos → a table, result files, drawn pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from facealign.aligner.ordered import core_count
from facealign.aligner.settings import AlignSettings, sha256
from facealign.cli.console import conclude, fail, out, set_up_log
from facealign.cli.photos import find_photos, read_names
from facealign.cli.pictures import Pictures
from facealign.cli.ray import refuse_on_ray, run_on_ray
from facealign.cli.tally import Tally
from facealign.cli.work import STDOUT, Work, run, run_to_file, run_to_stdout
from facealign.formats.given import read_boxes
from facealign.formats.results import FORMATS, output_format
from facealign.markup import MARKUPS


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
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="Photos at a time; default: a core each."
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    help="Threads within one photo; default: 1, for a single photo all.",
)
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
def command(
    photos: tuple[str, ...],
    output: Path | None,
    form: str | None,
    resume: bool,
    draw: Path | None,
    files_from: Path | None,
    verbose: bool,
    json_log: bool,
    require_face: bool,
    engine: str,
    boxes: Path | None,
    workers: int | None,
    threads: int | None,
    **wanted: Any,
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
    settings = AlignSettings(**wanted)
    if not photos and not files_from:
        raise click.UsageError("Missing argument 'PHOTO...'", click.get_current_context())
    if boxes and settings.whole_image:
        raise click.UsageError("--boxes and --whole-image exclude each other")
    _check_output(output, form, resume, engine)
    if engine == "ray":
        refuse_on_ray(draw=draw, boxes=boxes, format=form, threads=threads)
    named = [*photos, *(read_names(files_from) if files_from else ())]
    tally = Tally(require_face=require_face, at_once=verbose or json_log)
    started = time.perf_counter()
    if engine == "ray":
        assert output is not None
        bad = run_on_ray(named, output, settings, workers, resume, tally)
        return _end(tally, started, output, None, bad)
    files, problems = find_photos(named, leave_out=draw)
    for problem in problems:
        fail(problem, 3)
    if not files:
        return 4
    workers = workers or min(core_count(), len(files))
    aligner = settings.aligner(threads or (1 if workers > 1 else None))
    table = read_boxes(boxes) if boxes else None
    work = Work(aligner, table, Pictures(draw, files, "--draw") if draw else None)
    record = settings.record() | {"boxes": boxes and sha256(boxes)}
    try:
        _run(work, files, workers, tally, output, form, resume, record)
    except KeyboardInterrupt:
        tally.print_problems(output)
        return _interrupted(tally, len(files), output)
    return _end(tally, started, output, draw, len(problems))


def _check_output(output: Path | None, form: str | None, resume: bool, engine: str) -> None:
    if resume and (output is None or output == STDOUT):
        raise click.UsageError("--resume needs -o FILE: what was done before stands there")
    if form and output is None:
        raise click.UsageError("--format needs -o FILE")
    if form not in (None, "jsonl") and output == STDOUT:
        raise click.UsageError("standard output takes --format jsonl only")
    if engine == "ray":
        if output is None or output.suffix or output == STDOUT:
            raise click.UsageError("--engine ray writes Parquet files: name a folder with -o DIR")
        if output.parts and output.parts[0].endswith(":"):  # a Path keeps one slash of s3://
            raise click.UsageError("--engine ray writes to a folder that every machine shares")
    elif output and output != STDOUT:
        output_format(output, form)


def _run(
    work: Work,
    files: list[Path],
    workers: int,
    tally: Tally,
    output: Path | None,
    form: str | None,
    resume: bool,
    record: dict[str, Any],
) -> None:
    if output is None:
        for result in run(work, files, workers):
            tally.add(result)
    elif output == STDOUT:
        run_to_stdout(work, files, workers, tally)
    else:
        chosen = output_format(output, form)
        run_to_file(work, files, workers, tally, output, chosen, record, resume)


def _interrupted(tally: Tally, photos: int, output: Path | None) -> int:
    done = f"interrupted: {tally.images} of {photos} photos done"
    kept = f"; {output} holds them, --resume goes on" if tally.images and output else ""
    return fail(done + ("" if output == STDOUT else kept), 130)


def _end(
    tally: Tally, started: float, output: Path | None, draw: Path | None, problems: int
) -> int:
    tally.print_problems(output)
    _print_end(tally, started, output, draw)
    return tally.exit_code(problems > 0)


def _print_end(tally: Tally, started: float, output: Path | None, draw: Path | None) -> None:
    seconds = time.perf_counter() - started
    counts = {"photos": tally.images, "faces": tally.faces, "failed": tally.failed}
    counts |= {"without_face": tally.without}
    conclude(f"done: {tally.in_words()}", **counts, seconds=round(seconds, 3))
    if output == STDOUT:
        return
    tally.print_table()
    console = out()
    console.print(tally.in_words(), markup=False)
    for what, place in (("results", output), ("pictures", draw)):
        if place:
            console.print(f"{what}: {place}", markup=False, soft_wrap=True)
