"""`facealign data …`: list, check, draw and pack labelled faces."""

from dataclasses import asdict
from pathlib import Path

import click

from facealign.cli.console import bar, counted, fail, print_table, say
from facealign.cli.data_options import (
    Options,
    dataset_argument,
    reader_option,
    root_option,
    with_markup,
)
from facealign.cli.options import FiniteRange, json_option, labels_markup_option, output_path
from facealign.datasets import DATASETS, load_dataset, read_dataset
from facealign.datasets.check import Check, check_reading, draw_sheet
from facealign.datasets.drawings import write_drawings
from facealign.errors import DataError, needs
from facealign.files import write_json
from facealign.image import write_image
from facealign.problems import collect, report

SHOWN = 5
"""Lines of each kind of finding that are printed; the JSON holds all."""


@click.group("data", short_help="Work with labelled faces.")
def data() -> None:
    """Work with labelled faces."""


@data.command("drawings", short_help="Draw faces with landmarks, to try training.")
@click.argument("folder", type=Path)
@click.option("--train", default=400, type=click.IntRange(1), help="Faces to train on.")
@click.option("--test", default=50, type=click.IntRange(1), help="Faces of the test set.")
@click.option("--seed", default=0, type=click.IntRange(0), help="Of the random faces.")
def drawings(folder: Path, train: int, test: int, seed: int) -> int:
    """Draw faces with exact landmarks into FOLDER, to try training without data.

    The folder has the layout of 300W.

    \b
    facealign data drawings drawn/
    facealign train tiny data.root=drawn/
    """  # noqa: D301
    write_drawings(folder, train, test, seed)
    say(f"drawn: {train} + {test} faces in {folder}")
    return 0


@data.command("list", short_help="List the data sets that can be read.")
def names() -> int:
    """List the data sets that can be read, with their subsets and official counts."""
    rows = []
    for d in DATASETS.values():
        points = "any" if "markup" in d.options else d.markup
        subsets = ", ".join(f"{name} {n:,}" if n else name for name, n in d.subsets.items())
        rows.append((d.name, points, d.boxes_in_words, subsets))
    print_table(("data set", "points", "boxes", "subsets (official counts)"), rows)
    return 0


@data.command("check", short_help="Check a data set before using it.")
@dataset_argument
@root_option
@click.option("--subset", "subsets", multiple=True, metavar="NAME", help="Default: all.")
@output_path("--sheet", metavar="FILE", help="Write a contact sheet of faces.")
@labels_markup_option
@json_option
@reader_option
def check(
    dataset: str,
    root: Path,
    subsets: tuple[str, ...],
    sheet: Path | None,
    markup: str | None,
    target: Path | None,
    options: Options,
) -> int:
    """Check a data set: counts, unreadable pictures, strange points, a contact sheet.

    \b
    facealign data check 300w --root /faces/300w --sheet sheet.png
    facealign data check csv --root labels.csv --markup animal9.toml
    """  # noqa: D301
    options = with_markup(dataset, options, markup)
    wanted = subsets or tuple(load_dataset(dataset).subsets)
    checks, missing = list[Check](), list[str]()
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
        write_json(target, {"checks": [asdict(c) for c in checks], "missing": missing})
    bad = missing or any(c.problems or c.unreadable for c in checks)
    return 4 if not any(c.count for c in checks) else 3 if bad else 0


def _print_checks(checks: list[Check]) -> None:
    columns = ("subset", "faces", "official", "left out", "unreadable", "outside", "odd")
    rows = []
    said: list[str] = []
    for c in checks:
        kinds = {"left out": c.problems, "unreadable": c.unreadable, "points outside": c.outside}
        kinds["odd"] = c.duplicates + c.suspicious
        official = "-" if c.official_count is None else str(c.official_count)
        rows.append((c.subset, str(c.count), official, *(str(len(n)) for n in kinds.values())))
        for kind, lines in kinds.items():
            said += [f"{c.subset}, {kind}: {line}" for line in lines[:SHOWN]]
            if len(lines) > SHOWN:
                said.append(f"{c.subset}, {kind}: … {len(lines) - SHOWN} more (--json)")
    print_table(columns, rows)
    for line in said:
        say(line)


def _quality(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    if value == "lossless":
        return None
    if not value.isdecimal() or not 1 <= int(value) <= 100:
        raise click.BadParameter(f'"{value}" is neither lossless nor 1 … 100', context, parameter)
    return int(value)


@data.command("pack", short_help="Pack a data set into shards, to train from the disk.")
@dataset_argument
@root_option
@click.option("--subset", default="train", metavar="NAME", help="Part to pack.")
@output_path("-o", "--out", "target", required=True, metavar="DIR", help="Folder for the shards.")
@click.option(
    "--input-size",
    default=128,
    type=click.IntRange(16, 1024),
    help="Input size of the networks to train, in pixels.",
)
@click.option(
    "--margin",
    default=0.15,
    type=FiniteRange(0, 2),
    help="Margin of their crops, as a fraction of the box size.",
)
@click.option(
    "--faces-per-shard",
    default=1000,
    type=click.IntRange(1, 1_000_000),
    help="Faces in each tar file.",
)
@click.option(
    "--quality",
    default="lossless",
    metavar="lossless|1…100",
    callback=_quality,
    help="PNG, or JPEG of this quality: a third of the space at 95.",
)
@labels_markup_option
@reader_option
def pack(
    dataset: str,
    root: Path,
    subset: str,
    target: Path,
    input_size: int,
    margin: float,
    faces_per_shard: int,
    quality: int | None,
    markup: str | None,
    options: Options,
) -> int:
    """Pack a data set into shards: each face cut out, with a margin, and its labels.

    Training from shards gives the same weights as training from the photos, and holds only one
    batch of faces in memory. To continue an interrupted pack, repeat the command.

    \b
    facealign data pack 300w --root /faces/300w -o packed/
    facealign train 300w data.dataset=packed data.root=packed/
    """  # noqa: D301
    with needs("train", "packing"):
        from facealign.training.data.pack import pack as write_shards

    options = with_markup(dataset, options, markup)
    reading = read_dataset(dataset, root, subset, **options)
    index = write_shards(
        reading,
        target,
        input_size=input_size,
        margin=margin,
        faces_per_shard=faces_per_shard,
        quality=quality,
        options=options,
        progress=bar("packing", "faces"),
    )
    for face in index.left_out:
        report(face.problem)
    size, shards = sum(shard.bytes for shard in index.shards), counted(len(index.shards), "shard")
    say(f"packed: {len(index):,} faces, {shards}, {size / 1e6:,.0f} MB in {target}")
    return 0
