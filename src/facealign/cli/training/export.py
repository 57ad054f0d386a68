"""`facealign export`: a run → one ONNX file."""

from pathlib import Path

import click

from facealign.cli.console import say
from facealign.cli.options import output_option
from facealign.errors import needs


@click.command("export", short_help="Turn a trained run into an ONNX file.")
@click.argument("run", type=Path)
@output_option("FILE", "The .onnx file.", required=True)
@click.option("--licence", help="Licence of the weights, kept in the file; default: the run's.")
@click.option(
    "--markup",
    "markups",
    multiple=True,
    metavar="NAME",
    help="Only this point scheme; may be repeated.  [default: all]",
)
@click.option("--int8", is_flag=True, help="Use 8-bit integers: about half the time and space.")
@click.option(
    "--root", type=Path, metavar="DIR", help="With --int8: the folder of the run's faces, if moved."
)
def export(
    run: Path,
    output: Path,
    licence: str | None,
    markups: tuple[str, ...],
    int8: bool,
    root: Path | None,
) -> int:
    """Turn a trained run into an ONNX file.

    The file holds all that is needed to use it, with the weights that were best on validation.
    For 8-bit integers the network sees 100 of the run's training faces, to learn the range of its
    values.

    \b
    facealign export runs/aan-300w -o mine.onnx
    facealign export runs/aan-300w -o mine.onnx --int8
    facealign export runs/mixed -o mine19.onnx --markup aflw19
    facealign photo.jpg --model mine.onnx
    """  # noqa: D301
    with needs("train", "exporting"):
        from facealign.training.export.onnx import export_run
        from facealign.training.export.quantize import calibration_faces
        from facealign.training.rundir.checkpoint import steps_of
    if root and not int8:
        raise click.UsageError("--root names the faces for --int8: give both")
    faces = calibration_faces(run, root) if int8 else None
    facts = export_run(run, output, licence, markups, faces)
    size = f"{facts.input_size} px, {output.stat().st_size / 1e6:.1f} MB"
    say(f"{output}: {facts.name}, {' '.join(facts.markups)}, {size}")
    done, steps = steps_of(run)
    if done < steps:
        say(
            f"the run is not finished: step {done} of {steps}; repeat its train command to "
            "continue, then export again"
        )
    return 0
