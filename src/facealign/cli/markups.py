"""`facealign markups`: which number is which point."""

from pathlib import Path

import click

from facealign.cli.console import out, print_table, say
from facealign.cli.options import output_path
from facealign.draw.chart import draw_chart, ranges
from facealign.image import write_image
from facealign.markup import MARKUPS, Markup, load_markup


@click.command("markups", short_help="Show the point schemes; draw a numbered chart.")
@click.argument("name", required=False)
@output_path("--chart", metavar="FILE", help="Draw the numbered points, as .png.")
def markups(name: str | None, chart: Path | None) -> int:
    """List the point schemes, or show the regions, points and mirror pairs of NAME.

    NAME may be the .toml file of a scheme of your own.

    \b
    facealign markups
    facealign markups ibug68 --chart ibug68.png
    """  # noqa: D301
    if name is None:
        if chart:
            raise click.UsageError("--chart draws one scheme: give its NAME")
        schemes = MARKUPS.values()
        rows = ((m.name, str(m.count), " ".join(m.groups)) for m in schemes)
        print_table(("markup", "points", "regions"), rows)
        return 0
    markup = load_markup(name)
    if chart:
        write_image(draw_chart(markup), chart)
    _print_regions(markup)
    if chart:
        say(f"chart: {chart}")
    return 0


def _print_regions(markup: Markup) -> None:
    """A row a region: the numbers of its points, counted from 0, and their names in order."""
    rows = (
        (region, ranges(indices), " ".join(markup.names[i] for i in indices))
        for region, indices in markup.groups.items()
    )
    print_table(("region", "points", "names"), rows)
    pairs = [f"{i}-{m}" for i, m in enumerate(markup.mirror.tolist()) if i < m]
    out().print(f"mirror pairs: {' '.join(pairs)}", markup=False)
