"""`facealign models`: which models are bundled."""

import click

from facealign.aligner import FaceAligner
from facealign.cli.console import out
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
    table.add_column("model", no_wrap=True)
    table.add_column("points")
    for name in ("MB", "ms"):
        table.add_column(name, justify="right")
    table.add_column("NME", no_wrap=True)
    table.add_column("on")
    table.add_column("terms")
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
