"""Options of verbs that read labelled faces, each declared once."""

from collections.abc import Sequence
from pathlib import Path

import click

from facealign.cli.console import print_facts
from facealign.configs import config_names
from facealign.datasets import DATASETS, load_dataset
from facealign.errors import DataError
from facealign.metrics import NORMALISERS

Options = dict[str, str | int]
"""Of a data set's reader."""

dataset_argument = click.argument("dataset", type=click.Choice(list(DATASETS)), metavar="DATASET")
root_option = click.option(
    "--root", required=True, type=Path, metavar="DIR", help="The data set's folder or label file."
)
boxes_option = click.option(
    "--boxes",
    type=click.Choice(["official", "detector", "tracker"]),
    default="official",
    help="The data set's own boxes, the detector's, or in videos those of the frame before.",
)
normaliser_option = click.option(
    "--normaliser",
    type=click.Choice(list(NORMALISERS)),
    help="For AUC, failures and regions; default: the data set's usual one.",
)


def _parse(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> Options:
    options: Options = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            raise click.BadParameter(f'"{value}" is not KEY=VALUE', context, parameter)
        options[key] = int(text) if text.lstrip("-").isdecimal() else text
    return options


reader_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_parse,
    help="For the data set's reader, such as stride=10 (300vw); may be repeated.",
)


def with_markup(dataset: str, options: Options, markup: str | None) -> Options:
    """The reader's options with the point scheme, where the data set takes one and none is given.

    Raises:
        DataError: the data set has its own point scheme, and another is asked for.
    """
    facts = load_dataset(dataset)
    if markup is None or "markup" in options:
        return options
    if "markup" in facts.options:
        return options | {"markup": markup}
    if facts.markup != markup and dataset != "packed":
        raise DataError(f"{dataset} has {facts.markup} points: leave --markup out")
    return options


def default_subset(dataset: str) -> str:
    """The data set's usual test set."""
    names = list(load_dataset(dataset).subsets)
    return next((name for name in ("common", "full", "test") if name in names), names[0])


def _list_configs(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        print_facts(config_names())
        context.exit()


config_list = click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_configs,
    help="List the recipes that come with facealign.",
)
