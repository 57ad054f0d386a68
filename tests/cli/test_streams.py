"""Standard streams of every kind, and signals at any time: the right exit code, no traceback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from facealign.cli.app import VERBS, load_verb

COMMAND = [sys.executable, "-m", "facealign"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
Outcome = tuple[int, str, str]


def shell(line: str, *words: object, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash, in which `facealign` is the command and $1 … are the words."""
    script = f'facealign() {{ "{sys.executable}" -m facealign "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script, "bash", *map(str, words)],
        env=os.environ | variables,
        capture_output=True,
        check=False,
    )


@posix
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('facealign "$1" >&-', 0),
        ('facealign "$1" 2>&-', 0),
        ('facealign "$1" <&- >&- 2>&-', 0),
        ("facealign - <&-", 4),
        ('facealign "$1" > /dev/full', 2),
        ('facealign "$1" > /dev/full 2> /dev/full', 2),
        ("facealign none.jpg 2> /dev/full", 4),
        ('facealign "$1" none.jpg -v 2> /dev/full', 3),
        ("facealign --help > /dev/full", 2),
        ('facealign "$1" -o - > /dev/full', 2),
        ('facealign "$1" -o - | true; exit ${PIPESTATUS[0]}', 0),
    ],
)
def test_streams_that_are_closed_or_full(astronaut_path: Path, line: str, code: int) -> None:
    if "full" in line and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = shell(line, astronaut_path)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


@posix
def test_the_full_stream_is_named(astronaut_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = shell('facealign "$1" > /dev/full', astronaut_path)
    assert done.stderr == b"error: standard output: No space left on device\n"


@posix
def test_a_closed_stream_is_no_place_for_others_lines(tmp_path: Path, astronaut_path: Path) -> None:
    """Descriptor 1 or 2 never becomes the output file: libraries print there."""
    out = tmp_path / "out.json"
    assert shell('facealign "$1" -o "$2" >&- 2>&-', astronaut_path, out).returncode == 0
    assert len(json.loads(out.read_text())["images"]) == 1


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_names_in_other_scripts_on_any_terminal(
    tmp_path: Path, astronaut_path: Path, encoding: str
) -> None:
    photo = tmp_path / "лицо 顔 é 😀.jpg"
    shutil.copy(astronaut_path, photo)
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for words, code in (
        ([photo], 0),
        ([photo, "-o", "-"], 0),
        ([photo, tmp_path / "нет.jpg", "-v"], 3),
        (["--help"], 0),
        (["markups", "ibug68"], 0),
        (["models"], 0),
    ):
        done = subprocess.run(
            [*COMMAND, *map(str, words)], env=environment, capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr
        if words[-1] == "-":
            assert json.loads(done.stdout)["source"] == str(photo)


def test_control_characters_in_names_are_escaped(
    facealign: Callable[..., Outcome], tmp_path: Path, astronaut_path: Path
) -> None:
    photo = tmp_path / "a\x1b[2J\x07\u202egpj.jpg"
    shutil.copy(astronaut_path, photo)
    (tmp_path / "b\x1b]0;owned\x9b.jpg").write_bytes(b"no photo")
    code, printed, errors = facealign(tmp_path, "-o", tmp_path / "out\x1b[31m.json")
    assert code == 3
    assert not set(printed + errors) & set("\x1b\x07\x9b\u202e")
    assert r"a\x1b[2J\x07\u202egpj.jpg" in printed
    assert r"b\x1b]0;owned\x9b.jpg: not an image" in errors
    assert r"out\x1b[31m.json" in printed
    code, printed, _ = facealign(photo, "-o", "-")
    assert not set(printed) & set("\x1b\x07\x9b\u202e")
    assert json.loads(printed)["source"] == str(photo)


def options(command: click.Command, path: str) -> Iterator[tuple[str, click.Parameter]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from options(inner, f"{path} {name}")
    for parameter in command.params:
        yield f"{path} {parameter.opts[0]}", parameter


def test_no_option_takes_a_number_that_is_not_finite() -> None:
    found = [pair for name in VERBS for pair in options(load_verb(name), name)]
    numbers = [pair for pair in found if isinstance(pair[1].type, click.types.FloatParamType)]
    assert len(numbers) > 5
    for name, parameter in numbers:
        for word in ("nan", "inf", "1e400"):
            try:
                taken = parameter.type.convert(word, parameter, None)
            except click.BadParameter:
                continue
            pytest.fail(f"{name} takes {word} as {taken}")


@pytest.mark.parametrize("option", ["--max-megapixels", "--min-face"])
@pytest.mark.parametrize("word", ["nan", "inf"])
def test_such_a_number_is_wrong_usage(
    facealign: Callable[..., Outcome], astronaut_path: Path, option: str, word: str
) -> None:
    code, _, errors = facealign(astronaut_path, option, word)
    assert (code, len(errors.splitlines())) == (2, 1)


@posix
@pytest.mark.slow
def test_an_early_interrupt_is_130_without_a_traceback(astronaut_path: Path) -> None:
    """From the first lines of ours: before them Python itself starts, with its own answer."""
    started = time.monotonic()
    subprocess.run([*COMMAND, str(astronaut_path)], capture_output=True, check=True)
    whole = time.monotonic() - started
    for number in range(20):
        process = subprocess.Popen(
            [*COMMAND[:1], "-c", PROGRAM, str(astronaut_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "starts\n"
        time.sleep(whole * number / 20)
        process.send_signal(signal.SIGINT if number % 2 else signal.SIGTERM)
        printed, errors = process.communicate(timeout=60)
        assert process.returncode in (0, 130), errors
        if process.returncode:
            assert errors.startswith("error: interrupted")
            assert len(errors.splitlines()) == 1
        else:
            assert "1 face in 1 photo" in printed


PROGRAM = """
import signal
from facealign.cli import _leave, program
signal.signal(signal.SIGINT, _leave)
signal.signal(signal.SIGTERM, _leave)
print("starts", flush=True)
program()
"""


@posix
@pytest.mark.parametrize("name", ["out.json", "out.csv", "points"])
def test_a_full_disk_names_the_file(tmp_path: Path, astronaut_path: Path, name: str) -> None:
    """No file may grow beyond 2 KiB, which a face's line in the journal does."""
    form = "--format pts" if name == "points" else ""
    line = f'ulimit -f 2; facealign "$1" --upright -o "$2" {form}'
    done = shell(line, astronaut_path, tmp_path / name)
    assert done.returncode == 2
    (said,) = done.stderr.decode().splitlines()
    assert said.startswith(f"error: cannot write {tmp_path / f'.{name}.journal'}: File too large")
    assert not (tmp_path / name).exists()
    assert not list(tmp_path.rglob("*.part"))
