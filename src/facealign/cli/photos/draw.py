"""`facealign draw`, `crop` and `attention`: photos → pictures."""

from pathlib import Path
from typing import Any

import click

from facealign.aligner.settings import AlignSettings
from facealign.cli.options import (
    given_by,
    how_options,
    markup_option,
    model_options,
    output_option,
    photo_arguments,
)
from facealign.cli.photos.inputs import Photos
from facealign.cli.photos.pictures import Pictures, count_pictures, write_faces
from facealign.draw import draw_maps
from facealign.face import Face
from facealign.face.templates import SIDES
from facealign.formats.photo_table import read_faces
from facealign.image import Photo
from facealign.models import BEST_AAN
from facealign.types import Pixels


@click.command("draw", short_help="Draw faces and their points over photos.")
@photo_arguments(required=True)
@output_option("DIR", "Folder for the pictures (a file name for one photo).", required=True)
@click.option(
    "--results",
    type=Path,
    metavar="FILE",
    help="Faces found earlier, in any format; without it they are found now.",
)
@markup_option()
@model_options
def draw(
    photos: tuple[str, ...],
    output: Path,
    results: Path | None,
    workers: int | None,
    threads: int | None,
    **given: Any,
) -> int:
    """Draw each face's box, outlines and points over its photo.

    With --results, a photo takes the faces of the entry whose path ends like its own. Point schemes
    of your own are those of the results; for a .csv table say --model or --markup.

    \b
    facealign draw photo.jpg -o drawn.jpg
    facealign draw photos/ -o drawn/ --markup celeba5
    facealign draw photos/ -o drawn/ --results faces.parquet
    """  # noqa: D301
    named = Photos.named(photos, output, workers, threads)
    settings = AlignSettings(**given)
    if results and settings.model != "default":
        given_by(settings.model)  # whose point schemes are known from here on
    earlier = read_faces(results).expect(named.files) if results else None
    aligner = None if earlier else settings.aligner(named.threads)
    pictures = Pictures(output, named.files, "-o")

    def draw_photo(path: Path, photo: Photo, image: Pixels) -> list[Face]:
        faces = earlier.of(path) if earlier else []
        if aligner:
            faces = aligner.align(image)
        elif settings.markup:
            faces = [face.to(settings.markup) for face in faces]
        pictures.draw(path, photo, image, faces)
        return faces

    return count_pictures(named, named.results(draw_photo), "faces drawn", output)


@click.command("crop", short_help="Cut faces out, aligned to a template.")
@photo_arguments(required=True)
@output_option("DIR", "Folder for the pictures.", required=True)
@click.option(
    "--template", type=click.Choice(list(SIDES)), default="ffhq", help="Where eyes and mouth go."
)
@click.option(
    "--size", type=click.IntRange(1, 8192), metavar="PX", help="Side; default: the template's."
)
@model_options
def crop(
    photos: tuple[str, ...],
    output: Path,
    template: str,
    size: int | None,
    workers: int | None,
    threads: int | None,
    **given: Any,
) -> int:
    """Cut faces out of photos, one .png a face.

    Each is turned and scaled so that eyes and mouth lie where the template has them. Where the
    photo ends, the picture is black.

    \b
    facealign crop photo.jpg -o faces/
    facealign crop photos/ -o faces/ --template arcface112 --workers 8
    """  # noqa: D301
    named = Photos.named(photos, output, workers, threads)
    with AlignSettings(**given).aligner(named.threads) as aligner:
        return write_faces(
            named, output, aligner, lambda image, face: face.crop(image, template, size).pixels
        )


@click.command("attention", short_help="Draw where the network looked.")
@photo_arguments(required=True)
@output_option("DIR", "Folder for the pictures.", required=True)
@click.option(
    "--model",
    default=BEST_AAN,
    is_eager=True,
    metavar="NAME",
    show_default=True,
    help="A bundled model with attention maps, or an .onnx file.",
)
@how_options
def attention(
    photos: tuple[str, ...], output: Path, workers: int | None, threads: int | None, **given: Any
) -> int:
    """Draw the attention maps of all stages over every face, one .png a face.

    Each map is coloured by its own range, from dark to bright.

    \b
    facealign attention photo.jpg -o maps/
    """  # noqa: D301
    named = Photos.named(photos, output, workers, threads)
    with AlignSettings(**given).aligner(named.threads) as aligner:
        stages = aligner.facts.attention_stages
        return write_faces(
            named,
            output,
            aligner,
            lambda image, face: draw_maps(image, face, stages),
            attention=True,
        )
