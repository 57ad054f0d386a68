"""`facealign data …`: what concerns labelled faces before they are used."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.cli.console import out
from facealign.datasets.drawings import write_drawings


@click.group("data", short_help="Work with labelled faces.")
def command() -> None:
    """Work with labelled faces."""


@command.command("drawings", short_help="Draw faces with landmarks, to try training.")
@click.argument("folder", type=Path)
@click.option(
    "--train", default=400, show_default=True, type=click.IntRange(1), help="Faces to train on."
)
@click.option(
    "--test", default=50, show_default=True, type=click.IntRange(1), help="Faces of the test set."
)
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same faces.")
def drawings(folder: Path, train: int, test: int, seed: int) -> int:
    """Draw faces with exact landmarks into FOLDER, in 300W's layout, to try training without data.

    \b
    facealign data drawings drawn/
    facealign train configs/tiny.toml data.root=drawn/
    """  # noqa: D301
    write_drawings(folder, train, test, seed)
    out().print(f"drawn: {train} + {test} faces in {folder}", markup=False, soft_wrap=True)
    return 0
