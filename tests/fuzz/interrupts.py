"""Sends Ctrl-C to `facealign photo.jpg` at random moments from its start, and counts what it says.

    python -m tests.fuzz.interrupts --count 100 --seconds 1.6

Right are exit code 130 with one line, and a run that was finished before. While Python itself
starts, and a script that pip made imports `re`, the answer is Python's: counted apart.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from pathlib import Path

import click
from tests.fuzz.kills import PHOTO

COMMAND = Path(sysconfig.get_path("scripts")) / "facealign"


@click.command()
@click.option("--count", type=click.IntRange(1), default=100, show_default=True)
@click.option("--seconds", type=click.FloatRange(0), default=1.6, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(count: int, seconds: float, seed: int) -> None:
    """Print how often each answer came."""
    chance = random.Random(seed)
    answers = Counter(answer(chance.uniform(0, seconds)) for _ in range(count))
    click.echo(", ".join(f"{number} {name}" for name, number in answers.most_common()))
    if any(name.startswith("wrong") for name in answers):
        sys.exit(1)


def answer(after: float) -> str:
    """What a run says to Ctrl-C these seconds after its start."""
    process = subprocess.Popen(
        [COMMAND, PHOTO], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    if process.returncode == 130 and errors == "error: interrupted\n":
        return "interrupted"
    if process.returncode == 0:
        return "finished"
    if "in program" not in errors:
        return "of Python's start"
    return f"wrong ({process.returncode}: {errors!r})"


if __name__ == "__main__":
    main()
