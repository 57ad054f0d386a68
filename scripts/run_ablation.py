"""Table 5: variants × seeds × data sets, every run on the same reduced budget.

    python scripts/run_ablation.py docs/runs/300w.json --root 300w=/faces/300w --steps 5000
    facealign reproduce table5 --runs docs/runs/300w.json

A part of AFLW needs `--set data.options.training_faces=N`, in a run of its own.

A variant is the recipe paper/DATASET, or that of --recipe, with the one change that
ablation/VARIANT makes. To continue after a stop, give the same command again: finished runs stand
in the file, an unfinished one in its folder. Needs the "train" extra.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

from facealign.aligner import FaceAligner
from facealign.configs import FOLDER
from facealign.datasets import read_dataset
from facealign.errors import DataError, FaceAlignError
from facealign.evaluation import predict, score
from facealign.problems import collect
from facealign.reproduce.measure import Roots
from facealign.reproduce.paper import VARIANTS
from facealign.reproduce.runs import read_runs, write_runs

TESTS = {
    "aflw": ("full", ["box_size"]),
    "300w": ("common", ["inter_ocular", "inter_pupil"]),
    "celeba": ("test", ["inter_pupil"]),
    "300vw": ("category3", ["inter_ocular", "inter_pupil"]),
}
"""Data set → the subset that is measured, and by what."""
Entries = list[dict[str, Any]]


def main(arguments: list[str] | None = None) -> None:
    given = parse(arguments)
    entries = finished(given)
    names = [root.partition("=")[0] for root in given.root]
    for seed, dataset, variant in itertools.product(given.seeds, names, given.variants):
        command = command_of(dataset, variant, seed, given)
        if any(entry["command"] == command for entry in entries):
            continue
        entries += run_one(dataset, variant, seed, command, given)
        write_runs(given.results, entries, note_of(given))
        print(f"{dataset} {variant} seed {seed}: {100 * entries[-1]['nme']:.2f} %", flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    variants = ["aan", *sorted(path.stem for path in (FOLDER / "ablation").glob("*.toml"))]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("results", type=Path, help="the file of recorded runs, made or added to")
    add("--root", action="append", required=True, metavar="NAME=DIR", help="a data set; repeatable")
    add(
        "--variants",
        nargs="+",
        choices=variants,
        default=list(VARIANTS)[:4],
    )
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--recipe", help="of every run, in place of paper/DATASET: release/ablation")
    add("--steps", type=int, default=5000, help="of every run; the paper's are 50,000")
    add("--set", nargs="+", default=[], metavar="KEY=VALUE", help="the same change to every run")
    add("--threads", type=int, default=1)
    add("--work", type=Path, default=Path("runs/ablation"), help="folder of the runs")
    return parser.parse_args(arguments)


def finished(given: argparse.Namespace) -> Entries:
    """The entries of a results file that is already there; another budget is refused."""
    if not given.results.exists():
        return []
    _, notes = read_runs(given.results)
    if notes != [note_of(given)]:
        raise DataError(f"{given.results} holds runs of another budget ({notes}): name a new file")
    entries: Entries = json.loads(given.results.read_text())["runs"]
    return entries


def overrides_of(variant: str) -> list[str]:
    """The one change of a variant, as overrides."""
    if variant == "aan":
        return []
    tree = tomllib.loads((FOLDER / "ablation" / f"{variant}.toml").read_text())
    changed = {f"model.{key}": value for key, value in tree["model"].items()}
    plain = {True: "true", False: "false"}
    return [
        f"{key}={plain[value] if isinstance(value, bool) else value}"
        for key, value in changed.items()
    ]


def all_overrides(variant: str, seed: int, given: argparse.Namespace) -> list[str]:
    budget = [f"train.steps={given.steps}", f"train.seed={seed}", *given.set]
    return [*overrides_of(variant), *budget]


def command_of(dataset: str, variant: str, seed: int, given: argparse.Namespace) -> str:
    words = ["facealign", "train", given.recipe or f"paper/{dataset}"]
    return shlex.join([*words, *all_overrides(variant, seed, given)])


def note_of(given: argparse.Namespace) -> str:
    changed = f", {' '.join(given.set)}" if given.set else ""
    recipe = f"the recipe {given.recipe}" if given.recipe else "the paper's configuration"
    return f"Every run: {recipe} for {given.steps:,} steps{changed}."


def run_one(
    dataset: str, variant: str, seed: int, command: str, given: argparse.Namespace
) -> Entries:
    """Train, export, predict the test subset once, score it by every normaliser."""
    from facealign.training.export.onnx import export_run
    from facealign.training.loop import fit
    from facealign.training.run import prepare
    from facealign.training.rundir.folder import RunFolder
    from facealign.training.settings_file import load_settings

    root = Path(next(r.partition("=")[2] for r in given.root if r.startswith(f"{dataset}=")))
    changes = [*all_overrides(variant, seed, given), f"train.threads={given.threads}"]
    recipe = FOLDER / f"{given.recipe or f'paper/{dataset}'}.toml"
    settings = load_settings(recipe, [*changes, f"data.root={root}"])
    folder = RunFolder(given.work / f"{dataset}-{variant}-{seed}")
    data = settings.data
    run = prepare(settings, folder, [read_dataset(dataset, root, data.subset, **data.options)])
    fit(run)
    model = folder.path / "model.onnx"
    export_run(folder.path, model)
    return measure(dataset, variant, seed, command, model, given, data.options)


def measure(
    dataset: str,
    variant: str,
    seed: int,
    command: str,
    model: Path,
    given: argparse.Namespace,
    options: dict[str, str | int],
) -> Entries:
    subset, normalisers = TESTS[dataset]
    reading = Roots(tuple(given.root), options).read(dataset, subset)
    with collect() as unread:
        found = predict(reading.samples, FaceAligner(model, threads=given.threads))
    if unread:
        raise DataError(f"{len(unread)} test images cannot be read, the first: {unread[0]}")
    report = score(reading.samples, found, dataset, subset)
    facts = {"variant": variant, "dataset": dataset, "subset": subset, "seed": seed}
    faces = {"count": report.count, "box_source": report.box_source, "steps": given.steps}
    return [
        {**facts, "nme": report.nmes[n], "normaliser": n, **faces, "command": command}
        for n in normalisers
    ]


if __name__ == "__main__":
    try:
        main()
    except FaceAlignError as error:
        raise SystemExit(f"error: {error}") from None
