"""`files`: whole or nothing, locks, the wording of system errors."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from facealign.errors import DataError, OutputError
from facealign.files import (
    lock,
    make_folder,
    part_of,
    reading,
    sha256,
    sweep,
    whole_file,
    write_file,
)


def stop_in_the_middle(path: Path) -> None:
    with whole_file(path) as file:
        file.write("half")
        file.flush()
        raise KeyboardInterrupt


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.txt"
    write_file(path, "older")
    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle(path)
    assert path.read_text() == "older"
    assert list(path.parent.iterdir()) == [path]


def test_a_temporary_name_is_new_each_time_and_fits_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250)
    assert part_of(path) != part_of(path)
    write_file(path, b"content")
    assert path.read_bytes() == b"content"


def test_a_sweep_takes_dead_files_of_ours_alone(tmp_path: Path) -> None:
    mine, other = part_of(tmp_path / "a"), f"{'0' * 8}-1-{'0' * 12}.part"
    host = mine.name.split(".")[2].split("-")[0]
    names = {
        mine.name: False,  # this process still runs
        f".a.{host}-{2**22 + 1}-{'0' * 12}.part": True,  # no such process
        f".old.{other}": True,
        f".new.{other}": False,
        ".download.part": False,  # another program's
        "b.part": False,
    }
    for name in names:
        (tmp_path / name).write_bytes(b"half")
        if not name.startswith(".new"):
            os.utime(tmp_path / name, (1e9, 1e9))
    sweep(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {name for name, gone in names.items() if not gone}


def test_a_system_error_names_the_file_and_the_reason(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match=r"a.txt: cannot be read \(No such file or directory\)"),
        reading(tmp_path / "a.txt"),
    ):
        (tmp_path / "a.txt").read_bytes()
    (tmp_path / "file").write_bytes(b"")
    for refuse in (lambda: make_folder(tmp_path / "file" / "x"), lambda: write_file(tmp_path, "")):
        with pytest.raises(OutputError, match=r"cannot write .*choose another folder"):
            refuse()


def test_a_digest_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 1000).hexdigest()


def is_free(path: Path) -> bool:
    try:
        with lock(path, wait=False):
            return True
    except BlockingIOError:
        return False


def test_a_lock_keeps_others_out_until_it_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with lock(path):
        assert not is_free(path)
    assert list(tmp_path.iterdir()) == []
    assert is_free(path)


def test_a_lock_is_dropped_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom facealign.files import lock\n"
        "with lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    path = tmp_path / "a.lock"
    words = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert not is_free(path)
        process.kill()
    assert is_free(path)


def test_a_lock_needs_a_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot write"), lock(tmp_path / "file" / "a.lock"):
        raise AssertionError("a file holds no file")
