"""`facealign crop`: every face of the photos, cut out, turned and scaled to a template."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.aligner import FaceAligner
from facealign.cli.options import at_once, size_limit
from facealign.cli.work import Photos, write_faces
from facealign.templates import SIDES


@click.command("crop", short_help="Cut faces out, aligned to a template.")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", type=Path, required=True, metavar="DIR", help="Folder for them.")
@click.option(
    "--template",
    type=click.Choice(list(SIDES)),
    default="ffhq",
    show_default=True,
    help="Where eyes and mouth go.",
)
@click.option(
    "--size", type=click.IntRange(1, 8192), metavar="PX", help="Side; default: the template's."
)
@click.option("--model", default="default", metavar="NAME", help="A bundled one, or a file.")
@at_once
@size_limit
def command(
    photos: tuple[str, ...],
    output: Path,
    template: str,
    size: int | None,
    model: str,
    workers: int | None,
    threads: int | None,
) -> int:
    """Cut faces out of photos, turned upright and scaled so that eyes and mouth lie where a
    template has them. Black where the photo ends. One .png a face.

    \b
    facealign crop photo.jpg -o faces/
    facealign crop photos/ -o faces/ --template arcface112 --workers 8
    """  # noqa: D205, D301
    named = Photos.named(photos, output, workers, threads)
    with FaceAligner(model, threads=named.threads) as aligner:
        return write_faces(
            named, output, aligner, lambda image, face: face.crop(image, template, size).pixels
        )
