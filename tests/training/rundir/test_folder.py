"""What a run leaves in its folder."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import facealign as package
from facealign.datasets import Reading, read_dataset
from facealign.errors import DataError, MissingExtraError
from facealign.evaluation import read_predictions
from facealign.training.loop import fit
from facealign.training.run import Run, prepare
from facealign.training.rundir.environment import commit, precision_used
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import Settings
from facealign.training.settings_file import load_settings, to_settings
from facealign.types import Sample

TREE = {"data": {"validation": 0.2}, "model": {"input_size": 32, "widths": [4, 8]}}
TRAIN = {"steps": 6, "batch": 8, "validate_every": 3, "threads": 1, "log_every": 2}


def tiny(**train: object) -> Settings:
    return to_settings(TREE | {"train": TRAIN | {"tensorboard": False} | train}, "test")


@pytest.fixture(scope="module")
def samples(drawn: Path) -> list[Sample]:
    return read_dataset("300w", drawn, "train").samples


@pytest.fixture(scope="module")
def begin(samples: list[Sample]) -> Callable[..., Run]:
    def build(settings: Settings, folder: Path, faces: list[Sample] = samples) -> Run:
        return prepare(settings, RunFolder(folder), [Reading("300w", "train", faces)])

    return build


def log_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_the_log_holds_steps_and_validations(tmp_path: Path, begin: Callable[..., Run]) -> None:
    fit(begin(tiny(), tmp_path))
    kinds = [(line["step"], "report" in line) for line in log_of(tmp_path)]
    assert kinds == [(2, False), (3, True), (4, False), (6, False), (6, True)]
    for line in log_of(tmp_path):
        assert line["loss"] > 0
        assert line["learning_rate"] == pytest.approx(
            1e-3 * 0.1 ** (line["step"] > 3) * 0.1 ** (line["step"] > 5)
        )
        assert "report" in line or line["images_per_second"] > 0


def test_the_report_is_of_the_best_step_and_its_predictions(
    tmp_path: Path, begin: Callable[..., Run], samples: list[Sample]
) -> None:
    run = begin(tiny(), tmp_path)
    fit(run)
    report = json.loads((tmp_path / "report.json").read_text())
    validations = [line for line in log_of(tmp_path) if "report" in line]
    best = min(validations, key=lambda line: line["report"]["nme_inter_ocular"])
    assert (report["best_step"], report["steps"]) == (best["step"], 6)
    assert best["report"].items() <= report.items()
    predictions = read_predictions(tmp_path / "predictions.npz")
    held_out = json.loads((tmp_path / "data.json").read_text())["held_out"]
    assert predictions.ids == held_out
    assert (predictions.model, predictions.markup, predictions.subset) == (
        "aan",
        "ibug68",
        "validation",
    )
    by_id = {sample.id: sample for sample in samples}
    offsets = [
        np.abs(p - by_id[i].landmarks).max()
        for i, p in zip(held_out, predictions.landmarks, strict=True)
    ]
    assert max(offsets) < 160
    words = (tmp_path / "report.md").read_text()
    assert f"| NME, inter-ocular | {100 * report['nme_inter_ocular']:.2f} % |" in words


def test_a_run_without_validation_has_a_report_too(
    tmp_path: Path, begin: Callable[..., Run]
) -> None:
    settings = to_settings(
        TREE | {"data": {"validation": 0.0}, "train": TRAIN | {"tensorboard": False}}, "test"
    )
    fit(begin(settings, tmp_path))
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["best_step"], report["model"]) == (None, "aan, step 6")
    assert "no face was held out" in (tmp_path / "report.md").read_text()
    assert not (tmp_path / "predictions.npz").exists()


def test_settings_that_are_kept_give_the_same_run(
    tmp_path: Path, begin: Callable[..., Run]
) -> None:
    run = begin(tiny(), tmp_path)
    fit(run)
    assert load_settings(tmp_path / "settings.toml") == run.settings


def test_what_was_logged_beyond_the_checkpoint_is_cut(
    tmp_path: Path, begin: Callable[..., Run]
) -> None:
    run = begin(tiny(), tmp_path)
    fit(run, stopped=lambda: run.step == 3)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "loss": 1.0}\n{"step": 5, "lo')
    (tmp_path / ".best.pt.part").write_bytes(b"half")
    fit(begin(tiny(), tmp_path))
    assert [line["step"] for line in log_of(tmp_path)] == [2, 3, 4, 6, 6]
    assert not list(tmp_path.glob(".*"))


def test_the_environment_is_stated_once_for_each_change(
    tmp_path: Path, begin: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(tiny(), tmp_path)
    fit(run, stopped=lambda: run.step == 2)
    run = begin(tiny(), tmp_path)
    fit(run, stopped=lambda: run.step == 4)
    monkeypatch.setattr(torch, "__version__", "9.9")
    fit(begin(tiny(), tmp_path))
    first, second = json.loads((tmp_path / "environment.json").read_text())
    assert (first["from_step"], second["from_step"], second["torch"]) == (0, 4, "9.9")
    assert first["facealign"] == package.__version__
    assert (first["device"], first["threads"], first["gpu"]) == ("cpu", 1, None)
    assert first["precision"] in ("float32", "bfloat16")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_precision_really_used(precision: str) -> None:
    wanted = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
    assert precision_used(torch.device("cpu"), wanted) == precision


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_commit_is_that_of_our_own_checkout_alone(tmp_path: Path) -> None:
    inside = tmp_path / "package"
    inside.mkdir()
    (inside / "__init__.py").write_text("")
    assert commit(inside) is None
    git(tmp_path, "init", "-q")
    assert commit(inside) is None  # installed within another project's checkout
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit(inside) == head
    (inside / "__init__.py").write_text("changed = 1")
    assert commit(inside) == f"{head}+changes"


def moved(sample: Sample) -> Sample:
    return dataclasses.replace(sample, landmarks=sample.landmarks + np.float32(1))


LABELS = "the labels of 300w train or their order have changed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda faces: [moved(faces[0]), *faces[1:]],
            LABELS,
        ),
        (lambda faces: faces[:-1], "count of 300w train was 30, now 29"),
        (lambda faces: faces[::-1], LABELS),
    ],
)
def test_a_run_does_not_go_on_with_other_data(
    change: Callable[[list[Sample]], list[Sample]],
    words: str,
    tmp_path: Path,
    begin: Callable[..., Run],
    samples: list[Sample],
) -> None:
    run = begin(tiny(), tmp_path)
    fit(run, stopped=lambda: run.step == 2)
    before = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(DataError, match=rf"started with other data: ({words}).*--run"):
        begin(tiny(), tmp_path, change(samples))
    assert (tmp_path / "last.pt").read_bytes() == before
    assert fit(begin(tiny(), tmp_path))


def test_tensorboard_shows_the_log_once(tmp_path: Path, begin: Callable[..., Run]) -> None:
    run = begin(tiny(tensorboard=True), tmp_path)
    fit(run, stopped=lambda: run.step == 3)
    fit(begin(tiny(tensorboard=True), tmp_path))
    read = (
        "import sys, json\n"
        "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
        "events = EventAccumulator(sys.argv[1]).Reload()\n"
        "tags = events.Tags()['scalars']\n"
        "print(json.dumps({t: [(e.step, e.value) for e in events.Scalars(t)] for t in tags}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", read, str(tmp_path / "tensorboard")],
        capture_output=True,
        text=True,
        check=True,
    )
    curves = json.loads(done.stdout)
    steps = [line for line in log_of(tmp_path) if "report" not in line]
    for name in ("loss", "learning_rate", "images_per_second"):
        assert [step for step, _ in curves[f"training/{name}"]] == [2, 4, 6]
        values = [value for _, value in curves[f"training/{name}"]]
        assert values == pytest.approx([line[name] for line in steps])
    assert [step for step, _ in curves["validation/nme_inter_ocular"]] == [3, 6]


def test_tensorboard_that_is_missing_is_asked_for(
    tmp_path: Path, begin: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(
        MissingExtraError, match=r"train\.tensorboard = true needs .*facealign\[train\]"
    ):
        fit(begin(tiny(tensorboard=True), tmp_path))
