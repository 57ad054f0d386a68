"""Requests a second of `facealign serve` at 1 client and at 8, beside direct calls.

All take turns, round after round, so that what else the machine does falls on all. The clients run
on the same cores as the server.
"""

from __future__ import annotations

import argparse
import http.client
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from machine import one_line
from PIL import Image
from script import (
    PHOTO,
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
from facealign.evaluation.timing import HEIGHT, WIDTH

CLIENTS = (1, 8)
DIRECT = "direct call, 1 thread"


@contextmanager
def running() -> Iterator[int]:
    """A server in a process of its own; its port.

    Raises:
        SettingsError: it does not start.

    """
    words = [sys.executable, "-m", "facealign", "serve", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline().strip()
            if not line:
                raise SettingsError(
                    'facealign serve does not start: pip install "facealign[server]"'
                )
            yield int(line.rstrip("/").rsplit(":", 1)[1])
        finally:
            process.terminate()


def encoded() -> bytes:
    buffer = io.BytesIO()
    Image.open(PHOTO).convert("RGB").resize((WIDTH, HEIGHT)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def one_client(port: int, photo: bytes, seconds: float) -> int:
    """Requests that one client had answered, one after the other on one connection.

    Raises:
        SettingsError: one was refused.

    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    until, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        connection.request("POST", "/v1/align", photo, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SettingsError(f"the server answers {answer.status}: {body[:200]!r}")
        count += 1
    connection.close()
    return count


def per_second(port: int, photo: bytes, clients: int, seconds: float) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        counts = list(pool.map(lambda _: one_client(port, photo, seconds), range(clients)))
    return sum(counts) / (time.perf_counter() - started)


def direct_per_second(aligner: FaceAligner, photo: bytes, seconds: float) -> float:
    started, count = time.perf_counter(), 0
    while time.perf_counter() < started + seconds:
        aligner.align(photo)
        count += 1
    return count / (time.perf_counter() - started)


def measure(rounds: int, seconds: float) -> dict[str, float]:
    """Photos a second, the median of the rounds, by who asks."""
    photo, aligner = encoded(), FaceAligner(threads=1)
    names = {n: f"{n} client{'s' * (n > 1)}" for n in CLIENTS}
    rates: dict[str, list[float]] = {name: [] for name in (DIRECT, *names.values())}
    with running() as port:
        per_second(port, photo, max(CLIENTS), 1)  # warm
        direct_per_second(aligner, photo, 0.5)
        for _ in range(rounds):
            rates[DIRECT].append(direct_per_second(aligner, photo, seconds))
            for clients, name in names.items():
                rates[name].append(per_second(port, photo, clients, seconds))
    return {name: float(np.median(values)) for name, values in rates.items()}


def run(given: argparse.Namespace) -> None:
    results = measure(given.rounds, given.seconds)
    tree = record(given, "server", {"photo": f"{WIDTH} × {HEIGHT} JPEG", "per_second": results})
    table = new_table("", "photos a second", "times the direct call")
    for name, rate in results.items():
        table.add_row(name, f"{rate:.0f}", f"{rate / results[DIRECT]:.2f}")
    show_table(new_console(), table, one_line(tree["machine"]))
    write_json(given, tree)


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each in a round")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
