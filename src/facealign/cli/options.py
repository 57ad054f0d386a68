"""Options that several verbs share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from PIL import Image

from facealign.datasets import DATASETS, load_dataset

Function = TypeVar("Function", bound=Callable[..., Any])


def reader_options(function: Function) -> Function:
    """`--option KEY=VALUE`, passed on to the data set's reader."""
    return click.option(
        "--option",
        "options",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_parse,
        help="For the data set's reader, such as stride=10 (300vw); may be repeated.",
    )(function)


def _parse(
    context: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> dict[str, str | int]:
    options: dict[str, str | int] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            raise click.BadParameter(f'"{value}" is not KEY=VALUE', context, parameter)
        options[key] = int(text) if text.lstrip("-").isdecimal() else text
    return options


def size_limit(function: Function) -> Function:
    """`--max-megapixels MP`: the size of photo from which on one is refused, for this process."""
    return click.option(
        "--max-megapixels",
        type=click.FloatRange(0, min_open=True),
        metavar="MP",
        expose_value=False,
        callback=_limit_size,
        help="Refuse larger photos, as they fill the memory; default: 179.",
    )(function)


def _limit_size(
    context: click.Context, parameter: click.Parameter, value: float | None
) -> float | None:
    if value is not None:
        Image.MAX_IMAGE_PIXELS = math.ceil(value * 1e6 / 2)  # Pillow refuses beyond twice this
    return value


def at_once(function: Function) -> Function:
    """`--workers N` and `--threads N`: how many photos at a time, and of threads within one."""
    number = click.IntRange(1)
    workers = click.option(
        "--workers", type=number, metavar="N", help="Photos at a time; default: a core each."
    )
    threads = click.option(
        "--threads",
        type=number,
        metavar="N",
        help="Threads within one photo; default: 1, for a single photo all.",
    )
    return workers(threads(function))


def default_subset(dataset: str, wanted: str | None) -> str:
    """The subset asked for, or the data set's usual test set."""
    names = list(load_dataset(dataset).subsets)
    usual = ("common", "full", "test")
    return wanted or next((name for name in usual if name in names), names[0])


DATASET_NAMES = list(DATASETS)
