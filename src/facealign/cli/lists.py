"""`facealign models` and `facealign markups`: what is bundled, and which number is which point."""

from pathlib import Path

import click

from facealign.aligner import FaceAligner
from facealign.cli.console import out, print_table, say
from facealign.cli.options import output_path
from facealign.draw.chart import draw_chart, ranges
from facealign.image import write_image
from facealign.markup import MARKUPS, load_markup
from facealign.metrics import in_words
from facealign.models import DEFAULT, bundled, model_path


@click.command("models", short_help="List the bundled models.")
def models() -> int:
    """List the bundled models: point schemes (`--markup`), size, time, error, terms.

    ms is the time from a box to its points on one thread, on the machine that bundled the file;
    `facealign bench` measures yours. The error is the NME on a test set that the model has not
    seen, in its official boxes, with each normaliser.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("model", "points", "MB", "ms", "NME", "on", "terms"):
        right, whole = name in ("MB", "ms"), name in ("model", "NME")
        table.add_column(name, justify="right" if right else "left", no_wrap=whole)
    for card in bundled().values():
        table.add_row(
            card.name + ("\n(default)" if card.name == DEFAULT else ""),
            " ".join(FaceAligner(card.name).facts.markups),
            f"{model_path(card.name).stat().st_size / 1e6:.1f}",
            f"{card.ms:.1f}",
            "\n".join(f"{100 * value:.2f} % {in_words(name)}" for name, value in card.nme.items()),
            card.measured_on,
            card.terms,
        )
    out().print(table)
    return 0


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
    regions = (  # the numbers of their points, counted from 0, and their names in order
        (region, ranges(indices), " ".join(markup.names[i] for i in indices))
        for region, indices in markup.groups.items()
    )
    print_table(("region", "points", "names"), regions)
    pairs = [f"{i}-{m}" for i, m in enumerate(markup.mirror.tolist()) if i < m]
    out().print(f"mirror pairs: {' '.join(pairs)}", markup=False)
    if chart:
        say(f"chart: {chart}")
    return 0
