"""`facealign data pack`: labelled faces → shards that training reads from the disk."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.cli.console import bar, out
from facealign.cli.data_options import dataset_argument, reader_option
from facealign.datasets import read_dataset
from facealign.datasets.shards import Index
from facealign.problems import report


def _quality(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    if value == "lossless":
        return None
    if not value.isdecimal() or not 1 <= int(value) <= 100:
        raise click.BadParameter(f'"{value}" is neither lossless nor 1 … 100', context, parameter)
    return int(value)


@click.command("pack", short_help="Pack a data set into shards, to train from the disk.")
@dataset_argument
@click.option("--root", required=True, type=Path, metavar="DIR", help="Its folder or label file.")
@click.option("--subset", default="train", show_default=True, metavar="NAME", help="What to pack.")
@click.option(
    "-o", "--out", "target", required=True, type=Path, metavar="DIR", help="A folder of its own."
)
@click.option(
    "--input-size",
    default=128,
    show_default=True,
    type=click.IntRange(16, 1024),
    help="Of the networks that will be trained, in pixels.",
)
@click.option(
    "--margin",
    default=0.15,
    show_default=True,
    type=click.FloatRange(0, 2),
    help="Of their crops, as a fraction of the box size.",
)
@click.option(
    "--faces-per-shard",
    default=1000,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="In each tar file.",
)
@click.option(
    "--quality",
    default="lossless",
    show_default=True,
    metavar="lossless|1…100",
    callback=_quality,
    help="PNG, or JPEG of this quality: a third of the space at 95.",
)
@reader_option
def command(
    dataset: str,
    root: Path,
    subset: str,
    target: Path,
    input_size: int,
    margin: float,
    faces_per_shard: int,
    quality: int | None,
    options: dict[str, str | int],
) -> int:
    """Pack a data set into shards: the faces cut out, with room around, and their labels.

    Training from them ends in the same weights as training from the photos, and holds no more
    faces in memory than a batch. What was interrupted goes on with the same command.

    \b
    facealign data pack 300w --root /faces/300w -o packed/
    facealign train configs/300w.toml data.dataset=packed data.root=packed/
    """  # noqa: D301
    from facealign.training.data.pack import pack

    reading = read_dataset(dataset, root, subset, **options)
    index = pack(
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
    out().print(f"packed: {_in_words(index)} in {target}", markup=False, soft_wrap=True)
    return 0


def _in_words(index: Index) -> str:
    size = sum(shard.bytes for shard in index.shards)
    shards = len(index.shards)
    return f"{len(index):,} faces, {shards:,} shard{'s' * (shards > 1)}, {size / 1e6:,.0f} MB"
