"""Interrupts between things that belong together."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from facealign.cli.app import app
from facealign.cli.stopping import SIGNALS, undivided
from facealign.face import ImageResult
from facealign.formats.journal import Journal
from facealign.formats.results import read_results


@pytest.fixture(autouse=True)
def raising() -> Iterator[None]:
    """Handlers as the command line has them."""
    before = [signal.signal(number, signal.default_int_handler) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def signalled(number: signal.Signals, done: list[signal.Signals]) -> None:
    with undivided():
        os.kill(os.getpid(), number)
        done.append(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_for_the_end_of_the_block(number: signal.Signals) -> None:
    done: list[signal.Signals] = []
    with pytest.raises(KeyboardInterrupt):
        signalled(number, done)
    assert done == [number]
    assert [signal.getsignal(s) for s in SIGNALS] == 2 * [signal.default_int_handler]


def test_a_signal_that_was_ignored_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    done: list[signal.Signals] = []
    signalled(signal.SIGINT, done)
    assert done == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_an_error_of_the_block_comes_before_a_signal() -> None:
    def work() -> None:
        with undivided():
            os.kill(os.getpid(), signal.SIGINT)
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        work()


def test_other_threads_are_left_alone() -> None:
    done: list[bool] = []

    def work() -> None:
        with undivided():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_an_interrupted_photo_is_counted_where_it_is_written(
    tmp_path: Path,
    astronaut_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The signal comes after the second result is in the journal, before it is counted."""
    for name in "abcd":
        shutil.copy(astronaut_path, tmp_path / f"{name}.jpg")
    plain, added = Journal.add, []

    def add(journal: Journal, result: ImageResult) -> None:
        plain(journal, result)
        added.append(result.source)
        if len(added) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Journal, "add", add)
    out = tmp_path / "out.jsonl"
    code = app.main(["align", str(tmp_path), "-o", str(out)], standalone_mode=False)
    assert code == 130
    assert capsys.readouterr().err.startswith("error: interrupted: 2 of 4 photos done")
    assert len(list(read_results(out))) == 2
