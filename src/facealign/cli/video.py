"""`facealign video`: every face of a video, followed and steady, as a table and drawn on."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from facealign.aligner import FaceAligner
from facealign.aligner.settings import recorded
from facealign.cli.console import bar, fail, say, set_up_log
from facealign.cli.options import (
    FiniteRange,
    device_option,
    markup_option,
    measures_option,
    min_face_option,
    model_option,
    output_option,
    output_path,
    threads_option,
)
from facealign.cli.photos.output import STDOUT, kept, line_printer
from facealign.cli.stopping import GRACE, INTERRUPTED, Stop
from facealign.cli.tally import Totals
from facealign.draw import draw_faces
from facealign.errors import ImageError, OutputError
from facealign.face import ImageResult
from facealign.face.measures import measured
from facealign.files import to_utf8
from facealign.formats.journal import Journal
from facealign.formats.registry import VIDEO, output_format
from facealign.models import DEVICES
from facealign.problems import report
from facealign.tracking import FaceTracker
from facealign.video.follow import Smoothing, TrackedFrame, follow, make_tracker
from facealign.video.reading import Frame, VideoReader
from facealign.video.writing import VideoWriter, choose_encoder
from facealign.yunet import YuNet


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the results depend on: a run is resumed with the same."""

    model: str
    markup: str | None
    smoothing: Smoothing | None
    looks: int
    every: int
    start: float
    end: float | None
    faces: int | None
    raw: bool
    measures: bool
    min_face: float
    device: str

    def aligner(self, threads: int | None) -> FaceAligner:
        """One that looks for upright faces, in every video of a run."""
        providers = DEVICES[self.device]
        return FaceAligner(
            self.model,
            YuNet(min_face=self.min_face, threads=threads, providers=providers),
            threads,
            max_faces=self.faces,
            turned_faces=False,
            markup=self.markup,
            providers=providers,
        )

    def record(self) -> dict[str, Any]:
        """Plain values by name, the model by its file's sha256."""
        return recorded(vars(self)) | {"verb": "video"}


@click.command("video", short_help="Follow the faces of a video or a camera.")
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO...")
@output_option("FILE", "Results: .csv .jsonl .json .parquet; - prints JSON Lines.")
@output_path("--draw", metavar="FILE", help="Write the video drawn on: .mp4 .webm .mkv.")
@model_option
@markup_option()
@click.option(
    "--smoothing",
    type=click.Choice(["offline", "live", "none"]),
    help="By the frames around each, by those before it, or not; default: offline, live for a "
    "camera.",
)
@click.option(
    "--looks",
    type=click.IntRange(1, 2),
    default=2,
    help="2: the mean of two crops a face, steadier; 1 is faster.",
)
@click.option("--every", type=click.IntRange(1), default=1, metavar="N", help="Every Nth frame.")
@click.option("--start", type=FiniteRange(0), default=0.0, metavar="S", help="From second S.")
@click.option("--end", type=FiniteRange(0), metavar="S", help="Up to second S.")
@click.option("--faces", type=click.IntRange(1), metavar="N", help="At most N faces at a time.")
@click.option("--raw", is_flag=True, help="Also write the points before smoothing.")
@measures_option
@min_face_option("videos")
@device_option
@click.option("--resume", is_flag=True, help="Continue where an earlier run stopped.")
@threads_option("Threads of the network; default: all cores.")
@click.option("-v", "--verbose", is_flag=True, help="Also say what is done.")
@click.option("--json-log", is_flag=True, help="Errors and totals on stderr as JSON Lines.")
def command(
    *,
    videos: tuple[str, ...],
    output: Path | None,
    draw: Path | None,
    resume: bool,
    threads: int | None,
    verbose: bool,
    json_log: bool,
    **given: Any,
) -> int:
    """Follow the faces of a video or a camera: each has a number, steady points and no lag.

    VIDEO is a video file, a folder of frames, camera:0 (Linux), or - for standard input.

    \b
    facealign video talk.mp4 -o faces.csv
    facealign video talk.mp4 --draw drawn.mp4
    facealign video talk.mp4 -o faces.parquet --measures --resume
    facealign video camera:0 -o - | jq '.faces[].track'
    """  # noqa: D301
    set_up_log(verbose, json_log)
    settings = Settings(**given)
    _check(videos, output, draw, resume)
    totals, failed = Totals(), 0
    with Stop(grace=GRACE) as stop:
        run = Run(settings, settings.aligner(threads), stop, totals, draw, output != STDOUT)
        # KeyboardInterrupt: a signal came, perhaps the second, or the frame in hand does not come.
        with suppress(KeyboardInterrupt), ExitStack() as stack:
            if output == STDOUT:
                run.write = line_printer()
            elif output is not None:
                keep = kept(output, output_format(output), settings.record(), resume, totals.add)
                journal = stack.enter_context(keep)
                run.write, run.earlier = journal.add, _last_frames(journal)
            for video in videos:
                failed += not run.follow(video)
                if stop.asked:
                    raise KeyboardInterrupt
    if stop.asked:
        more = f"; {output} holds them, --resume continues from there"
        more = more if totals.frames and output not in (None, STDOUT) else ""
        return fail(f"interrupted: {totals.in_words()} done{more}", INTERRUPTED)
    if output != STDOUT:
        totals.print_table()
        say(totals.in_words())
        for what, place in {"results": output, "drawn": draw}.items():
            if place and totals.frames:
                say(f"{what}: {place}")
    return 4 if failed == len(videos) else 0


def _last_frames(journal: Journal) -> dict[str, tuple[ImageResult, int]]:
    """Video → the last frame that a journal holds of it, and how many tracks there were by then."""
    found: dict[str, tuple[ImageResult, int]] = {}
    for result in journal.results():
        _, tracks = found.get(result.source, (result, 0))
        found[result.source] = result, max([tracks, *((f.track or 0) + 1 for f in result.faces)])
    return found


@dataclass
class Run:
    """The videos of one command."""

    settings: Settings
    aligner: FaceAligner
    stop: Stop
    totals: Totals
    draw: Path | None
    shown: bool
    write: Callable[[ImageResult], object] = lambda result: None
    earlier: dict[str, tuple[ImageResult, int]] = field(default_factory=dict)

    def follow(self, name: str) -> bool:
        """Follow the faces of one video; False where it could not be read at all, which is said."""
        how = self.settings
        try:
            reader = VideoReader(name, every=how.every, start=how.start, end=how.end)
            with closing(reader) as video:
                kind = how.smoothing or ("live" if video.is_live else "offline")
                tracker = make_tracker(self.aligner, kind, how.looks, how.raw)
                frames = follow(self._frames(video, tracker), tracker, kind)
                self._keep(video, frames)
        except ImageError as error:
            report(str(error))
            return False
        return True

    def _frames(self, video: VideoReader, tracker: FaceTracker) -> Iterator[Frame]:
        """The frames that are left to do, up to the one in hand when a signal comes."""
        wrapped = bar("following", "frames", self.shown)(video, total=video.total)
        last, tracks = self.earlier.get(to_utf8(video.name), (None, 0))
        for frame in self.stop.until_asked(wrapped):
            if last is None or frame.number > (last.frame or 0):
                yield frame
            elif frame.number == last.frame:
                tracker.resume(last.faces, frame.image, frame.time, tracks)

    def _keep(self, video: VideoReader, frames: Iterator[TrackedFrame]) -> None:
        with ExitStack() as stack:
            drawn = None
            if self.draw is not None:
                writer = VideoWriter(self.draw, video.sound, self.settings.start)
                drawn = stack.enter_context(writer)
            for frame in frames:
                faces = measured(frame.faces) if self.settings.measures else frame.faces
                height, width = frame.image.shape[:2]
                moment = frame.number, frame.time
                result = ImageResult(video.name, width, height, faces, None, *moment)
                self.write(result)
                self.totals.add(result)
                if drawn is not None:
                    picture = draw_faces(frame.image, result.faces)
                    drawn.write(picture, frame.time, video.rate / self.settings.every, video.origin)


def _check(videos: tuple[str, ...], output: Path | None, draw: Path | None, resume: bool) -> None:
    """Refuse before the work what cannot be written after it."""
    if output is not None and output != STDOUT:
        form = output_format(output)
        if form.loses & VIDEO:
            raise OutputError(
                f"cannot write {output}: {form.name} has no place for frames and tracks; use .csv, "
                ".jsonl, .json or .parquet"
            )
        form.check()
    if resume and (output in (None, STDOUT) or draw):
        raise click.UsageError("--resume needs -o FILE, and cannot continue a drawn video")
    if draw is not None:
        choose_encoder(draw)
        if len(videos) > 1:
            raise click.UsageError(f"--draw takes one video at a time, not {len(videos)}")
