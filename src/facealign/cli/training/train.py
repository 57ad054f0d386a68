"""`facealign train`: a TOML file → a run folder."""

import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from facealign.cli.console import bar, fail, percent, progress, say
from facealign.cli.data_options import config_list
from facealign.cli.stopping import INTERRUPTED, Stop
from facealign.configs import find_config
from facealign.datasets import Reading, read_dataset
from facealign.errors import SettingsError, needs
from facealign.metrics import in_words
from facealign.problems import collect

if TYPE_CHECKING:
    from facealign.training.loop import Progress as TrainingProgress
    from facealign.training.run import Run
    from facealign.training.settings import LabelledFaces, Settings


@click.command("train", short_help="Train a network on labelled faces.")
@click.argument("config", type=Path)
@config_list
@click.argument("overrides", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
@click.option("--run", "folder", type=Path, metavar="DIR", help="Default: runs/NAME.")
@click.option(
    "--folds", type=click.IntRange(2), metavar="K", help="Cross-validate: K runs in DIR/fold-N."
)
@click.option(
    "--nproc",
    type=click.IntRange(1, 1024),
    default=1,
    metavar="N",
    help="Processes on this machine, for example one a GPU.",
)
def train(
    config: Path, overrides: tuple[str, ...], folder: Path | None, folds: int | None, nproc: int
) -> int:
    """Train a network on labelled faces.

    CONFIG is a TOML file, or the name of a recipe that comes with facealign (--list).
    SECTION.KEY=VALUE changes one of its settings. To continue a run that was stopped, repeat the
    command.

    \b
    facealign train 300w data.root=/faces/300w
    facealign train 300w data.root=/faces/300w train.steps=500
    facealign train 300w data.root=/faces/300w --folds 5
    facealign train 300w data.root=/faces/300w --nproc 4

    On several machines, start on each torchrun with its options, then
    -m -- facealign train CONFIG …; train.batch is still the faces of a step.
    """  # noqa: D301
    with needs("train", "training"):
        from facealign.training.distributed.processes import joined, leads
        from facealign.training.settings_file import load_settings
    settings = load_settings(find_config(config), overrides)
    path = folder or Path("runs") / settings.name
    if nproc > 1:
        words = ["train", str(config), *overrides, "--run", str(path)]
        return _launch(settings, words + (["--folds", str(folds)] if folds else []), nproc)
    with joined(settings.train) as many, collect(quiet=not leads()) as problems:
        readings = read_all(settings)  # all processes read the same: the leading one reports
        if folds:
            code = _train_folds(settings, readings, path, folds)
        else:
            code = _train(settings, readings, path)
    return _leave(code or (3 if problems else 0)) if many else code


def _leave(code: int) -> NoReturn:
    """End one of several processes at once: everything is written.

    Threads of PyTorch's connections sometimes abort a process that shuts down in order.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _launch(settings: "Settings", arguments: list[str], nproc: int) -> int:
    from facealign.training.data.batches import own_rows
    from facealign.training.distributed.launch import launch

    own_rows(settings.train.batch, settings.train.accumulate, 0, nproc)
    return launch(arguments, nproc, settings.train.timeout)


def _train_folds(settings: "Settings", readings: list[Reading], path: Path, folds: int) -> int:
    from facealign.training.distributed.processes import leads
    from facealign.training.validation import fold_settings, summarise, write_summary

    codes: list[int] = []
    for each in fold_settings(settings, folds):
        codes.append(_train(each, readings, path / f"fold-{each.data.fold}"))
        if codes[-1] == INTERRUPTED:
            return INTERRUPTED
    if not leads():
        return max(codes)
    summary = summarise([path / f"fold-{number}" for number in range(folds)])
    write_summary(summary, path)
    for name, (mean, deviation) in summary.items():
        error = f"{100 * mean:.2f} ± {100 * deviation:.2f} %"
        say(f"NME ({in_words(name)}) of {folds} folds: {error}")
    return max(codes)


def _train(settings: "Settings", readings: list[Reading], path: Path) -> int:
    from facealign.training.distributed.processes import leads, world
    from facealign.training.loop import fit
    from facealign.training.run import prepare
    from facealign.training.rundir.folder import RunFolder

    folder = RunFolder(path)
    run = prepare(settings, folder, readings, bar("reading", "faces", shown=leads()))
    with Watcher(run, world(), leads()) as watcher:
        finished = fit(run, watcher, watcher.stopped)
    if not finished:
        stopped = f"interrupted at step {run.step}; repeat the command to continue"
        return fail(stopped, INTERRUPTED) if leads() else INTERRUPTED
    if leads():
        say(f"run: {path}")
    return 0


def read_all(settings: "Settings") -> list[Reading]:
    """The labelled faces of `data`, then of each of `further`."""
    further = [_read(data, f"further.{i}") for i, data in enumerate(settings.further)]
    return [_read(settings.data, "data"), *further]


def _read(data: "LabelledFaces", name: str) -> Reading:
    if not data.root:
        raise SettingsError(f"{name}.root is not set: add {name}.root=/folder/of/the/data set")
    options = data.options | ({"markup": data.markup} if data.markup else {})
    return read_dataset(data.dataset, Path(data.root).expanduser(), data.subset, **options)


LINE_EVERY = 60.0
"""Seconds between lines of progress where there is no terminal for a bar."""


class Watcher:
    """Shows the progress of a run, and asks it to stop after Ctrl-C or SIGTERM.

    On a terminal that is a bar, elsewhere a line a minute. With several processes only the leading
    one shows it.
    """

    def __init__(self, run: "Run", processes: int = 1, leads: bool = True) -> None:
        self._many, self._leads = processes > 1, leads
        self._starter = os.getppid()
        self._bar = progress("", shown=leads)
        steps = run.settings.train.steps
        self._task = self._bar.add_task("step", total=steps, completed=run.step, note="")
        self._stop = Stop(once=self._many)
        self._best = run.best
        self._rate = 0.0
        self._said = time.monotonic()

    def stopped(self) -> bool:
        """Whether a signal has come, or the process that started several is gone."""
        return self._stop.asked or (self._many and os.getppid() != self._starter)

    def __call__(self, progress: "TrainingProgress") -> None:
        """Show one step; print a line for a validation."""
        rate = progress.images_per_second
        self._rate = rate if not self._rate else 0.95 * self._rate + 0.05 * rate
        if progress.report and self._leads:
            error, by = progress.report.nme, in_words(progress.report.normaliser)
            self._best = min(self._best, error)
            say(
                f"step {progress.step}: loss {progress.loss:.4f}, validation NME ({by}) "
                f"{percent(error)}, best {percent(self._best)}, {self._rate:.0f} images/s"
            )
        best = f"NME {percent(self._best)} · " if math.isfinite(self._best) else ""
        note = f"loss {progress.loss:.3f} · {best}{self._rate:.0f} images/s"
        self._bar.update(self._task, completed=progress.step, note=note)
        if self._bar.disable and self._leads and time.monotonic() - self._said >= LINE_EVERY:
            self._said = time.monotonic()
            say(f"step {progress.step} of {progress.steps} · {note}")

    def __enter__(self) -> "Watcher":
        self._stop.__enter__()
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        self._stop.__exit__(*error)
