"""Damage at random: every reader refuses a damaged file with a documented error, or reads it.

    python -m tests.fuzz --minutes 10
    python -m tests.fuzz --inputs 40000 --target image-jpeg --target onnx
    python -m tests.fuzz --again results-json:1234 --keep damaged/

A crash, a hang, an undocumented exception, a number that is not finite: exit code 1. The same
inputs come from the same `--seed`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
from tests.fuzz.readers import TARGETS
from tests.fuzz.run import Bench, Findings, Input, fuzz


@click.command()
@click.option("--minutes", type=click.FloatRange(0), help="Stop after this time.")
@click.option("--inputs", type=click.IntRange(1), help="Stop after so many damaged files.")
@click.option("--target", "names", multiple=True, help="Only this reader; may be repeated.")
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True)
@click.option("--again", metavar="TARGET:NUMBER", help="Read this one input here.")
@click.option("--keep", type=Path, metavar="DIR", help="Copy what went wrong here.")
@click.option("--shown", default=20, show_default=True, help="Kinds of faults that are shown.")
def main(
    minutes: float | None,
    inputs: int | None,
    names: tuple[str, ...],
    seed: int,
    workers: int,
    again: str | None,
    keep: Path | None,
    shown: int,
) -> None:
    """Damage files at random and read them."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        if again:
            target, _, number = again.partition(":")
            sys.exit(_once(Input(target, int(number), seed), folder, keep))
        seconds = 60 * (minutes if minutes is not None else 1e6 if inputs else 1)
        found = fuzz(
            names or list(TARGETS),
            folder,
            inputs=inputs,
            seconds=seconds,
            workers=workers,
            seed=seed,
        )
        click.echo(table(found))
        for count, case, outcome, detail in kinds_of(found)[:shown]:
            click.echo(f"\n{count} × {outcome}, such as {case}\n{detail}")
        if keep:
            for case, _, _ in found.wrong:
                _keep(case, folder, keep)
    wrong = Counter(outcome for _, outcome, _ in found.wrong)
    kinds = ", ".join(f"{count} {kind}" for kind, count in wrong.most_common()) or "none wrong"
    took = time.monotonic() - started
    click.echo(f"{found.total:,} inputs in {took / 60:.1f} minutes, seed {seed}: {kinds}")
    sys.exit(1 if found.wrong else 0)


def table(found: Findings) -> str:
    """A row for each reader: inputs, read all the same, refused, wrong."""
    rows = [f"{'reader':22}{'inputs':>8}{'read':>8}{'refused':>8}{'wrong':>8}"]
    for name, counts in found.counts.items():
        read, refused, total = counts["read"], counts["refused"], sum(counts.values())
        rows.append(f"{name:22}{total:8}{read:8}{refused:8}{total - read - refused:8}")
    return "\n".join(rows)


def kinds_of(found: Findings) -> list[tuple[int, Input, str, str]]:
    """The faults by kind and place, the most frequent first: how many, and one of them."""
    groups: dict[tuple[str, str], list[tuple[Input, str, str]]] = {}
    for case, outcome, detail in found.wrong:
        places = [line for line in detail.splitlines() if "src/facealign" in line]
        groups.setdefault((outcome, (places or [detail])[-1]), []).append((case, outcome, detail))
    kinds = sorted(groups.values(), key=len, reverse=True)
    return [(len(faults), *faults[0]) for faults in kinds]


def _once(case: Input, folder: Path, keep: Path | None) -> int:
    """Read one input in this process: a fault shows its own traceback."""
    if keep:
        _keep(case, folder, keep)
    bench = Bench(TARGETS[case.target], folder / case.target)
    click.echo(f"damaged: {bench.damage(case).relative_to(folder)}")
    click.echo(bench.read())
    return 0


def _keep(case: Input, folder: Path, keep: Path) -> None:
    bench = Bench(TARGETS[case.target], folder / "kept")
    victim = bench.damage(case)
    keep.mkdir(parents=True, exist_ok=True)
    shutil.copy(victim, keep / f"{case.target}-{case.number}-{victim.name}")


if __name__ == "__main__":
    main()
