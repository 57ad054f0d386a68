"""The command line as the tests of every verb use it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from facealign.cli import main


@pytest.fixture
def facealign(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line: its exit code, standard output, standard error.

    Whatever is on standard error must be one line an error, and no traceback.
    """
    monkeypatch.setenv("COLUMNS", "200")

    def run(*args: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main([str(arg) for arg in args])
        printed = capfd.readouterr()
        for line in printed.err.splitlines():
            assert line.startswith("error: ")
        return int(done.value.code or 0), printed.out, printed.err

    return run
