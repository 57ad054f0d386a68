"""Ctrl-C and SIGTERM: the item in hand is finished, and handlers come back."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from facealign.cli import app, main
from facealign.cli.stopping import SIGNALS, Stop
from facealign.face import ImageResult
from facealign.formats.journal import Journal
from facealign.formats.registry import read_results

Outcome = tuple[int, str, str]


def kill(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Handlers of a program that calls us; they are back after each test."""
    before = [signal.signal(number, signal.default_int_handler) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == 2 * [signal.default_int_handler]
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def test_ctrl_c_while_a_verb_loads_is_one_line(
    facealign: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "load_verb", load)
    assert facealign("models") == (130, "", "error: interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_the_item_in_hand_is_the_last(number: signal.Signals) -> None:
    done = []
    with Stop() as stop:
        for item in stop.until_asked(range(9)):
            if item == 2:
                kill(number)
            done.append(item)
    assert (done, stop.asked) == ([0, 1, 2], True)


def test_the_item_that_is_awaited_is_the_last() -> None:
    def items() -> Iterator[int]:
        yield 0
        kill(signal.SIGINT)
        yield 1
        yield 2

    with Stop() as stop:
        assert list(stop.until_asked(items())) == [0, 1]


@pytest.mark.parametrize("second", SIGNALS)
def test_the_second_signal_ends_the_item(second: signal.Signals) -> None:
    def work() -> None:
        with Stop():
            kill(signal.SIGINT)
            kill(second)

    with pytest.raises(KeyboardInterrupt):
        work()


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_ends_work_without_items(number: signal.Signals) -> None:
    def work() -> None:
        with Stop(at_once=True):
            kill(number)

    with pytest.raises(KeyboardInterrupt):
        work()


def test_one_of_several_processes_hears_one_signal() -> None:
    with Stop(once=True) as stop:
        kill(signal.SIGTERM)
        kill(signal.SIGTERM)
    kill(signal.SIGTERM)  # from the process that started it, a moment later
    assert stop.asked
    for number in SIGNALS:
        assert signal.signal(number, signal.default_int_handler) == signal.SIG_IGN


def test_a_signal_that_was_ignored_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Stop() as stop:
        kill(signal.SIGINT)
    assert not stop.asked
    assert signal.signal(signal.SIGINT, signal.default_int_handler) == signal.SIG_IGN


def test_other_threads_hear_nothing() -> None:
    done: list[int] = []

    def work() -> None:
        with Stop() as stop:
            done.extend(stop.until_asked(range(3)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [0, 1, 2]


def test_main_leaves_nothing_behind(astronaut_path: Path) -> None:
    logs = [logging.getLogger(name) for name in ("facealign", "facealign.problems", "")]

    def state() -> list[object]:
        return [
            *(signal.getsignal(number) for number in SIGNALS),
            list(warnings.filters),
            *((list(log.handlers), log.level, log.propagate) for log in logs),
            threading.active_count(),
            Image.MAX_IMAGE_PIXELS,
        ]

    before = state()
    for given in (
        ["markups"],
        ["align", astronaut_path, "-v", "--max-megapixels", 9],
        ["none.jpg"],
        ["align"],
    ):
        with pytest.raises(SystemExit):
            main([str(word) for word in given])
    assert state() == before


@pytest.mark.parametrize("module", ["click", "facealign.cli.photos.align"])
def test_an_interrupt_while_modules_load(module: str) -> None:
    code = f"""
import sys
from facealign.cli import main
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
main(["photo.jpg"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (130, "error: interrupted")


def test_an_interrupted_photo_is_counted_where_it_is_written(
    facealign: Callable[..., Outcome],
    tmp_path: Path,
    astronaut_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signal comes after the second result is in the journal, before it is counted."""
    for name in "abcd":
        shutil.copy(astronaut_path, tmp_path / f"{name}.jpg")
    plain, added = Journal.add, []

    def add(journal: Journal, result: ImageResult) -> None:
        plain(journal, result)
        added.append(result.source)
        if len(added) == 2:
            kill(signal.SIGINT)

    monkeypatch.setattr(Journal, "add", add)
    out = tmp_path / "out.jsonl"
    code, _, errors = facealign("align", tmp_path, "-o", out)
    assert code == 130
    assert errors.startswith("error: interrupted: 2 of 4 photos done")
    assert len(list(read_results(out))) == 2
