"""facealign beside dlib and MediaPipe: speed, memory and, on 300W, accuracy, in one run.

    python benchmarks/peers.py --root /faces/300w --json docs/runs/peers/300w.json

Without `--root` speed and memory alone; `--model NAME`, again for each, says which of ours;
`--show FILE` prints the table of such a file. In a virtual environment of its own, as the peers pin
old versions of what others need:

    pip install . dlib-bin face_recognition_models mediapipe==0.10.21 ai-edge-litert

`face_recognition_models` brings dlib's 68 points; MediaPipe's wheels bring no model from 0.10.30
on; `ai-edge-litert` times MediaPipe's network without MediaPipe around it. A peer that is not
installed is left out, and said so.

Every contender runs in a process of its own, one after the other, in `--rounds`, of which each
time's quietest counts; all on one core, as MediaPipe chooses its own threads (that is on Linux:
elsewhere facealign and LiteRT alone keep to one thread).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import measure_accuracy
from contenders import PEERS, Action, Contender, Ours
from machine import describe_machine, measure_alone
from PIL import Image

from facealign.errors import FaceAlignError
from facealign.image import write_file
from facealign.timing import HEIGHT, WIDTH, times

SCHEMA = "facealign-peers/1"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"


def measure(contender: Contender, repeats: int, root: Path | None) -> dict[str, Any]:
    """All that is known of a contender, of which the JSON file holds one entry each."""
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
        "stage_ms": _timed(contender.stage(photo), repeats),
        "photo_ms": _timed(contender.whole(photo), repeats),
        **measure_alone(contender.alone, PHOTO, max(repeats // 20, 1)),
    }
    return row | ({"accuracy": measure_accuracy(contender, root)} if root else {})


def _timed(action: Action, repeats: int) -> dict[str, float]:
    taken = times(action, repeats)
    return {"median": float(np.median(taken)), "p95": float(np.percentile(taken, 95))}


def quietest(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row of several rounds: of each time the round with the least median, else the first."""
    best = {
        key: min((row[key] for row in rounds), key=lambda taken: taken["median"])
        for key in ("stage_ms", "photo_ms")
    }
    return rounds[0] | best | {"cold_start_ms": min(row["cold_start_ms"] for row in rounds)}


def run_apart(
    kind: str, name: str, given: argparse.Namespace, root: Path | None
) -> dict[str, Any] | None:
    """One contender in a process of its own; None where it is not installed."""
    words = [sys.executable, __file__, "--one", kind, name, "--repeats", str(given.repeats)]
    words += ["--root", str(root)] if root else []
    surroundings = os.environ | ONE_THREAD
    ended = subprocess.run(words, env=surroundings, capture_output=True, text=True, check=False)
    if ended.returncode:  # only then is the peers' talk of interest
        raise SystemExit(f"{ended.stderr}\n{name}: failed")
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    if "missing" in found:
        print(f"{name} left out, for want of {found['missing']}", file=sys.stderr)
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


COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "points": lambda row: f"{row['points']}",
    "stage, ms": lambda row: _pair(row["stage_ms"]),
    "photo, ms": lambda row: _pair(row["photo_ms"]),
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
"""Headings of the table, and the cell of a row; the second of its accuracy, "–" without any."""


def _pair(taken: dict[str, float]) -> str:
    return f"{taken['median']:.1f} / {taken['p95']:.1f}"


def _both(found: dict[str, Any], number: str, digits: int) -> str:
    parts = (found[part][number] for part in ("plain", "corrected"))
    return " / ".join(f"{100 * value:.{digits}f}" for value in parts)


def table(tree: dict[str, Any]) -> str:
    """What a file of ours holds, as Markdown."""
    lines = [["model", *COLUMNS, *ACCURACY]]
    for row in tree["rows"]:
        found = row.get("accuracy")
        shown = [cell(row) for cell in COLUMNS.values()]
        lines.append(
            [row["name"], *shown, *(cell(found) if found else "–" for cell in ACCURACY.values())]
        )
    texts = ["| " + " | ".join(line) + " |" for line in lines]
    texts.insert(1, "|---" * len(lines[0]) + "|")
    where = tree["machine"]
    versions = ", ".join(dict.fromkeys(row["library"] for row in tree["rows"]))
    head = f"{tree['date']}, one core of {where['cores']} ({where['processor']}): {versions}"
    return "\n".join([" · ".join(filter(None, [head, tree["note"]])), "", *texts])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--root", type=Path, help="folder of 300W; without it no accuracy")
    parser.add_argument("--model", action="append", help="name or file; default: the bundled one")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="of each time the quietest counts")
    parser.add_argument("--note", default="", help="kept in the file, such as: busy machine")
    parser.add_argument("--json", type=Path, help="also write all numbers here")
    parser.add_argument("--show", type=Path, help="measure nothing: the table of such a file")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    given = parse()
    if given.one:
        print(json.dumps(one(*given.one, given)))
        return
    if given.show:
        print(table(json.loads(given.show.read_text(encoding="utf-8"))))
        return
    contenders = [("ours", name) for name in given.model or ["default"]]
    contenders += [("peer", name) for name in PEERS]
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for number in range(given.rounds):
        for kind, name in contenders if number == 0 else list(found):
            row = run_apart(kind, name, given, None if number else given.root)
            if row:
                found.setdefault((kind, name), []).append(row)
    tree = {
        "schema": SCHEMA,
        "date": str(date.today()),
        "note": given.note,
        "machine": describe_machine(),
        "rounds": given.rounds,
        "rows": [quietest(rows) for rows in found.values()],
    }
    print(table(tree))
    if given.json:
        write_file(given.json, json.dumps(tree, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    try:
        main()
    except FaceAlignError as error:
        raise SystemExit(str(error)) from None
