"""The work of `facealign align`: photos → results, kept safe while they come."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from facealign.aligner import FaceAligner
from facealign.aligner.ordered import map_ordered
from facealign.aligner.photo import photo_result
from facealign.cli.console import note, progress
from facealign.cli.job import STDOUT, Job
from facealign.cli.photos import to_source
from facealign.cli.pictures import Pictures
from facealign.cli.tally import Tally, counted
from facealign.errors import OutputError
from facealign.face import Face, ImageResult
from facealign.formats.by_photo import PhotoTable
from facealign.formats.journal import Journal, journal_path
from facealign.formats.json import to_line
from facealign.formats.part import to_utf8
from facealign.formats.results import Format, output_format, read_results, write_results
from facealign.image import is_file, is_folder
from facealign.types import Box, Pixels


@dataclass(frozen=True)
class Work:
    """What is done with a photo; used from several threads.

    Attributes:
        aligner: finds the faces.
        boxes: the boxes given, else None.
        pictures: where drawn ones go, else None.

    """

    aligner: FaceAligner
    boxes: PhotoTable[Box] | None = None
    pictures: Pictures | None = None

    def align(self, photo: Path) -> ImageResult:
        """One photo's result; a bad photo's holds the error."""
        result, image = photo_result(
            str(photo), partial(to_source, photo), partial(self._find, photo)
        )
        if self.pictures and image is not None:
            self.pictures.write(photo, image, result.faces)
        return result

    def _find(self, photo: Path, image: Pixels) -> list[Face]:
        return self.aligner.align(image, self.boxes.of(photo) if self.boxes else None)


def run(
    work: Work, photos: list[Path], workers: int, hidden: bool = False
) -> Generator[ImageResult]:
    """The results in the order of the photos, with a progress bar unless that is hidden."""
    bar = progress("photos", shown=not hidden)
    with bar, closing(map_ordered(work.align, photos, workers)) as results:
        task = bar.add_task("aligning", total=len(photos))
        for result in results:
            if result.error is None:
                note(f"{result.source}: {counted(len(result.faces), 'face')}")
            yield result
            bar.advance(task)


def run_to_output(work: Work, photos: list[Path], workers: int, tally: Tally, job: Job) -> None:
    """The results where the job wants them, and in the tally.

    Raises:
        OutputError: the file cannot be written, or was begun with other settings, or holds other
            points than are wanted.
        MissingExtraError: the format needs an extra that is not installed.

    """
    if job.output is None:
        for result in run(work, photos, workers):
            tally.add(result)
    elif job.output == STDOUT:
        _run_to_stdout(work, photos, workers, tally)
    else:
        _run_to_file(work, photos, workers, tally, job.output, job)


def _run_to_stdout(work: Work, photos: list[Path], workers: int, tally: Tally) -> None:
    """Each result as a line of JSON on standard output, at once."""
    with closing(run(work, photos, workers, hidden=sys.stdout.isatty())) as results:
        for result in results:
            tally.add(result)
            sys.stdout.write(to_utf8(to_line(result)) + "\n")
            sys.stdout.flush()


def _run_to_file(
    work: Work, photos: list[Path], workers: int, tally: Tally, output: Path, job: Job
) -> None:
    """The results in a file, which whatever stops the work leaves valid; a journal until then."""
    form, resume = output_format(output, job.form), job.resume
    _check(output, form, photos, resume)
    with Journal(output, job.record(), resume) as journal:
        if resume and not journal.resumed and form.keeps_all and is_file(output):
            _check_markup(output, form, work.aligner.markup)
            journal.take_over(read_results(output, form.name))
        for result in journal.results():
            tally.add(result)
        left = [p for p in photos if not {str(p), to_utf8(str(p))} & journal.done]
        try:
            with closing(run(work, left, workers)) as results:
                for result in results:
                    journal.add(result)
                    tally.add(result)
        except BaseException:  # such as Ctrl-C: what was done by then is kept, as is the journal
            if not journal.is_empty:
                write_results(journal.results, output, form.name)
            raise
        write_results(journal.results, output, form.name)
        journal.remove()


def _check_markup(output: Path, form: Format, markup: str) -> None:
    """Refuse to go on with a finished file of other points; its other settings are not known."""
    faces = (face for result in read_results(output, form.name) for face in result.faces)
    first = next(faces, None)
    if first and first.markup != markup:
        raise OutputError(
            f"{output} holds {first.markup} points, not {markup}: leave --resume out to begin anew"
        )


def _check(output: Path, form: Format, photos: list[Path], resume: bool) -> None:
    """Refuse before the work what could not be written after it."""
    form.check()
    if form.name != "pts":
        if is_folder(output):
            raise OutputError(f"cannot write {output}: it is a folder; give a file name")
    elif output.suffix.lower() == ".pts":
        if len(photos) > 1:
            raise OutputError(
                f"{output} is one .pts file, for {len(photos)} photos: give a folder and "
                "--format pts"
            )
    elif not (resume and journal_path(output).exists()) and any(output.rglob("*.pts")):
        raise OutputError(f"{output} holds .pts files, which could be replaced: give a new folder")
