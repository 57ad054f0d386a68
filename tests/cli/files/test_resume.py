"""Runs that are begun again: finished, killed early, from another folder; the journal's life."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign.formats.journal import Journal, journal_path
from facealign.formats.registry import read_results

Run = Callable[..., tuple[int, str, str]]
RECORD = {"model": "m"}


@pytest.fixture
def photos(tmp_path: Path, astronaut_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(astronaut_path, folder / name)
    return folder


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "coco.json", "parquet"])
def test_resume_on_a_finished_file_is_byte_equal(
    facealign: Run, photos: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"out.{suffix}"
    assert facealign("align", photos, "-o", output)[0] == 0
    before = output.read_bytes(), output.stat().st_mtime_ns
    code, printed, _ = facealign("align", photos, "-o", output, "--resume")
    assert (code, "2 faces in 2 photos" in printed) == (0, True)
    assert (output.read_bytes(), output.stat().st_mtime_ns) == before
    assert list(tmp_path.glob(".*")) == []


def test_the_journal_records_the_folder_that_names_are_relative_to(
    facealign: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.jsonl"

    def begin() -> None:
        monkeypatch.chdir(photos)
        assert facealign("align", "a.jpg", "b.jpg", "-o", output)[0] == 0
        first = next(iter(read_results(output)))
        output.unlink()
        with Journal(output, settings, resume=False) as journal:
            journal.add(first)

    settings: dict[str, object] = {}
    monkeypatch.setattr(
        "facealign.cli.photos.output.Journal",
        lambda output, record, resume: settings.update(record) or Journal(output, record, resume),
    )
    begin()
    assert settings["folder"] == str(photos)
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    code, _, errors = facealign("align", "a.jpg", "b.jpg", "-o", output, "--resume")
    assert (code, "was started with another folder" in errors) == (2, True)
    monkeypatch.chdir(photos)
    code, printed, _ = facealign("align", "a.jpg", "b.jpg", "-o", output, "--resume")
    assert (code, "2 faces in 2 photos" in printed) == (0, True)
    assert [result.source for result in read_results(output)] == ["a.jpg", "b.jpg"]
    monkeypatch.chdir(other)
    for folder in (photos, other):  # full names are the same everywhere
        monkeypatch.chdir(folder)
        assert facealign("align", photos, "-o", tmp_path / "full.csv", "--resume")[0] == 0
        assert settings["folder"] is None


@pytest.mark.parametrize("content", [b"", b'{"settings": {"mod'])
def test_an_empty_journal_is_none(tmp_path: Path, content: bytes) -> None:
    output = tmp_path / "out.jsonl"
    journal_path(output).write_bytes(content)
    with Journal(output, RECORD, resume=True) as journal:
        assert (journal.resumed, journal.done) == (False, set())
    assert list(tmp_path.iterdir()) == []


def test_the_lock_is_unlinked_before_it_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filelock

    seen: list[list[str]] = []
    drop = filelock.FileLock.release

    def release(lock: filelock.FileLock, force: bool = False) -> None:
        if lock.is_locked:
            seen.append([path.name for path in tmp_path.iterdir()])
        drop(lock, force)

    monkeypatch.setattr(filelock.FileLock, "release", release)
    with Journal(tmp_path / "out.jsonl", RECORD, resume=False) as journal:
        assert len(list(tmp_path.iterdir())) == 2
        journal.remove()
    assert seen[0] == []


def test_pts_restart_after_their_end_and_keep_what_is_not_ours(
    facealign: Run, photos: Path, tmp_path: Path, astronaut: np.ndarray
) -> None:
    points = tmp_path / "points"
    words = ["align", photos, "-o", points, "--format", "pts"]
    pair = Image.fromarray(np.concatenate([astronaut, astronaut], axis=1))
    pair.save(photos / "a.jpg", quality=95)
    for options in ([], ["--resume"], []):
        code, _, errors = facealign(*words, *options)
        assert (code, errors) == (0, "")
        assert sorted(p.name for p in points.glob("*.pts")) == ["a.pts", "a_2.pts", "b.pts"]
    Image.fromarray(astronaut).save(photos / "a.jpg")
    assert facealign(*words)[0] == 0  # a.jpg has one face now
    assert sorted(p.name for p in points.glob("*.pts")) == ["a.pts", "b.pts"]
    edited = (points / "a.pts").read_text().replace("version: 1", "version:  1")
    (points / "a.pts").write_text(edited)
    code, _, errors = facealign(*words)
    assert (code, "which could be replaced, such as a.pts" in errors) == (2, True)
    assert (points / "a.pts").read_text() == edited
    (points / "a.pts").unlink()
    (points / "a.pts").mkdir()  # a folder of such a name is not ours either
    code, _, errors = facealign(*words)
    assert (code, "which could be replaced, such as a.pts" in errors) == (2, True)


def test_two_photos_never_write_one_pts_file(
    facealign: Run, tmp_path: Path, astronaut: np.ndarray
) -> None:
    folder = tmp_path / "photos"
    (folder / "b").mkdir(parents=True)
    names = ["a.jpg", "a.png", "a.png.jpg", "a_2.jpg", "b/a.jpg", "B.jpg", "b.png"]
    for number, name in enumerate(names):
        moved = np.roll(astronaut, 8 * number, axis=1)
        twice = np.concatenate([moved, moved], axis=1) if name == "a.jpg" else moved
        Image.fromarray(twice).save(folder / name)
    written = []
    for order in (names, names[::-1]):
        points, results = tmp_path / f"points-{len(written)}", tmp_path / "r.json"
        photos = [folder / name for name in order]
        assert facealign("align", *photos, "-o", points, "--format", "pts")[0] == 0
        written.append({str(p.relative_to(points)): p.read_text() for p in points.rglob("*.pts")})
    assert written[0] == written[1]
    assert len(set(written[0].values())) == len(written[0]) == len(names) + 1
    assert facealign("align", folder, "-o", results)[0] == 0
    images = json.loads(results.read_text())["images"]
    assert sum(len(image["faces"]) for image in images) == len(names) + 1
