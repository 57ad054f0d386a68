"""Recorded training runs: the file that table 5 is made from.

    {"schema": "facealign-runs/1",
     "note": "what all of them share: budget, data, machine",
     "runs": [{"variant": "no-ne", "dataset": "aflw", "subset": "full", "seed": 0,
               "nme": 0.0178, "normaliser": "box_size", "command": "facealign train …"}]}

`nme` is a fraction. More keys may follow (count, box_source, steps …). `docs/runs/`
holds such files, `scripts/run_ablation.py` writes them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facealign.errors import DataError
from facealign.files import parsing, read_json_file, write_json
from facealign.metrics import NORMALISERS

SCHEMA = "facealign-runs/1"
WORDS = ("variant", "dataset", "subset", "normaliser", "command")


@dataclass(frozen=True)
class RecordedRun:
    """The outcome of one training run.

    Attributes:
        variant: such as "no-ne", a name of `paper.VARIANTS`.
        dataset, subset: the faces it was measured on.
        seed: of the run.
        nme: a fraction.
        normaliser: of `nme`.
        command: what repeats the run.
    """

    variant: str
    dataset: str
    subset: str
    seed: int
    nme: float
    normaliser: str
    command: str


def read_runs(path: Path) -> tuple[list[RecordedRun], list[str]]:
    """The runs in a file, or in every `.json` file of a folder, and the files' notes.

    Raises:
        DataError: the file is missing or not in the schema; the message names the wrong run.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    runs: list[RecordedRun] = []
    notes: list[str] = []
    for file in files:
        tree = read_json_file(file)
        if not isinstance(tree, dict) or tree.get("schema") != SCHEMA:
            raise DataError(f'{file}: not a file of recorded runs: its schema is not "{SCHEMA}"')
        if not isinstance(tree.get("runs"), list):
            raise DataError(f'{file}: "runs" is not a list')
        runs += [_to_run(entry, f"{file}: run {i + 1}") for i, entry in enumerate(tree["runs"])]
        notes += [str(tree["note"])] if tree.get("note") else []
    return runs, notes


def write_runs(path: Path, entries: Sequence[dict[str, Any]], note: str) -> None:
    """Check entries and write them in the schema.

    Raises:
        DataError: an entry lacks a key.
        OutputError: the file cannot be written.
    """
    for number, entry in enumerate(entries, start=1):
        _to_run(entry, f"run {number}")
    tree = {"schema": SCHEMA, "note": note, "runs": list(entries)}
    write_json(path, tree, allow_nan=False)


def _to_run(entry: object, place: str) -> RecordedRun:
    if not isinstance(entry, dict):
        raise DataError(f"{place}: not an object")
    for key in (*WORDS, "seed", "nme"):
        if key not in entry:
            raise DataError(f'{place}: lacks "{key}"')
    words = {key: str(entry[key]) for key in WORDS}
    nme, seed = entry["nme"], entry["seed"]
    if isinstance(nme, bool) or not isinstance(nme, int | float) or not 0 <= nme < math.inf:
        raise DataError(f"{place}: nme {nme!r} is not a fraction")
    if not isinstance(seed, int):
        raise DataError(f"{place}: seed {seed!r} is not a whole number")
    if words["normaliser"] not in NORMALISERS:
        raise DataError(f'{place}: unknown normaliser "{words["normaliser"]}"')
    with parsing(place):
        return RecordedRun(**words, seed=seed, nme=float(nme))
