"""Whole pipelines side by side: peers without their offset or absent, and photos without a face."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rich.console import Console

from facealign.datasets import read_dataset, read_pixels
from facealign.types import Pixels, Points

Benchmark = Callable[[str], ModuleType]
RIGHT, LEFT = slice(36, 42), slice(42, 48)


class Absent:
    name = "some-peer"

    def __init__(self) -> None:
        raise ImportError(name="somepeer")


class Blind:
    """Finds no face."""

    name, library = "blind", "blind 1.0"

    def faces(self, image: Pixels) -> list[Points]:
        return []


class Displaced:
    """Finds every face that it is told of, each point off by its own constant."""

    def __init__(self, truth: dict[bytes, Points]) -> None:
        self.truth = truth
        self.offset = np.random.default_rng(0).normal(0, 0.1, (68, 2))
        self.offset[36:48] = 0.02  # the eyes together: their line is what the offset is given in

    def faces(self, image: Pixels) -> list[Points]:
        points = self.truth[image.tobytes()]
        x, y = points[LEFT].mean(axis=0) - points[RIGHT].mean(axis=0)
        turn = np.array([[x, -y], [y, x]])
        return [points + 900, (points + self.offset @ turn.T).astype(np.float32)]


def test_a_peer_s_offset_turns_and_grows_with_the_face(benchmark: Benchmark, drawn: Path) -> None:
    accuracy, changes = benchmark("accuracy"), benchmark("photo_changes").CHANGES
    training, common = (read_dataset("300w", drawn, s).samples for s in ("train", "common"))
    peer = Displaced({read_pixels(s).tobytes(): s.landmarks for s in training})
    faces = accuracy.corrected(peer, training)
    for name in ("none", "turned +135°", "1/2 resolution"):
        after, picture = changes[name](common[0], read_pixels(common[0]), np.random.default_rng(0))
        peer.truth[picture.tobytes()] = after.landmarks
        found = accuracy.nearest(faces(picture), after)
        assert np.abs(found - after.landmarks).max() < 0.01, name
        assert np.abs(accuracy.nearest(peer.faces(picture), after) - found).max() > 1


def test_the_labelled_face_is_chosen_or_missed(benchmark: Benchmark, drawn: Path) -> None:
    nearest = benchmark("accuracy").nearest
    sample = read_dataset("300w", drawn, "common").samples[0]
    close, far = sample.landmarks + 2, sample.landmarks + 500
    assert nearest([far, close], sample) is close
    assert np.isnan(nearest([far], sample)).all()
    assert np.isnan(nearest([], sample)).all()


def test_peers_stand_beside_ours_and_an_absent_one_is_a_line(
    benchmark: Benchmark,
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    robustness, target = benchmark("robustness"), tmp_path / "out.json"
    monkeypatch.setattr(robustness, "PEERS", (Absent, Blind))
    rows = ["official boxes", "none, as it comes"]
    robustness.main(["--root", str(drawn), "--json", str(target), "--every", "4", "--rows", *rows])
    printed = capsys.readouterr().out
    assert "some-peer left out: somepeer is not installed" in printed
    assert "found / failures over 8 % / over 10 %" in printed
    content = json.loads(target.read_text())
    blind = content["peers"]["blind"]
    assert (blind["library"], list(blind["rows"])) == ("blind 1.0", ["none, as it comes"])
    assert blind["rows"]["none, as it comes"]["missed"] == 2
    ours = content["models"]["default"]["rows"]["none, as it comes"]
    cells = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("| none ")]
    failures = " / ".join(f"{100 * ours[f'failure_rate_{name}']:.1f}" for name in ("08", "10"))
    share = 100 * (1 - ours["missed"] / ours["count"])
    assert [cell.strip() for cell in cells[0][1:]] == [
        f"{share:.1f} / {failures}",
        "0.0 / 100.0 / 100.0",
    ]


def test_photos_without_a_face_are_counted(
    benchmark: Benchmark,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    robustness, no_faces = benchmark("robustness"), benchmark("no_faces")
    monkeypatch.setattr(robustness, "PEERS", (Blind,))
    monkeypatch.setattr(no_faces, "SHIPPED", {"nopackage": ("data", "a.png")})
    monkeypatch.setattr(no_faces, "OF_EACH", 1)
    target = tmp_path / "out.json"
    robustness.main(["--false-faces", "--json", str(target)])
    printed = capsys.readouterr().out
    assert "pictures of nopackage left out: it is not installed" in printed
    assert "(0 shipped and 4 made)" in printed
    made = json.loads(target.read_text())["false_faces"]["made"]
    assert made["photos"] == 4
    assert list(made["found"]) == ["none", "dark", "noise"]
    assert all(row["blind"] == 0 for row in made["found"].values())


def test_false_faces_are_summed_over_photos(benchmark: Benchmark) -> None:
    no_faces, five = benchmark("no_faces"), [np.zeros((68, 2), np.float32)] * 5
    photos = iter([np.full((60, 80, 3), 200, np.uint8), np.zeros((60, 80, 3), np.uint8)])
    ways = {"one": lambda image: five if image.mean() > 100 else []}
    rows = {"none": {"one": 5}, "dark": {"one": 0}, "noise": {"one": 5}}
    assert no_faces.count_faces(ways, photos) == {"photos": 2, "found": rows}


def test_pictures_made_are_photos_of_their_own(benchmark: Benchmark) -> None:
    no_faces = benchmark("no_faces")
    pictures, again = list(no_faces.made()), list(no_faces.made())
    assert len(pictures) == 100
    assert all(one.shape == (480, 640, 3) and one.dtype == np.uint8 for one in pictures)
    assert all((one == same).all() for one, same in zip(pictures, again, strict=True))
    assert len({one.tobytes() for one in pictures}) == 100
    assert min(one.std() for one in pictures) > 2


def test_shipped_pictures_come_whole_and_in_quarters(benchmark: Benchmark) -> None:
    no_faces = benchmark("no_faces")
    picture = np.arange(7 * 9 * 3, dtype=np.uint8).reshape(7, 9, 3)
    whole, *quarters = no_faces.whole_and_quarters(picture)
    assert whole is picture
    top, bottom = np.hstack(quarters[:2]), np.hstack(quarters[2:])
    assert (np.vstack([top, bottom]) == picture).all()
    pytest.importorskip("matplotlib")
    assert len(list(no_faces.shipped(Console()))) in (10, 110)  # with scikit-image


def test_nothing_to_measure_is_one_line(
    benchmark: Benchmark, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        benchmark("robustness").main([])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: nothing to measure: give --root")
