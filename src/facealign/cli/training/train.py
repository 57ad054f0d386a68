"""`facealign train` and `sweep`: a TOML file → the folder of a run, or of many."""

import json
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from facealign.cli.console import bar, fail, percent, print_table, progress, say
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
    from facealign.training.sweep import Prune, Row


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
        from facealign.training.data.batches import own_rows
        from facealign.training.distributed.processes import launch

        own_rows(settings.train.batch, settings.train.accumulate, 0, nproc)  # or it is refused
        words = ["train", str(config), *overrides, "--run", str(path)]
        words += ["--folds", str(folds)] if folds else []
        return launch(words, nproc, settings.train.timeout)
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


def _train_folds(settings: "Settings", readings: list[Reading], path: Path, folds: int) -> int:
    from facealign.training.distributed.processes import leads
    from facealign.training.validation import fold_settings, summarise

    codes: list[int] = []
    for each in fold_settings(settings, folds):
        codes.append(_train(each, readings, path / f"fold-{each.data.fold}"))
        if codes[-1] == INTERRUPTED:
            return INTERRUPTED
    if not leads():
        return max(codes)
    for name, found in summarise(path, folds).items():
        error = f"{100 * found['mean']:.2f} ± {100 * found['deviation']:.2f} %"
        say(f"NME ({in_words(name.removeprefix('nme_'))}) of {folds} folds: {error}")
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


@click.command("sweep", short_help="Search settings by many short runs.")
@click.argument("config", type=Path)
@click.argument("overrides", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
@click.option("--folder", type=Path, metavar="DIR", help="Default: sweeps/NAME.")
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Default: the file's.")
def sweep(config: Path, overrides: tuple[str, ...], folder: Path | None, trials: int | None) -> int:
    """Search settings by many short runs, each chosen by the results so far.

    CONFIG names the settings to search and the file with all the others; SECTION.KEY=VALUE
    changes one of those. Repeat the command to continue a sweep that was stopped, or, while one
    is running on this machine, to add a worker. Every trial is a run in DIR.

    \b
    facealign sweep sweep data.root=drawn/
    facealign sweep sweep data.root=drawn/ --trials 50
    """  # noqa: D301
    with needs("sweep", "a sweep"):
        from facealign.training.sweep import load_sweep, run_trials
    wanted = load_sweep(find_config(config), overrides, trials)
    path = folder or Path("sweeps") / wanted.name
    finished, rows = run_trials(wanted, path, _train_trial)
    _print_trials(rows, list(wanted.search), path)
    return 0 if finished else fail("interrupted; repeat the command to continue", INTERRUPTED)


def _train_trial(settings: "Settings", path: Path, prune: "Prune") -> float | None:
    """Train one trial; its best NME, None if it was stopped before the end."""
    from facealign.training.loop import fit
    from facealign.training.run import prepare
    from facealign.training.rundir.folder import RunFolder

    say(path.name)
    with collect():  # each trial reads the same faces
        run = prepare(settings, RunFolder(path), read_all(settings))
    given_up = False

    with Watcher(run) as watcher:

        def watch(step: "TrainingProgress") -> None:
            nonlocal given_up
            watcher(step)
            if step.report:
                given_up = prune(step.step, step.report.nme)

        finished = fit(run, watch, lambda: given_up or watcher.stopped())
    if finished and watcher.stopped():
        raise KeyboardInterrupt  # too late for this run, so stop before the next
    return run.best if finished else None


def _print_trials(rows: "list[Row]", keys: list[str], path: Path) -> None:
    right = ("step", "best NME", *keys)
    cells = (
        (row.folder, row.state, str(row.step or "-"), percent(row.nme))
        + tuple(_in_short(row.values.get(key)) for key in keys)
        for row in rows
    )
    print_table(("trial", "state", *right), cells, right)
    if rows and rows[0].state == "complete":
        say(f"best: {path / rows[0].folder}")


def _in_short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else "-" if value is None else json.dumps(value)
