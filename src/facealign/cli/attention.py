"""`facealign attention`: where the network looked, stage by stage, over every face."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.aligner import FaceAligner
from facealign.cli.faces import write_faces
from facealign.cli.options import size_limit
from facealign.draw import draw_maps


@click.command("attention", short_help="Draw where the network looked.")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", type=Path, required=True, metavar="DIR", help="Folder for them.")
@click.option("--model", default="default", metavar="NAME", help="A bundled one, or a file.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads; default: all.")
@size_limit
def command(photos: tuple[str, ...], output: Path, model: str, threads: int | None) -> int:
    """Draw the attention maps of all stages over every face. One .png a face.

    Each map is coloured by its own range, from dark to bright.

    \b
    facealign attention photo.jpg -o maps/
    """  # noqa: D301
    with FaceAligner(model, threads=threads) as aligner:
        stages = aligner.facts.attention_stages
        return write_faces(
            photos,
            output,
            aligner,
            lambda image, face: draw_maps(image, face, stages),
            attention=True,
        )
