"""`facealign markups`: the point schemes, their regions and mirror pairs, and a drawn chart."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.charts import draw_chart, ranges
from facealign.cli.console import out
from facealign.image import write_image
from facealign.markup import MARKUPS, Markup, load_markup


@click.command("markups", short_help="Show the point schemes; draw a numbered chart.")
@click.argument("name", required=False)
@click.option("--chart", type=Path, metavar="FILE", help="Draw the numbered points, as .png.")
def command(name: str | None, chart: Path | None) -> int:
    """Show the point schemes, or the regions, points and mirror pairs of NAME.

    \b
    facealign markups
    facealign markups ibug68 --chart ibug68.png
    """  # noqa: D301
    if name is None and chart:
        raise click.UsageError("--chart draws one scheme: give its NAME")
    if name is None:
        _print_all()
        return 0
    markup = load_markup(name)
    if chart:
        write_image(draw_chart(markup), chart)
    _print_one(markup)
    if chart:
        out().print(f"chart: {chart}", markup=False, soft_wrap=True)
    return 0


def _print_all() -> None:
    from rich.table import Table

    table = Table("markup", "points", "regions", box=None, pad_edge=False)
    for markup in MARKUPS.values():
        table.add_row(markup.name, str(markup.count), " ".join(markup.groups))
    out().print(table)


def _print_one(markup: Markup) -> None:
    """A row a region: the numbers of its points, counted from 0, and their names in order."""
    from rich.table import Table

    table = Table("region", "points", "names", box=None, pad_edge=False)
    for region, indices in markup.groups.items():
        names = [markup.names[i] for i in indices]
        table.add_row(region, ranges(indices), " ".join(names))
    pairs = [f"{i}-{m}" for i, m in enumerate(markup.mirror.tolist()) if i < m]
    console = out()
    console.print(table)
    console.print(f"mirror pairs: {' '.join(pairs)}", markup=False)
