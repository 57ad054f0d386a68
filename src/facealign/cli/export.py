"""`facealign export`: a run → one ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from facealign.cli.console import out
from facealign.cli.extras import extra


@click.command("export", short_help="Turn a trained run into an ONNX file.")
@click.argument("run", type=Path)
@click.option("-o", "--output", type=Path, required=True, metavar="FILE", help="The .onnx file.")
@click.option("--licence", help="Terms of the weights, kept inside; default: the run's setting.")
@click.option(
    "--markup",
    "markups",
    multiple=True,
    metavar="NAME",
    help="Only this point scheme's head; repeatable.  [default: all]",
)
@click.option("--int8", is_flag=True, help="In 8-bit integers: about half the time and the space.")
@click.option(
    "--root", type=Path, metavar="DIR", help="With --int8: where the run's faces lie now, if moved."
)
def command(
    run: Path,
    output: Path,
    licence: str | None,
    markups: tuple[str, ...],
    int8: bool,
    root: Path | None,
) -> int:
    """Turn a trained run into an ONNX file.

    The file carries all that is needed to use it; the best weights on validation are taken. For
    8-bit integers the network looks at 100 of the run's training faces, to learn how large its
    values become.

    \b
    facealign export runs/aan-300w -o mine.onnx
    facealign export runs/aan-300w -o mine.onnx --int8
    facealign export runs/mixed -o mine19.onnx --markup aflw19
    facealign photo.jpg --model mine.onnx
    """  # noqa: D301
    with extra("train", "exporting"):
        from facealign.training.export.onnx import export_run
        from facealign.training.export.quantize import calibration_faces
    if root and not int8:
        raise click.UsageError("--root names the faces that --int8 looks at: give both")
    faces = calibration_faces(run, root) if int8 else None
    facts = export_run(run, output, licence, markups, faces)
    out().print(
        f"{output}: {facts.name}, {' '.join(facts.markups)}, {facts.input_size} px, "
        f"{output.stat().st_size / 1e6:.1f} MB",
        markup=False,
        soft_wrap=True,
    )
    return 0
