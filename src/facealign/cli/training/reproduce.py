"""`facealign reproduce`: the paper's tables and figures, with ours beside its own."""

from functools import partial
from pathlib import Path

import click

from facealign.cli.console import bar, out, say
from facealign.cli.data_options import Options, boxes_option, reader_option
from facealign.cli.options import output_option, threads_option
from facealign.evaluation import read_predictions
from facealign.files import write_file
from facealign.models import BEST_AAN
from facealign.reproduce.figures import figure2, figure3, figure4
from facealign.reproduce.measure import Measurer, Roots
from facealign.reproduce.paper import BENCHMARKS
from facealign.reproduce.runs import read_runs
from facealign.reproduce.tables import FORMS, ablation_table, benchmark_table

FIGURES = ("figure2", "figure3", "figure4")
RUNS = Path("docs/runs")
PHOTO = Path("examples/astronaut.jpg")


@click.command("reproduce", short_help="Render the paper's tables and figures with ours.")
@click.argument(
    "what", type=click.Choice([*BENCHMARKS, "table5", *FIGURES]), metavar="TABLE|FIGURE"
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="[NAME=]DIR",
    help="A data set's folder, or one that holds 300w/, aflw/ …; may be repeated.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    default=(BEST_AAN,),
    show_default=True,
    help="A bundled model or a file; may be repeated.",
)
@click.option(
    "--predictions",
    "kept",
    multiple=True,
    type=Path,
    metavar="FILE",
    help="Score these instead of running models; may be repeated.",
)
@boxes_option
@click.option(
    "--photo", "photos", multiple=True, type=Path, metavar="FILE", help="For figures 3 and 4."
)
@click.option(
    "--runs", type=Path, metavar="PATH", help="Recorded runs for table5; default: docs/runs."
)
@click.option("--format", "form", type=click.Choice(list(FORMS)), default="text", help="Of tables.")
@output_option("FILE", "A figure (.png, .svg), or a table; default: print tables.")
@threads_option("Threads; default: all.")
@reader_option
def reproduce(
    what: str,
    roots: tuple[str, ...],
    models: tuple[str, ...],
    kept: tuple[Path, ...],
    boxes: str,
    photos: tuple[Path, ...],
    runs: Path | None,
    form: str,
    output: Path | None,
    threads: int | None,
    options: Options,
) -> int:
    """Render a table or figure of the paper, with our numbers beside its own.

    They are table1 to table5 and figure2 to figure4. Where data is missing, the command says so
    and renders the rest.

    \b
    facealign reproduce table2 --root /faces/300w
    facealign reproduce table1 --root aflw=/faces/aflw --model aflw.onnx
    facealign reproduce figure4 --photo photo.jpg -o maps.svg
    """  # noqa: D301
    predictions = [read_predictions(path) for path in kept]
    track = partial(bar, unit="faces")
    measurer = Measurer(Roots(roots, options), models, predictions, boxes, threads, track)
    if what in FIGURES:
        return _figure(what, measurer, photos, output or Path(f"{what}.png"))
    if what != "table5":
        table = benchmark_table(what, measurer)
    else:
        table = ablation_table(*(read_runs(runs or RUNS) if runs or RUNS.is_dir() else ([],)))
    text = FORMS[form](table)
    if output:
        write_file(output, text)
        say(f"table: {output}")
    else:
        out().print(text, markup=False, soft_wrap=True, end="")
    return 0


def _figure(what: str, measurer: Measurer, photos: tuple[Path, ...], output: Path) -> int:
    shown = photos or ((PHOTO,) if PHOTO.is_file() and not measurer.roots.given else ())
    if what == "figure2":
        missing = figure2(measurer, output)
    else:
        missing = {"figure3": figure3, "figure4": figure4}[what](measurer, shown, output)
    for line in missing:
        say(line)
    say(f"figure: {output}")
    return 0
