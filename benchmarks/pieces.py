"""What each part of a training recipe does.

    python benchmarks/pieces.py docs/runs/pieces/300w.json --root 300w=/faces/300w

Trains the small network of pieces.toml many times, each with one change (piece_list.py), on
nine tenths of the photos in 300W's training part. Measures it on the other tenth: unchanged, and
under the trouble that the piece is meant for (troubles.py). Trials with further data are skipped
unless `--root` gives their folder, and the reader's options:

    --root merl=merl.csv --root merl.images=/faces/aflw        (made by scripts/labels/box_faces.py)
    --root aflw=/faces/aflw --root aflw.training_faces=2148

After a stop the same command resumes. `--table` only prints the results in the file.
Needs the "train" extra.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from piece_list import TRIALS
from script import new_console, new_table, percent, record, run_script, show_table
from troubles import PLAIN, Troubled, trouble_all

from facealign.datasets import Reading, read_dataset
from facealign.datasets.reading import split_by_group
from facealign.errors import DataError
from facealign.files import write_file
from facealign.training.data.regions import Faces, load_faces
from facealign.training.device import choose_device, keep_freed_memory
from facealign.training.loop import fit
from facealign.training.run import build, resume
from facealign.training.rundir.fingerprint import fingerprint
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import FurtherData, Settings
from facealign.training.settings_file import load_settings
from facealign.training.validation import Validator, predict_crops

RECIPE = Path(__file__).with_name("pieces.toml")
SCHEMA = "facealign-pieces/1"
DATASETS = {"300w": ("300w", "train"), "merl": ("csv", "all"), "aflw": ("aflw", "train")}
"""Name of a `--root` → the data set's reader, and the subset."""
HELD_OUT = 0.1
NOTE = "held-out faces of 300W's training part, official boxes; NME, inter-ocular, a fraction"
Entry = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Bench:
    """The training faces and the held-out faces, read once for all trials."""

    roots: dict[str, str]
    settings: Settings
    parts: dict[tuple[str, int], tuple[Reading, Faces]] = field(default_factory=dict)

    @cached_property
    def troubled(self) -> dict[str, Troubled]:
        """The held-out faces under every trouble."""
        _, held_out = self.split
        return trouble_all(
            held_out.samples, self.settings.model.input_size, self.settings.data.margin
        )

    @cached_property
    def split(self) -> tuple[Reading, Reading]:
        """300W's training part, split in two; no photo is in both."""
        reading = self.read("300w")
        training, held_out = split_by_group(reading.samples, HELD_OUT, seed=0)
        return replace(reading, samples=training), replace(reading, samples=held_out)

    def read(self, name: str) -> Reading:
        dataset, subset = DATASETS[name]
        options: dict[str, str | int] = {}
        for key, value in self.roots.items():
            if key.startswith(f"{name}."):
                word = key.partition(".")[2]
                place = str(Path(value).resolve())  # the reader looks beside the labels
                options[word] = int(value) if value.isdigit() else place
        return read_dataset(dataset, Path(self.roots[name]), subset, **options)

    def faces(self, name: str, count: int) -> tuple[Reading, Faces]:
        """Faces to train on, decoded; the first `count` of a random order, or all of them."""
        if (name, count) not in self.parts:
            reading = self.split[0] if name == "300w" else self.read(name)
            if count:
                share = count / len(reading.samples)
                _, few = split_by_group(reading.samples, share, seed=0)
                reading = replace(reading, samples=few)
            size, margin = self.settings.model.input_size, self.settings.data.margin
            self.parts[name, count] = reading, load_faces(reading.samples, size, margin)
        return self.parts[name, count]


def run(given: argparse.Namespace) -> None:
    tree = finished(given)
    if not given.table:
        bench = Bench(roots_of(given), load_settings(RECIPE, budget_of(given)))
        for name, seed in due(given, tree["runs"], bench.roots):
            tree["runs"].append(train(name, seed, bench, given))
            write_file(given.results, json.dumps(tree, indent=2, ensure_ascii=False) + "\n")
            print(f"{name}, seed {seed}: {percent(tree['runs'][-1]['nme'][PLAIN])} %", flush=True)
    show(tree)


def roots_of(given: argparse.Namespace) -> dict[str, str]:
    """`--root` by name.

    Raises:
        DataError: 300W is missing, or a name is unknown.

    """
    roots = {name: path for name, _, path in (root.partition("=") for root in given.root)}
    unknown = {name.partition(".")[0] for name in roots} - set(DATASETS)
    if unknown or "300w" not in roots:
        raise DataError(
            f"--root {' '.join(given.root)}: give 300w=DIR, and optionally others of "
            f"{', '.join(DATASETS)}"
        )
    return roots


def due(
    given: argparse.Namespace, runs: list[Entry], roots: dict[str, str]
) -> Iterator[tuple[str, int]]:
    """The trials not recorded yet whose data is available."""
    done = {(entry["trial"], entry["seed"]) for entry in runs}
    for name in given.trials:
        missing = TRIALS[name].needs() - set(roots)
        if missing:
            print(f"{name}: skipped, it needs --root {' '.join(sorted(missing))}", flush=True)
            continue
        yield from ((name, s) for s in range(TRIALS[name].seeds) if (name, s) not in done)


def budget_of(given: argparse.Namespace) -> list[str]:
    return [f"train.steps={given.steps}", *given.set]


def finished(given: argparse.Namespace) -> dict[str, Any]:
    """The results in the file; empty if there is no file.

    Raises:
        DataError: it has another schema, or its trials had another budget.

    """
    budget = budget_of(given)
    if not given.results.exists():
        return record(given, "pieces", {"note": NOTE, "budget": budget, "runs": []})
    try:
        tree: dict[str, Any] = json.loads(given.results.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{given.results}: cannot be read ({error})") from None
    if tree.get("schema") != SCHEMA:
        raise DataError(f'{given.results}: its schema is not "{SCHEMA}"')
    if not given.table and tree["budget"] != budget:
        raise DataError(f"{given.results} holds trials of {tree['budget']}: name a new file")
    return tree


def train(name: str, seed: int, bench: Bench, given: argparse.Namespace) -> Entry:
    """Run one trial and measure it.

    Raises:
        DataError: a trial whose weights it needs has not been run.

    """
    trial = TRIALS[name]
    settings = settings_of(name, seed, bench, given)
    torch.set_num_threads(given.threads)
    torch.manual_seed(seed)
    keep_freed_memory()
    used = [bench.faces(trial.data, trial.faces), *(bench.faces(n, 0) for n, _ in trial.further)]
    readings, faces = [reading for reading, _ in used], [found for _, found in used]
    size = settings.model.input_size
    nobody = Validator.load([], size, settings.data.margin, "300w")
    folder = RunFolder(folder_of(name, seed, given))
    trained = build(settings, folder, readings, faces, nobody, choose_device(settings.train))
    resume(trained, fingerprint(readings, faces, []))
    first, started = trained.step, time.perf_counter()
    fit(trained)
    taken = time.perf_counter() - started
    troubled = {word: bench.troubled[word] for word in (PLAIN, *trial.troubles)}
    nmes = {
        word: faces.error(lambda crops: predict_crops(trained.average, crops))
        for word, faces in troubled.items()
    }
    return {
        "trial": name,
        "seed": seed,
        "against": trial.against,
        "changes": list(trial.changes),
        "steps": settings.train.steps,
        "trained_on": trained.trained_on,
        "images_per_second": round((trained.step - first) * settings.train.batch / taken, 1),
        "count": len(troubled[PLAIN].truth),
        "nme": nmes,
    }


def settings_of(name: str, seed: int, bench: Bench, given: argparse.Namespace) -> Settings:
    trial = TRIALS[name]
    steps = round(trial.length * bench.settings.train.steps)
    changes = [*given.set, *trial.changes, f"train.steps={steps}", f"train.seed={seed}"]
    changes += [f"train.validate_every={steps}", f"train.threads={given.threads}"]
    changes.append("train.tensorboard=false")
    for key, other in (("start", trial.start), ("teacher", trial.teacher)):
        if other:
            weights = folder_of(other, 0, given) / "last.pt"
            if not weights.exists():
                raise DataError(
                    f'"{name}" needs the weights of "{other}", which is not in {weights}'
                )
            changes.append(f"train.{key}={weights}")
    further = tuple(
        FurtherData(dataset=DATASETS[n][0], subset=DATASETS[n][1], share=share)
        for n, share in trial.further
    )
    return replace(load_settings(RECIPE, changes), further=further)


def folder_of(name: str, seed: int, given: argparse.Namespace) -> Path:
    words = "".join(letter if letter.isalnum() else "-" for letter in name)
    return Path(given.work) / f"{words}-{seed}"


def show(tree: dict[str, Any]) -> None:
    """A row for each trouble of each trial: without the piece, with it."""
    runs = by_trial(tree["runs"])
    table = new_table("piece", "trouble", "without", "with")
    for name, found in runs.items():
        others = runs.get(found[0]["against"], [])
        for trouble in found[0]["nme"]:
            table.add_row(name, trouble, spread_of(others, trouble), spread_of(found, trouble))
    words = "NME, inter-ocular, %; ± standard deviation over seeds"
    show_table(new_console(100), table, f"{tree['note']}\n{' '.join(tree['budget'])}; {words}")


def by_trial(runs: list[Entry]) -> dict[str, list[Entry]]:
    ordered = sorted(runs, key=lambda entry: list(TRIALS).index(entry["trial"]))
    return {name: list(group) for name, group in itertools.groupby(ordered, lambda e: e["trial"])}


def spread_of(runs: list[Entry], trouble: str) -> str:
    values = [entry["nme"][trouble] for entry in runs if trouble in entry["nme"]]
    if len(values) < 2:
        return percent(values[0] if values else None)
    return f"{percent(statistics.fmean(values))} ± {percent(statistics.stdev(values))}"


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("results", type=Path, help="the file of recorded trials, made or added to")
    add("--root", action="append", default=[], metavar="NAME=DIR", help="data; repeatable")
    add("--trials", nargs="+", choices=TRIALS, default=list(TRIALS), metavar="NAME")
    add("--steps", type=int, default=1000, help="of a trial from nothing")
    add("--set", nargs="+", default=[], metavar="KEY=VALUE", help="the same change to every trial")
    add("--threads", type=int, default=1)
    add("--work", type=Path, default=Path("runs/pieces"), help="folder of the runs")
    add("--table", action="store_true", help="train nothing, print what the file holds")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
