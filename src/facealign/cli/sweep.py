"""`facealign sweep`: many short runs, their settings chosen by Optuna."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facealign.cli.console import fail, out, percent
from facealign.cli.extras import extra
from facealign.cli.stopping import INTERRUPTED
from facealign.cli.train import Watcher, read_all
from facealign.problems import collect

if TYPE_CHECKING:
    from facealign.training.loop import Progress
    from facealign.training.settings import Settings
    from facealign.training.sweep import Heard, Row


@click.command("sweep", short_help="Search settings by many short runs.")
@click.argument("config", type=Path)
@click.argument("overrides", nargs=-1, metavar="[SECTION.KEY=VALUE]...")
@click.option("--folder", type=Path, metavar="DIR", help="Default: sweeps/NAME.")
@click.option("--trials", type=click.IntRange(1), metavar="N", help="Default: the file's.")
def command(
    config: Path, overrides: tuple[str, ...], folder: Path | None, trials: int | None
) -> int:
    """Search settings by many short runs, the next chosen by what the last ones showed.

    CONFIG names the settings to search and the file of all others; SECTION.KEY=VALUE changes one
    of those. The same command goes on with a sweep that was stopped, or joins one that is running
    on this machine as one more worker. Every trial is a run in DIR.

    \b
    facealign sweep configs/sweep.toml data.root=drawn/
    facealign sweep configs/sweep.toml data.root=drawn/ --trials 50
    """  # noqa: D301
    with extra("sweep", "a sweep"):
        from facealign.training.sweep import work
        from facealign.training.sweep_file import load_sweep
    sweep = load_sweep(config, overrides, trials)
    path = folder or Path("sweeps") / sweep.name
    finished, rows = work(sweep, path, _train)
    _print_table(rows, list(sweep.search), path)
    if not finished:
        return fail("interrupted; the same command goes on from there", INTERRUPTED)
    return 0


def _train(settings: Settings, path: Path, heard: Heard) -> float | None:
    """One trial's run; its best NME, None where it did not get to the end."""
    from facealign.training.loop import fit
    from facealign.training.run import prepare
    from facealign.training.rundir.folder import RunFolder

    out().print(f"{path.name}", markup=False, soft_wrap=True)
    with collect():  # each trial reads the same faces
        run = prepare(settings, RunFolder(path), read_all(settings))
    given_up = False

    with Watcher(run) as watcher:

        def watch(progress: Progress) -> None:
            nonlocal given_up
            watcher(progress)
            if progress.report:
                given_up = heard(progress.step, progress.report.nme)

        finished = fit(run, watch, lambda: given_up or watcher.stopped())
    if finished and watcher.stopped():
        raise KeyboardInterrupt  # too late for this run, which the next worker finds at its end
    return run.best if finished else None


def _print_table(rows: list[Row], keys: list[str], path: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("trial", "state", box=None, pad_edge=False)
    for name in ("step", "best NME", *keys):
        table.add_column(escape(name), justify="right")
    for row in rows:
        values = [_in_short(row.values.get(key)) for key in keys]
        cells = (row.folder, row.state, str(row.step or "-"), percent(row.nme), *values)
        table.add_row(*map(escape, cells))
    console = out()
    console.print(table)
    if rows and rows[0].state == "complete":
        console.print(f"best: {path / rows[0].folder}", markup=False, soft_wrap=True)


def _in_short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else "-" if value is None else json.dumps(value)
