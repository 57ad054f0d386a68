"""How long the page's steps take in Chromium, beside Python's on one core.

Both take turns, round after round, so that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from machine import one_line, summarise
from PIL import Image
from script import (
    PHOTO,
    median_and_p95,
    new_console,
    new_parser,
    new_table,
    record,
    run_script,
    show_table,
    write_json,
)

from facealign import FaceAligner
from facealign.errors import SettingsError
from facealign.evaluation.timing import HEIGHT, WIDTH, times
from facealign.tracking import FaceTracker
from facealign.types import Pixels
from facealign.web import make_server
from facealign.yunet import YuNet

STEPS = {
    "detector": "detector, 640 × 480",
    "network": "network, box → points",
    "photo": "photo → points",
    "frame": "frame of the webcam",
}
PYTHON = "Python, 1 thread"
Taken = dict[str, dict[str, list[float]]]


def tools(repository: Path) -> dict[str, str]:
    """Node, Chromium and playwright-core.

    Raises:
        SettingsError: one of them is missing.

    """
    modules = Path(os.environ.get("FACEALIGN_NODE_MODULES", repository / "node_modules"))
    playwright = modules / "playwright-core" / "index.mjs"
    node, chromium = shutil.which("node"), shutil.which("chromium") or shutil.which("google-chrome")
    if not (node and chromium and playwright.is_file()):
        raise SettingsError("Node, Chromium or playwright-core is missing: see CONTRIBUTING.md")
    return {"node": node, "chromium": chromium, "playwright": str(playwright)}


@contextmanager
def served() -> Iterator[str]:
    """The page's address, while it is served."""
    with make_server(0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def in_browser(found: dict[str, str], given: dict[str, Any]) -> dict[str, Any]:
    """What `browser.mjs` prints.

    Raises:
        SettingsError: it fails.

    """
    words = [found["node"], str(Path(__file__).with_suffix(".mjs")), json.dumps(found | given)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingsError(f"Chromium fails: {done.stderr.strip()[-400:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def in_python(photo: Pixels, repeats: int) -> dict[str, list[float]]:
    aligner = FaceAligner(threads=1)
    detector = YuNet(threads=1)
    tracker = FaceTracker(FaceAligner(threads=1, turned_faces=False))
    moments = count()
    box = aligner.align(photo)[0].box[None]
    actions: dict[str, Callable[[], object]] = {
        "detector": lambda: detector.detect(photo),
        "network": lambda: aligner.align(photo, boxes=box),
        "photo": lambda: aligner.align(photo),
        "frame": lambda: tracker.step(photo, next(moments) / 25),
    }
    return {name: times(action, repeats).tolist() for name, action in actions.items()}


def measure(photo: Pixels, rounds: int, repeats: int) -> tuple[Taken, dict[str, Any]]:
    """Milliseconds by who takes them and step; the browser and how near its points are."""
    found = tools(Path(__file__).parents[1])
    threads = sorted({1, min(4, os.cpu_count() or 1)})
    names = {n: f"Chromium, {n} thread{'s' * (n > 1)}" for n in threads}
    taken: Taken = {name: {step: [] for step in STEPS} for name in (PYTHON, *names.values())}
    facts: dict[str, Any] = {}
    known = FaceAligner(threads=1).align(photo)[0].landmarks
    with tempfile.TemporaryDirectory() as folder, served() as url:
        path = Path(folder) / "photo.png"
        Image.fromarray(photo).save(path)
        given = {"url": url, "photo": str(path), "repeats": repeats, "threads": threads}
        for _ in range(rounds):
            seen = in_browser(found, given)
            blocks = {names[int(n)]: block["taken"] for n, block in seen["threads"].items()}
            for name, block in (blocks | {PYTHON: in_python(photo, repeats)}).items():
                for step, values in block.items():
                    taken[name][step] += values
            points = [np.array(block["landmarks"]) for block in seen["threads"].values()]
            apart = max(float(np.linalg.norm(p - known, axis=1).max()) for p in points)
            facts = {"browser": seen["browser"], "points_apart_px": round(apart, 4)}
    return taken, facts


def run(given: argparse.Namespace) -> None:
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize((WIDTH, HEIGHT)))
    taken, facts = measure(photo, given.rounds, given.repeats)
    results = {
        name: {step: summarise(np.array(values)) for step, values in steps.items()}
        for name, steps in taken.items()
    }
    console = new_console(100)
    table = new_table("ms, median / 95th percentile", *results)
    ratios = new_table("times Python's median", *list(results)[1:])
    for step, words in STEPS.items():
        table.add_row(words, *(median_and_p95(found[step]) for found in results.values()))
        base = results[PYTHON][step]["median"]
        others = list(results.values())[1:]
        ratios.add_row(words, *(f"{found[step]['median'] / base:.1f}" for found in others))
    content = {"photo": f"{WIDTH} × {HEIGHT}, one face", **facts, "results": results}
    tree = record(given, "browser", content)
    show_table(console, table, f"Chromium {facts['browser']}; {one_line(tree['machine'])}")
    show_table(console, ratios, "")
    console.print(f"points are at most {facts['points_apart_px']} pixels from Python's")
    write_json(given, tree)


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=40, help="of each step in a round")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
