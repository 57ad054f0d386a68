"""`facealign align`: photos → a table, result files, drawn pictures."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from facealign.aligner import FaceAligner
from facealign.cli.console import fail, out, progress
from facealign.detector import WholeImage, YuNet
from facealign.draw import draw_faces
from facealign.errors import FaceAlignError, OutputError
from facealign.face import Face, ImageResult
from facealign.formats.boxes import BoxTable, read_boxes
from facealign.formats.json import ResultWriter
from facealign.image import (
    SUFFIXES,
    is_file,
    is_folder,
    is_our_picture,
    read_image,
    write_image,
)

TABLE_IMAGES = 40
"""Up to this many images every face gets a row; beyond, only the totals are printed."""


@click.command("align", short_help="Find faces and their landmarks in photos.")
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", type=Path, metavar="FILE", help="Results: .json or .jsonl.")
@click.option(
    "--draw", type=Path, metavar="DIR", help="Write pictures here (a file name for one photo)."
)
@click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME",
    help="A bundled one, or a file.",
)
@click.option("--boxes", type=Path, metavar="FILE", help="Boxes: .csv image,x0,y0,x1,y1 or .json.")
@click.option("--whole-image", is_flag=True, help="Every photo is one tight face crop.")
@click.option(
    "--min-face",
    type=click.FloatRange(16),
    default=20.0,
    show_default=True,
    metavar="PX",
    help="Smallest face to look for; a larger one is faster on large photos.",
)
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads; default: all.")
def command(
    photos: tuple[str, ...],
    output: Path | None,
    draw: Path | None,
    model: str,
    boxes: Path | None,
    whole_image: bool,
    min_face: float,
    threads: int | None,
) -> int:
    """Find faces and their landmarks in photos.

    PHOTO is a file, a folder (searched through) or a glob.

    \b
    facealign photo.jpg
    facealign align holiday/ -o faces.json --draw drawn/
    facealign align 'crops/*.png' --whole-image -o faces.jsonl
    """  # noqa: D301
    if boxes and whole_image:
        raise click.UsageError("--boxes and --whole-image exclude each other")
    table = read_boxes(boxes) if boxes else None
    files, problems = find_photos(photos, leave_out=draw)
    pictures = Pictures(draw, files) if draw else None
    for problem in problems:
        fail(problem, 3)
    if not files:
        return 4
    detector = WholeImage() if whole_image else YuNet(min_face=min_face, threads=threads)
    aligner = FaceAligner(model, detector, threads)
    results = _run(files, aligner, table, output, pictures)
    _print_table(results, output, draw)
    failed = sum(result.error is not None for result in results)
    if failed == len(results):
        return 4
    return 3 if failed or problems else 0


def find_photos(
    names: Iterable[str], leave_out: Path | None = None
) -> tuple[list[Path], list[str]]:
    """The files that names, folders and globs stand for, and one line for each that is none.

    Args:
        names: files, folders, globs.
        leave_out: a folder that a search does not enter: the one drawn pictures go to.

    """
    files: dict[Path, None] = {}
    problems: list[str] = []
    for name in names:
        found, why = _find(name)
        drawn = leave_out if is_folder(name) and leave_out != Path(name) else None
        kept = [f for f in found if drawn is None or drawn not in f.parents]
        if not kept:
            problems.append(f"{name or '(an empty name)'}: {why}")
        files.update(dict.fromkeys(kept))
    return list(files), problems


def _find(name: str) -> tuple[list[Path], str]:
    """The files one name stands for, and what to say when there are none."""
    if name and is_folder(name):
        return _images_below(Path(name)), "the folder holds no image, or may not be read"
    if name and (is_file(name) or not glob.has_magic(name)):
        return [Path(name)], "no photo of its own"
    matches = [Path(m) for m in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207
    return [m for m in matches if not is_folder(m)], "matches no file"


def _images_below(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES and is_file(f))


class Pictures:
    """Where the drawn pictures go: one file, or a folder with one for each photo.

    Raises:
        OutputError: one file for several photos, or a picture could replace a photo.

    """

    def __init__(self, target: Path, files: list[Path]) -> None:
        single = target.suffix.lower() in SUFFIXES and not is_folder(target)
        if single and len(files) > 1:
            raise OutputError(
                f"--draw {target} is one file, for {len(files)} photos: give a folder"
            )
        if is_file(target) and not single:
            raise OutputError(f"--draw {target} is a file but no picture: give a folder")
        folders = {os.path.realpath(photo.parent) for photo in files}
        if not single and os.path.realpath(target) in folders:
            raise OutputError(f"--draw {target} could overwrite its photos: give another folder")
        if single and os.path.realpath(target) in {os.path.realpath(photo) for photo in files}:
            raise OutputError(f"--draw would overwrite the photo {target}: give another name")
        self._names = {files[0]: target} if single and files else _names(target, files)
        if not single:
            _refuse_to_replace(self._names.values())

    def write(self, photo: Path, image: NDArray[np.uint8], faces: list[Face]) -> None:
        """Draw the faces of one photo and write the picture."""
        write_image(draw_faces(image, faces), self._names[photo])


def _refuse_to_replace(pictures: Iterable[Path]) -> None:
    """Only a picture that facealign drew before may be drawn again."""
    for picture in pictures:
        if is_file(picture) and not is_our_picture(picture):
            raise OutputError(
                f"--draw would replace {picture}, which facealign did not draw: give another folder"
            )


def _names(folder: Path, files: list[Path]) -> dict[Path, Path]:
    """A picture's name for each photo; photos of the same name in several folders get numbers."""
    names: dict[Path, Path] = {}
    taken: set[str] = set()
    for photo in files:
        suffix = photo.suffix if photo.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
        number, name = 1, f"{photo.stem}{suffix}"
        while name.lower() in taken:
            number += 1
            name = f"{photo.stem}-{number}{suffix}"
        taken.add(name.lower())
        names[photo] = folder / name
    return names


def _run(
    files: list[Path],
    aligner: FaceAligner,
    boxes: BoxTable | None,
    output: Path | None,
    pictures: Pictures | None,
) -> list[ImageResult]:
    results: list[ImageResult] = []
    writer = ResultWriter(output) if output else contextlib.nullcontext()
    with writer as sink:
        for result in _align_all(files, aligner, boxes, pictures):
            results.append(result)
            if result.error:
                fail(result.error, 3)
            if sink:
                sink.add(result)
    return results


def _align_all(
    files: list[Path], aligner: FaceAligner, boxes: BoxTable | None, pictures: Pictures | None
) -> Iterator[ImageResult]:
    bar = progress("photos")
    with bar:
        task = bar.add_task("aligning", total=len(files), note="")
        for photo in files:
            yield _align_one(photo, aligner, boxes, pictures)
            bar.advance(task)


def _align_one(
    photo: Path, aligner: FaceAligner, boxes: BoxTable | None, pictures: Pictures | None
) -> ImageResult:
    try:
        given = boxes.boxes_of(photo) if boxes else None
        image = read_image(photo)
        faces = aligner.align(image, given)
    except OutputError:
        raise
    except FaceAlignError as error:
        return ImageResult(str(photo), None, None, [], str(error))
    if pictures:
        pictures.write(photo, image, faces)
    return ImageResult(str(photo), image.shape[1], image.shape[0], faces)


def _print_table(results: list[ImageResult], output: Path | None, draw: Path | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = out()
    if len(results) <= TABLE_IMAGES:
        table = Table("photo", "faces", "box (x0 y0 x1 y1)", "score", box=None, pad_edge=False)
        for result in results:
            for row in _rows(result):
                table.add_row(*(escape(cell) for cell in row))
        console.print(table)
    faces = sum(len(result.faces) for result in results)
    failed = sum(result.error is not None for result in results)
    done = f"{_count(faces, 'face')} in {_count(len(results) - failed, 'photo')}"
    console.print(done + (f", {failed} failed" if failed else ""))
    for what, place in (("results", output), ("pictures", draw)):
        if place:
            console.print(f"{what}: {escape(str(place))}", soft_wrap=True)


def _rows(result: ImageResult) -> list[tuple[str, str, str, str]]:
    if result.error:
        return [(result.source, "-", "failed", "")]
    if not result.faces:
        return [(result.source, "0", "", "")]
    boxes = [" ".join(f"{value:.1f}" for value in face.box) for face in result.faces]
    return [
        (result.source if not i else "", str(len(boxes)) if not i else "", box, f"{face.score:.2f}")
        for i, (box, face) in enumerate(zip(boxes, result.faces, strict=True))
    ]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
