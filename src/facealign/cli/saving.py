"""Where the results of `facealign align` go, kept safe while they come."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from facealign.cli.console import note
from facealign.cli.job import STDOUT, Job
from facealign.cli.tally import Tally, counted
from facealign.cli.work import Photos, Work, run
from facealign.errors import OutputError
from facealign.face import ImageResult
from facealign.files import is_file, is_folder, to_utf8
from facealign.formats.journal import Journal, journal_path
from facealign.formats.json import to_line
from facealign.formats.results import Format, output_format, read_results, write_results


def run_to_output(work: Work, photos: Photos, markup: str, tally: Tally, job: Job) -> None:
    """The results where the job wants them, and in the tally.

    Args:
        work: what is done with a photo.
        photos: all of the run.
        markup: the point scheme of the faces.
        tally: counts the results.
        job: the options.

    Raises:
        OutputError: the file cannot be written, or was begun with other settings, or holds other
            points than are wanted.
        MissingExtraError: the format needs an extra that is not installed.

    """
    if job.output is None:
        for result in _run(work, photos):
            tally.add(result)
    elif job.output == STDOUT:
        _run_to_stdout(work, photos, tally)
    else:
        _run_to_file(work, photos, markup, tally, job.output, job)


def _run(work: Work, photos: Photos, hidden: bool = False) -> Generator[ImageResult]:
    """The results in the order of the photos, each noted for who wants to know all."""
    with closing(run(work.align, photos, hidden)) as results:
        for result in results:
            if result.error is None:
                note(f"{result.source}: {counted(len(result.faces), 'face')}")
            yield result


def _run_to_stdout(work: Work, photos: Photos, tally: Tally) -> None:
    """Each result as a line of JSON on standard output, at once."""
    with closing(_run(work, photos, hidden=sys.stdout.isatty())) as results:
        for result in results:
            tally.add(result)
            sys.stdout.write(to_utf8(to_line(result)) + "\n")
            sys.stdout.flush()


def _run_to_file(
    work: Work, photos: Photos, markup: str, tally: Tally, output: Path, job: Job
) -> None:
    """The results in a file, which whatever stops the work leaves valid; a journal until then."""
    form, resume = output_format(output, job.form), job.resume
    _check(output, form, photos.files, resume)
    with Journal(output, job.record(), resume) as journal:
        if resume and not journal.resumed and form.keeps_all and is_file(output):
            _check_markup(output, form, markup)
            journal.take_over(read_results(output, form.name))
        for result in journal.results():
            tally.add(result)
        left = [p for p in photos.files if not {str(p), to_utf8(str(p))} & journal.done]
        try:
            with closing(_run(work, replace(photos, files=left))) as results:
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
