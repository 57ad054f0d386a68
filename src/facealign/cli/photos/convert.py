"""`facealign convert`: results from one format to another."""

from pathlib import Path

import click

from facealign.cli.console import counted, say
from facealign.cli.options import markup_option, refuse_inputs
from facealign.formats.registry import FORMATS, output_format, read_results, write_results


@click.command("convert", short_help="Turn results or labels into another format.")
@click.argument("source", type=Path, metavar="IN")
@click.argument("target", type=Path, metavar="OUT")
@click.option(
    "--from",
    "from_",
    type=click.Choice(list(FORMATS)),
    metavar="NAME",
    help=f"Format of IN: {', '.join(FORMATS)}; default: by its suffix and content.",
)
@click.option(
    "--to",
    type=click.Choice(list(FORMATS)),
    metavar="NAME",
    help="Format of OUT; default: by its suffix.",
)
@markup_option("Point scheme of IN, where it does not say; default: by the names of its points.")
def command(
    source: Path, target: Path, from_: str | None, to: str | None, markup: str | None
) -> int:
    """Turn results or labels into another format.

    IN and OUT are .json, .jsonl, .csv, .parquet, .coco.json, .labelstudio.json, .xml (CVAT),
    .imglab.xml (dlib), .pts or data.yaml (YOLO-pose); folders of .pts, .parquet or labelme's .json
    files, with --to where OUT is one. What OUT has no place for is named.

    \b
    facealign convert faces.parquet faces.csv
    facealign convert faces.json labels.xml
    facealign convert faces.jsonl points/ --to pts
    facealign convert labels.json faces.jsonl --from coco
    facealign convert project.json yolo/ --to yolo
    """  # noqa: D301
    form = output_format(target, to)
    refuse_inputs("OUT", target, {"source": source})
    seen, lost = write_results(lambda: read_results(source, from_, markup), target, form.name)
    faces, photos = counted(seen.faces, "face"), counted(seen.images, "photo")
    say(f"{target}: {faces} in {photos}")
    if lost:
        say(f"not kept: {', '.join(sorted(lost))}")
    return 0
