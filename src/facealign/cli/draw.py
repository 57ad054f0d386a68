"""`facealign draw`: boxes, outlines and points over photos."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.aligner import FaceAligner
from facealign.cli.options import at_once, size_limit
from facealign.cli.pictures import Pictures
from facealign.cli.work import Find, Photos, Work, conclude_pictures, run
from facealign.face import Face
from facealign.formats.given import read_faces
from facealign.markup import MARKUPS


@click.command("draw", short_help="Draw faces and their points over photos.")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option(
    "-o",
    "--output",
    type=Path,
    required=True,
    metavar="DIR",
    help="Folder for the pictures (a file name for one photo).",
)
@click.option(
    "--results",
    type=Path,
    metavar="FILE",
    help="Faces found earlier, in any format; without it they are found now.",
)
@click.option("--model", default="default", metavar="NAME", help="A bundled one, or a file.")
@click.option("--markup", type=click.Choice(list(MARKUPS)), help="Points; default: the model's.")
@at_once
@size_limit
def command(
    photos: tuple[str, ...],
    output: Path,
    results: Path | None,
    model: str,
    markup: str | None,
    workers: int | None,
    threads: int | None,
) -> int:
    """Draw each face's box, outlines and points over its photo.

    With --results a photo's faces are those of the photo whose path ends alike.

    \b
    facealign draw photo.jpg -o drawn.jpg
    facealign draw photos/ -o drawn/ --markup celeba5
    facealign draw photos/ -o drawn/ --results faces.parquet
    """  # noqa: D301
    named = Photos.named(photos, output, workers, threads)
    find = _found_earlier(results, markup) if results else _found_now(model, markup, named.threads)
    work = Work(find, Pictures(output, named.files, "-o"))
    return conclude_pictures(named, run(work.align, named), "faces drawn", output)


def _found_earlier(results: Path, markup: str | None) -> Find:
    table = read_faces(results)

    def find(photo: Path, _: object) -> list[Face]:
        faces = table.of(photo)
        return [face.to(markup) for face in faces] if markup else faces

    return find


def _found_now(model: str, markup: str | None, threads: int | None) -> Find:
    aligner = FaceAligner(model, threads=threads, markup=markup)
    return lambda _, image: aligner.align(image)
