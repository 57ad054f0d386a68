"""`facealign sweep`: many short runs, their settings chosen by Optuna."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facealign.cli.console import fail, percent, print_table, say
from facealign.cli.stopping import INTERRUPTED
from facealign.cli.training.train import Watcher, read_all
from facealign.configs import find_config
from facealign.errors import needs
from facealign.problems import collect

if TYPE_CHECKING:
    from facealign.training.loop import Progress
    from facealign.training.settings import Settings
    from facealign.training.sweep import Prune, Row


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
    finished, rows = run_trials(wanted, path, _train)
    _print_trials(rows, list(wanted.search), path)
    if not finished:
        return fail("interrupted; repeat the command to continue", INTERRUPTED)
    return 0


def _train(settings: "Settings", path: Path, prune: "Prune") -> float | None:
    """Train one trial; its best NME, None if it was stopped before the end."""
    from facealign.training.loop import fit
    from facealign.training.run import prepare
    from facealign.training.rundir.folder import RunFolder

    say(path.name)
    with collect():  # each trial reads the same faces
        run = prepare(settings, RunFolder(path), read_all(settings))
    given_up = False

    with Watcher(run) as watcher:

        def watch(progress: "Progress") -> None:
            nonlocal given_up
            watcher(progress)
            if progress.report:
                given_up = prune(progress.step, progress.report.nme)

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
