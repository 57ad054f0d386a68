"""`facealign attention`: where the network looked, stage by stage, over every face."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.aligner import FaceAligner
from facealign.cli.options import at_once, size_limit
from facealign.cli.work import Photos, write_faces
from facealign.draw import draw_maps


@click.command("attention", short_help="Draw where the network looked.")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", type=Path, required=True, metavar="DIR", help="Folder for them.")
@click.option("--model", default="default", metavar="NAME", help="A bundled one, or a file.")
@at_once
@size_limit
def command(
    photos: tuple[str, ...], output: Path, model: str, workers: int | None, threads: int | None
) -> int:
    """Draw the attention maps of all stages over every face. One .png a face.

    Each map is coloured by its own range, from dark to bright.

    \b
    facealign attention photo.jpg -o maps/
    """  # noqa: D301
    named = Photos.named(photos, output, workers, threads)
    with FaceAligner(model, threads=named.threads) as aligner:
        stages = aligner.facts.attention_stages
        return write_faces(
            named,
            output,
            aligner,
            lambda image, face: draw_maps(image, face, stages),
            attention=True,
        )
