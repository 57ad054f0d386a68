"""`facealign models`: the bundled models, their accuracy and their terms."""

from __future__ import annotations

import click

from facealign.aligner import FaceAligner
from facealign.cli.console import out
from facealign.models import DEFAULT, bundled, model_path


@click.command("models", short_help="List the bundled models.")
def command() -> int:
    """List the bundled models: point schemes (`--markup`), size, error, terms.

    The error is the NME on the 554 images of 300W common, in the official boxes.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("model", no_wrap=True)
    table.add_column("points")
    for name in ("MB", "NME, inter-ocular", "NME, inter-pupil"):
        table.add_column(name, justify="right")
    table.add_column("terms", no_wrap=True)
    for card in bundled().values():
        table.add_row(
            card.name + (" (default)" if card.name == DEFAULT else ""),
            " ".join(FaceAligner(card.name).facts.markups),
            f"{model_path(card.name).stat().st_size / 1e6:.1f}",
            f"{100 * card.nme_inter_ocular:.2f} %",
            f"{100 * card.nme_inter_pupil:.2f} %",
            card.terms,
        )
    out().print(table)
    return 0
