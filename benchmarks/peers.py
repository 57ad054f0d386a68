"""facealign beside dlib and MediaPipe: speed, memory and, on 300W, accuracy, in one run.

    python benchmarks/peers.py --root /faces/300w --json docs/runs/peers/300w.json

Without `--root` speed and memory alone; `--show FILE` prints the table of such a file. In a virtual
environment of its own, as the peers pin old versions of what others need:

    pip install . dlib-bin face_recognition_models mediapipe==0.10.21 ai-edge-litert

`face_recognition_models` brings dlib's 68 points; MediaPipe's wheels bring no model from 0.10.30
on; `ai-edge-litert` times MediaPipe's network without MediaPipe. A peer that is not installed is
left out, with a message.

Every contender runs in its own process, one after the other, in `--rounds`; of each time the
quietest round counts. All run on one core, as MediaPipe chooses its own threads (on Linux;
elsewhere only facealign and LiteRT keep to one thread).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import measure_accuracy
from contenders import Contender, Ours
from machine import measure_alone, run_apart, summarise
from others import PEERS
from PIL import Image
from rich.console import Console
from script import (
    PHOTO,
    add_models,
    add_root,
    median_and_p95,
    models_of,
    new_parser,
    new_table,
    percent,
    record,
    run_script,
    write_json,
)

from facealign.evaluation.timing import HEIGHT, WIDTH, times

WIDE = 400
"""More characters than any row of the table has, as it is for a document."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def measure(contender: Contender, repeats: int, root: Path | None) -> dict[str, Any]:
    """All results of a contender; the JSON file has an entry for each."""
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize((WIDTH, HEIGHT)))
    row: dict[str, Any] = {
        "name": contender.name,
        "library": contender.library,
        "ours": isinstance(contender, Ours),
        "points": contender.points,
        "weights_mb": round(contender.megabytes, 1),
        "terms": contender.terms,
        "caveat": contender.caveat,
        "stage": contender.stage_is,
        "stage_ms": summarise(times(contender.stage(photo), repeats)),
        "photo_ms": summarise(times(contender.whole(photo), repeats)),
        **measure_alone(contender.alone, PHOTO, max(repeats // 20, 1)),
    }
    return row | ({"accuracy": measure_accuracy(contender, root)} if root else {})


def quietest(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row of several rounds: for each time, the round with the lowest median, or the first."""
    best = {
        key: min((row[key] for row in rounds), key=lambda taken: taken["median"])
        for key in ("stage_ms", "photo_ms")
    }
    return rounds[0] | best | {"cold_start_ms": min(row["cold_start_ms"] for row in rounds)}


def measure_apart(
    kind: str, name: str, given: argparse.Namespace, root: Path | None
) -> dict[str, Any] | None:
    """One contender in its own process; None if it is not installed."""
    words = ["--one", kind, name, "--repeats", str(given.repeats)]
    found = run_apart(__file__, words + (["--root", str(root)] if root else []), **ONE_THREAD)
    if "missing" in found:
        print(f"{name} left out: {found['missing']} is not installed", file=sys.stderr)
        return None
    return found


def one(kind: str, name: str, given: argparse.Namespace) -> dict[str, Any]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    try:
        contender = Ours(name) if kind == "ours" else PEERS[name]()
        return measure(contender, given.repeats, given.root)
    except ImportError as error:
        return {"missing": error.name}


RATIO = "photo, ratio"
"""To the photo's time of the first row, which is ours."""
COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "points": lambda row: f"{row['points']}",
    "stage, ms": lambda row: median_and_p95(row["stage_ms"]),
    "photo, ms": lambda row: median_and_p95(row["photo_ms"]),
    RATIO: lambda row: f"{row['ratio']:.2f}",
    "cold start, s": lambda row: f"{row['cold_start_ms'] / 1000:.1f}",
    "memory, MB": lambda row: f"{row['memory_mb']}",
    "weights, MB": lambda row: f"{row['weights_mb']:.1f}",
}
ACCURACY: dict[str, Callable[[dict[str, Any]], str]] = {
    "inter-ocular, %": lambda found: _both(found, "nme_inter_ocular", 2),
    "inter-pupil, %": lambda found: _both(found, "nme_inter_pupil", 2),
    "over 8 %, %": lambda found: _both(found, "failure_rate_08", 1),
    "missed": lambda found: f"{found['plain']['missed']}",
}
"""Headings of the table with the cell of a row; the second part is accuracy, "–" without any."""


def _both(found: dict[str, Any], number: str, digits: int) -> str:
    parts = (found[part][number] for part in ("plain", "corrected"))
    return " / ".join(percent(value, digits) for value in parts)


def report(tree: dict[str, Any]) -> str:
    """The content of a results file as Markdown."""
    table = new_table("model", *COLUMNS, *ACCURACY)
    first = tree["rows"][0]["photo_ms"]["median"]
    for row in tree["rows"]:
        row = row | {"ratio": row["photo_ms"]["median"] / first}
        found = row.get("accuracy")
        scored = (cell(found) if found else percent(None) for cell in ACCURACY.values())
        table.add_row(row["name"], *(cell(row) for cell in COLUMNS.values()), *scored)
    text = io.StringIO()
    Console(file=text, width=WIDE).print(table)
    where = tree["machine"]
    versions = ", ".join(dict.fromkeys(row["library"] for row in tree["rows"]))
    head = f"{tree['date']}, one core of {where['cores']} ({where['processor']}): {versions}"
    return " · ".join(filter(None, [head, tree["note"]])) + "\n\n" + text.getvalue().strip()


def measure_all(given: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each installed contender; accuracy is measured in the first round only."""
    contenders = [("ours", model) for model in models_of(given).values()]
    contenders += [("peer", name) for name in PEERS]
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for number in range(given.rounds):
        for kind, name in contenders if number == 0 else list(found):
            row = measure_apart(kind, name, given, None if number else given.root)
            if row:
                found.setdefault((kind, name), []).append(row)
    return [quietest(rows) for rows in found.values()]


def run(given: argparse.Namespace) -> None:
    if given.one:
        print(json.dumps(one(*given.one, given)))
    elif given.show:
        print(report(json.loads(given.show.read_text(encoding="utf-8"))))
    else:
        content = {"note": given.note, "rounds": given.rounds, "rows": measure_all(given)}
        tree = record(given, "peers", content)
        print(report(tree))
        write_json(given, tree)


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_root(parser, without="no accuracy")
    add_models(parser)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="the quietest round counts")
    parser.add_argument("--note", default="", help="a note kept in the file, such as: busy machine")
    parser.add_argument("--show", type=Path, help="measure nothing; print the table of such a file")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
