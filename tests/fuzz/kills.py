"""Kills `facealign align` at random and resumes it: what comes of it is the same as without.

    python -m tests.fuzz.kills --kills 40

A file that is damaged in between, a record that is lost or doubled, a temporary file left behind:
exit code 1.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from facealign.formats.registry import read_results

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
FORMATS = ("out.json", "out.jsonl", "out.csv", "out.parquet")


@click.command()
@click.option("--kills", type=click.IntRange(1), default=40, show_default=True)
@click.option("--photos", type=click.IntRange(2), default=40, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(kills: int, photos: int, seed: int) -> None:
    """Kill and resume until there were so many kills."""
    chance, done, outputs = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        for number in range(photos):
            (folder / "photos").mkdir(exist_ok=True)
            (folder / "photos" / f"{number:03d}.jpg").symlink_to(PHOTO)
        started = time.monotonic()
        whole = {form: finished(folder, f"whole-{form}") for form in FORMATS}
        seconds = (time.monotonic() - started) / len(FORMATS)
        while done < kills:
            form = FORMATS[outputs % len(FORMATS)]
            target = f"{outputs}-{form}"
            while done < kills and killed(folder, target, chance.uniform(0, seconds)):
                done += 1
                if (folder / target).exists():
                    list(read_results(folder / target))  # whole, or the run would end here
            if finished(folder, target) != whole[form]:
                sys.exit(f"{target}: other results than of a run that nobody killed")
            outputs += 1
        left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
        left = [path for path in left if not path.endswith(".lock")]
        if left:
            sys.exit(f"left behind: {', '.join(left)}")
    click.echo(f"{done} kills, {outputs} outputs of {photos} photos: each byte as without a kill")


def command(folder: Path, target: str) -> list[str]:
    words = ["-m", "facealign", "photos", "-o", target, "--resume", "--upright", "--workers", "2"]
    return [sys.executable, *words, "--model", "aan-s"]


def finished(folder: Path, target: str) -> bytes:
    """The output of a run to its end."""
    done = subprocess.run(command(folder, target), cwd=folder, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{target}: exit code {done.returncode}: {done.stderr.decode()}")
    return (folder / target).read_bytes()


def killed(folder: Path, target: str, after: float) -> bool:
    """Whether a run was killed after these seconds; False if it came to its end before."""
    process = subprocess.Popen(
        command(folder, target), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


if __name__ == "__main__":
    main()
