from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TextIO

import numpy as np
import pytest

from facealign import Face
from facealign.errors import OutputError
from facealign.face import ImageResult
from facealign.formats.json import ResultWriter, read_boxes


def result(name: str = "a.jpg", x: float = 1.0) -> ImageResult:
    face = Face(
        np.array([1, 2, 3, 4.5], np.float32), 0.5, np.full((68, 2), x, np.float32), "ibug68"
    )
    return ImageResult(name, 20, 10, [face])


@pytest.mark.parametrize("name", ["out.json", "out.jsonl"])
def test_boxes_come_back(tmp_path: Path, name: str) -> None:
    with ResultWriter(tmp_path / name) as writer:
        writer.add(result())
        writer.add(ImageResult("b.jpg", 5, 5, []))
    assert read_boxes(tmp_path / name) == {"a.jpg": [[1, 2, 3, 4.5]], "b.jpg": []}


@pytest.mark.parametrize("name", ["out.json", "out.jsonl"])
def test_an_empty_result_is_valid(tmp_path: Path, name: str) -> None:
    ResultWriter(tmp_path / name).close()
    assert read_boxes(tmp_path / name) == {}


def test_what_was_done_stays_when_the_work_fails(tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), ResultWriter(tmp_path / "out.json") as writer:
        writer.add(result())
        raise KeyboardInterrupt
    assert len(json.loads((tmp_path / "out.json").read_text())["images"]) == 1


def test_the_name_appears_only_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("older")
    with ResultWriter(tmp_path / "out.json") as writer:
        writer.add(result())
        assert (tmp_path / "out.json").read_text() == "older"
    assert (tmp_path / "out.json").read_text() != "older"


def test_a_disk_that_fills_up_leaves_the_older_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.jsonl").write_text("older")

    class Full:
        def __init__(self, file: TextIO) -> None:
            self.close = file.close

        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    writer = ResultWriter(tmp_path / "out.jsonl")
    monkeypatch.setattr(writer, "_file", Full(writer._file))
    with pytest.raises(OutputError, match="No space left on device; choose another"), writer:
        writer.add(result())
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]
    assert (tmp_path / "out.jsonl").read_text() == "older"


def test_not_a_number_is_never_written(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="not JSON compliant"),
        ResultWriter(tmp_path / "o.json") as w,
    ):
        w.add(result(x=float("nan")))
