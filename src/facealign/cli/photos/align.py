"""`facealign align`: photos → a table, result files, drawn pictures; here or on a cluster."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from facealign.aligner.many import core_count
from facealign.aligner.settings import AlignSettings
from facealign.cli.console import LOG, bar, fail, say, set_up_log
from facealign.cli.options import (
    FiniteRange,
    device_option,
    markup_option,
    max_megapixels_option,
    measures_option,
    min_face_option,
    model_option,
    output_option,
    output_path,
    photo_arguments,
    threads_option,
    workers_option,
)
from facealign.cli.photos.inputs import Photos, find_photos, read_names
from facealign.cli.photos.output import STDOUT, Output
from facealign.cli.photos.pictures import Pictures
from facealign.cli.stopping import INTERRUPTED
from facealign.cli.tally import Tally
from facealign.face import Face
from facealign.face.measures import measured
from facealign.files import is_file, sha256
from facealign.formats.photo_table import read_boxes
from facealign.formats.registry import FORMATS, output_format, read_results
from facealign.image import Photo
from facealign.types import Pixels


@click.command("align", short_help="Find faces and their landmarks in photos.")
@photo_arguments(required=False)
@output_option(
    "FILE",
    "Results: .json .jsonl .csv .parquet .coco.json .labelstudio.json .xml (CVAT) .pts; "
    "- prints JSON Lines.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    metavar="NAME",
    help=f"Format of the results: {', '.join(FORMATS)}; default: by the suffix.",
)
@click.option("--resume", is_flag=True, help="Continue where an earlier run stopped.")
@output_path("--draw", metavar="DIR", help="Write pictures here (a file name for one photo).")
@click.option(
    "--files-from", type=Path, metavar="FILE", help="A list of photos, one a line; - is stdin."
)
@model_option
@markup_option()
@click.option(
    "--boxes", type=Path, metavar="FILE", help="Face boxes: .csv image,x0,y0,x1,y1 or results."
)
@click.option("--whole-image", is_flag=True, help="Every photo is one tight face crop.")
@min_face_option("photos")
@device_option
@measures_option
@click.option("--upright", is_flag=True, help="Faces are upright: no second look for turned ones.")
@click.option(
    "--min-confidence",
    type=FiniteRange(0, 1),
    default=0.0,
    metavar="P",
    help="Drop faces that are less likely to be faces with their points in place.",
)
@workers_option
@threads_option()
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    help="ray: on a cluster, photos from s3:// too; -o is a folder of Parquet files.",
)
@click.option("--require-face", is_flag=True, help="Exit with 6 if a photo has no face.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line on stderr for every photo.")
@click.option("--json-log", is_flag=True, help="Errors and totals on stderr as JSON Lines.")
@max_megapixels_option
def command(
    *,
    photos: tuple[str, ...],
    output: Path | None,
    form: str | None,
    resume: bool,
    draw: Path | None,
    files_from: Path | None,
    boxes: Path | None,
    measures: bool,
    workers: int | None,
    threads: int | None,
    engine: str,
    require_face: bool,
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
    settings = AlignSettings(**given)
    if boxes and settings.whole_image:
        raise click.UsageError("--boxes and --whole-image exclude each other")
    target = Output(output, form, resume)
    tally = Tally(require_face=require_face, at_once=verbose or json_log)
    started = time.perf_counter()
    if engine == "ray":
        _refuse_with_ray(draw=draw, boxes=boxes, format=form, threads=threads, measures=measures)
    names = [*photos, *(read_names(files_from) if files_from else ())]
    if engine == "ray":
        unknown = _run_on_ray(names, output, settings, workers, resume, tally)
        return _end(tally, started, output, draw, unknown)
    if output not in (None, STDOUT):
        output_format(output, form)
    found = Photos.named(names, draw, workers, threads)
    if not found.files:
        return 4
    try:
        _align(found, settings, target, draw, boxes, measures, tally)
    except KeyboardInterrupt:
        tally.print_problems(output)
        kept = bool(tally.images) and output not in (None, STDOUT)
        more = f"; {output} holds them, --resume continues from there" if kept else ""
        return fail(tally.interrupted(len(found.files)) + more, INTERRUPTED)
    return _end(tally, started, output, draw, found.unknown)


def _refuse_with_ray(**given: Any) -> None:
    """Refuse the options that hold on this machine alone."""
    source = click.get_current_context().get_parameter_source("max_megapixels")
    limited = source is click.core.ParameterSource.COMMANDLINE
    for name, value in {**given, "max-megapixels": limited}.items():
        if value:
            raise click.UsageError(f"--engine ray does not take --{name}")


def _run_on_ray(
    names: list[str],
    output: Path | None,
    settings: AlignSettings,
    workers: int | None,
    resume: bool,
    tally: Tally,
) -> int:
    """The same work on a cluster, into a folder of Parquet files; how many names match no photo."""
    from facealign.ray_data import align_on_ray, find_remote_photos

    if output is None or output.suffix or output == STDOUT:
        raise click.UsageError("--engine ray writes Parquet files: name a folder with -o DIR")
    if output.parts and output.parts[0].endswith(":"):  # a Path keeps one / of s3://
        raise click.UsageError("--engine ray writes to a folder that every machine shares")
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
    progress = bar("aligning", "photos")
    align_on_ray(photos, str(output), settings, workers or core_count(), resume, progress)
    for result in read_results(output, "parquet"):
        tally.add(result)
    return len(problems)


def _align(
    photos: Photos,
    settings: AlignSettings,
    output: Output,
    draw: Path | None,
    boxes: Path | None,
    measures: bool,
    tally: Tally,
) -> None:
    aligner = settings.aligner(photos.threads)
    given = read_boxes(boxes).expect(photos.files) if boxes else None
    pictures = Pictures(draw, photos.files, "--draw") if draw else None

    def find(path: Path, photo: Photo, image: Pixels) -> list[Face]:
        faces = aligner.align(image, given.of(path) if given else None)
        if pictures:
            pictures.draw(path, photo, image, faces)
        return measured(faces) if measures else faces

    record = settings.record() | {"boxes": boxes and sha256(boxes)}
    record |= {"measures": True} if measures else {}  # older journals have no such entry
    output.run(find, photos, aligner.markup, record, tally)


def _end(tally: Tally, started: float, output: Path | None, draw: Path | None, unknown: int) -> int:
    """Print the totals, and what lies where; the exit code."""
    tally.print_problems(output)
    seconds = round(time.perf_counter() - started, 3)
    counts = {"photos": tally.images, "faces": tally.faces, "failed": tally.failed}
    totals = {**counts, "without_face": tally.without, "seconds": seconds}
    LOG.info("done: %s", tally.in_words(), extra={"fields": totals})
    if output != STDOUT:
        tally.print_table()
        say(tally.in_words())
        for what, place in {"results": output, "pictures": draw}.items():
            if place:
                say(f"{what}: {place}")
    return tally.exit_code(unknown > 0)
