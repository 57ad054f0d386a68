"""Options that several verbs share, each declared once; those of data sets: `data_options`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from PIL import Image

from facealign.markup import MARKUPS

Function = TypeVar("Function", bound=Callable[..., Any])

model_option = click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME",
    help="A bundled model, or an .onnx file.",
)
json_option = click.option(
    "--json", "target", type=Path, metavar="FILE", help="Also write the results as JSON."
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Photos at a time; default: one a core.",
)


def photo_arguments(required: bool) -> Callable[[Function], Function]:
    """`PHOTO...`."""
    return click.argument("photos", nargs=-1, required=required, metavar="PHOTO...")


def output_option(
    metavar: str, help: str, required: bool = False
) -> Callable[[Function], Function]:
    """`-o FILE` or `-o DIR`."""
    return click.option("-o", "--output", type=Path, required=required, metavar=metavar, help=help)


def markup_option(
    help: str = "Point scheme; default: the model's.", default: str | None = None
) -> Callable[[Function], Function]:
    """`--markup NAME`."""
    names = click.Choice(list(MARKUPS))
    return click.option("--markup", type=names, default=default, show_default=True, help=help)


def threads_option(
    help: str = "Threads within one photo; default: 1, or all cores for a single photo.",
    default: int | None = None,
) -> Callable[[Function], Function]:
    """`--threads N`."""
    return click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        default=default,
        show_default=True,
        help=help,
    )


def _limit_size(
    context: click.Context, parameter: click.Parameter, value: float | None
) -> float | None:
    if value is not None:
        context.call_on_close(partial(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS))
        Image.MAX_IMAGE_PIXELS = math.ceil(value * 1e6 / 2)  # Pillow refuses beyond twice this
    return value


max_megapixels_option = click.option(
    "--max-megapixels",
    type=click.FloatRange(0, min_open=True),
    metavar="MP",
    expose_value=False,
    callback=_limit_size,
    help="Refuse larger photos, as they fill the memory; default: 179.",
)
