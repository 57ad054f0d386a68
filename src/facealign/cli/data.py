"""`facealign data …`: what concerns labelled faces before they are used."""

from __future__ import annotations

import json
from pathlib import Path

import click

from facealign.cli.console import bar, fail, out
from facealign.cli.data_options import dataset_argument, reader_option
from facealign.cli.pack import command as pack
from facealign.datasets import DATASETS, load_dataset, read_dataset
from facealign.datasets.check import Check, check_reading
from facealign.datasets.contact_sheet import draw_sheet
from facealign.datasets.drawings import write_drawings
from facealign.errors import DataError
from facealign.files import write_file
from facealign.image import write_image
from facealign.problems import collect

SHOWN = 5
"""Lines of each kind of finding that are printed; the JSON holds all."""


@click.group("data", short_help="Work with labelled faces.")
def command() -> None:
    """Work with labelled faces."""


command.add_command(pack)


@command.command("drawings", short_help="Draw faces with landmarks, to try training.")
@click.argument("folder", type=Path)
@click.option(
    "--train", default=400, show_default=True, type=click.IntRange(1), help="Faces to train on."
)
@click.option(
    "--test", default=50, show_default=True, type=click.IntRange(1), help="Faces of the test set."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the faces.")
def drawings(folder: Path, train: int, test: int, seed: int) -> int:
    """Draw faces with exact landmarks into FOLDER, in 300W's layout, to try training without data.

    \b
    facealign data drawings drawn/
    facealign train configs/tiny.toml data.root=drawn/
    """  # noqa: D301
    write_drawings(folder, train, test, seed)
    out().print(f"drawn: {train} + {test} faces in {folder}", markup=False, soft_wrap=True)
    return 0


@command.command("list", short_help="List the data sets that can be read.")
def names() -> int:
    """List the data sets that can be read, with their subsets and official counts."""
    from rich.table import Table

    table = Table("data set", "points", "boxes", "subsets (official counts)", box=None)
    for dataset in DATASETS.values():
        subsets = (f"{s} {n:,}" if n else s for s, n in dataset.subsets.items())
        table.add_row(dataset.name, dataset.markup, dataset.box_source, ", ".join(subsets))
    out().print(table)
    return 0


@command.command("check", short_help="Look a data set over before using it.")
@dataset_argument
@click.option("--root", required=True, type=Path, metavar="DIR", help="Its folder or label file.")
@click.option("--subset", "subsets", multiple=True, metavar="NAME", help="Default: every one.")
@click.option("--sheet", type=Path, metavar="FILE", help="Write a contact sheet to look at.")
@click.option("--json", "target", type=Path, metavar="FILE", help="Write all findings here.")
@reader_option
def check(
    dataset: str,
    root: Path,
    subsets: tuple[str, ...],
    sheet: Path | None,
    target: Path | None,
    options: dict[str, str | int],
) -> int:
    """Look a data set over: counts, unreadable pictures, strange points, a contact sheet.

    \b
    facealign data check 300w --root /faces/300w --sheet sheet.png
    facealign data check coco --root labels.json --option markup=celeba5
    """  # noqa: D301
    wanted = subsets or tuple(load_dataset(dataset).subsets)
    checks: list[Check] = []
    missing: list[str] = []
    for subset in wanted:
        try:
            with collect() as left_out:
                reading = read_dataset(dataset, root, subset, **options)
        except DataError as error:
            missing.append(f"{subset}: {error}")
            continue
        checks.append(check_reading(reading, left_out, bar(subset, "faces")))
        if sheet and reading.samples:
            name = sheet.with_stem(f"{sheet.stem}-{subset}") if len(wanted) > 1 else sheet
            write_image(draw_sheet(reading.samples), name)
    _print_checks(checks)
    for line in missing:
        fail(line, 3)
    if target:
        found = {"checks": [c.to_dict() for c in checks], "missing": missing}
        write_file(target, json.dumps(found, indent=2) + "\n")
    bad = missing or any(c.problems or c.unreadable for c in checks)
    return 4 if not any(c.count for c in checks) else 3 if bad else 0


def _print_checks(checks: list[Check]) -> None:
    from rich.table import Table

    columns = ("subset", "faces", "official", "left out", "unreadable", "outside", "odd")
    table = Table(*columns, box=None, pad_edge=False)
    for c in checks:
        odd = len(c.duplicates) + len(c.suspicious)
        found = (len(c.problems), len(c.unreadable), len(c.outside), odd)
        official = "-" if c.official_count is None else str(c.official_count)
        table.add_row(c.subset, str(c.count), official, *map(str, found))
    console = out()
    console.print(table)
    for c in checks:
        kinds = {"left out": c.problems, "unreadable": c.unreadable, "points outside": c.outside}
        for kind, lines in (kinds | {"odd": c.duplicates + c.suspicious}).items():
            for line in lines[:SHOWN]:
                console.print(f"{c.subset}, {kind}: {line}", markup=False, soft_wrap=True)
            if len(lines) > SHOWN:
                console.print(f"{c.subset}, {kind}: … {len(lines) - SHOWN} more (--json)")
