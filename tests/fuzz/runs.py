"""Files of training: settings, point schemes, checkpoints, models, predictions, recorded runs."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import torch
from tests.fuzz.damage import BYTES, odd_metadata, odd_state
from tests.fuzz.images import small_photo
from tests.fuzz.target import Target

from facealign import FaceAligner
from facealign.configs import find_config
from facealign.evaluation.predictions import Predictions, read_predictions, write_predictions
from facealign.face import Face
from facealign.files import to_utf8
from facealign.markup import load_markup, read_markup
from facealign.models import bundled, signed
from facealign.network import build_network
from facealign.reproduce.runs import read_runs
from facealign.training.export.restore import read_weights
from facealign.training.rundir.checkpoint import (
    load_checkpoint,
    load_newest,
    network_of,
    save_checkpoint,
)
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings_file import load_settings, to_settings, to_toml
from facealign.training.sweep import load_sweep

TREE = {
    "model": {"input_size": 32, "widths": [4, 8], "embedding_size": 8},
    "augment": {"turn": 10.0, "mirror": 0.5},
    "train": {"steps": 3, "batch": 8, "ema": 0.9},
    "further": [{"dataset": "celeba", "root": "/faces", "share": 0.5}],
}


def _make_settings(folder: Path) -> None:
    (folder / "run.toml").write_text(to_toml(to_settings(TREE, "fuzz")))


def _read_settings(folder: Path) -> object:
    settings = load_settings(folder / "run.toml", ["train.steps=5"])
    return to_settings(json.loads(json.dumps(_plain(settings))), "again")


def _plain(settings: object) -> object:
    import tomllib

    return tomllib.loads(to_toml(settings))  # type: ignore[arg-type]


def _make_markup(folder: Path) -> None:
    from tomli_w import dumps

    content = load_markup("celeba5").to_dict() | {"name": "five"}
    (folder / "five.toml").write_text(dumps(content))


def _read_markup(folder: Path) -> object:
    scheme = read_markup(folder / "five.toml")
    return scheme.to_dict(), scheme.mirrored(np.zeros((scheme.count, 2), np.float32), 9)


def _make_sweep(folder: Path) -> None:
    shutil.copy(find_config(Path("tiny")), folder / "tiny.toml")
    text = 'base = "tiny.toml"\ntrials = 3\n[search]\n"train.learning_rate" = {log = [1e-4, 0.1]}\n'
    (folder / "sweep.toml").write_text(text + '"train.batch" = {int = [8, 64]}\n')


def _read_sweep(folder: Path) -> object:
    return {key: values for key, (_, values) in load_sweep(folder / "sweep.toml").spaces.items()}


def _state() -> dict[str, object]:
    settings = to_settings({"model": TREE["model"]}, "fuzz")
    from dataclasses import asdict

    torch.manual_seed(0)
    return {
        "step": 3,
        "settings": asdict(settings),
        "weights": build_network(settings.model).state_dict(),
        "markups": ["ibug68"],
        "schemes": [],
        "trained_on": "drawings",
        "spread_scale": 1.0,
    }


def _make_checkpoint(folder: Path) -> None:
    for name in ("last.pt", "previous.pt"):
        save_checkpoint(_state(), folder / name)


def _load_checkpoint(folder: Path) -> object:
    """The newest checkpoint, or the one before it, with the weights that were saved."""
    state = load_newest([folder / "last.pt", folder / "previous.pt"])
    assert state is not None
    weights = _whole_weights()
    if not all(torch.equal(weights[name], value) for name, value in state["weights"].items()):
        raise AssertionError("other weights than were saved")
    return state["step"]


@cache
def _whole_weights() -> dict[str, torch.Tensor]:
    return _state()["weights"]  # type: ignore[return-value]


def _load_network(folder: Path) -> object:
    path = folder / "last.pt"
    state = load_checkpoint(path)
    model = network_of(state, path)
    return state["markups"], [value.numpy() for value in model.state_dict().values()]


def _make_onnx(folder: Path) -> None:
    content = bundled()["aan-s"].path.read_bytes()
    (folder / "model.onnx").write_bytes(signed(content))


@cache
def _points(path: Path) -> np.ndarray:
    with FaceAligner(path, "whole-image", threads=1) as aligner:
        return aligner.align(small_photo())[0].landmarks


def _align_with(folder: Path) -> Face:
    with FaceAligner(folder / "model.onnx", "whole-image", threads=1) as aligner:
        (face,) = aligner.align(small_photo())
    return face


def _align_as_before(folder: Path) -> object:
    """The face that the model finds, which is that of the whole model."""
    face = _align_with(folder)
    expected = _points(bundled()["aan-s"].path)
    if not np.allclose(face.landmarks, expected, atol=0.01):
        raise AssertionError("other points than of the whole model")
    return face


def _start_from(folder: Path) -> object:
    weights, facts = read_weights(folder / "model.onnx", map_relu=False)
    return [value.numpy() for value in weights.values()], facts


def _make_predictions(folder: Path) -> None:
    landmarks = np.zeros((3, 5, 2), np.float32)
    landmarks[1] = np.nan  # not found
    found = Predictions(["a", "b", "c"], landmarks, "official", "m", "celeba5", "300w", "common")
    write_predictions(found, folder / "kept.npz")


def _read_predictions(folder: Path) -> object:
    found = read_predictions(folder / "kept.npz")
    if found.landmarks.dtype != np.float32 or found.landmarks.ndim != 3:
        raise AssertionError(f"landmarks {found.landmarks.dtype} {found.landmarks.shape}")
    return found.landmarks[found.found], found.ids


def _make_runs(folder: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "docs/runs/300w.json", folder / "runs.json")


def _read_runs(folder: Path) -> object:
    runs, notes = read_runs(folder / "runs.json")
    for note in notes:
        to_utf8(note)
    return runs


DATA = {"dataset": "300w", "subset": "train", "count": 3, "labels": "x", "trained_on": 3}


def _make_run(folder: Path) -> None:
    run = RunFolder(folder)
    for step in range(3):
        run.log({"step": step, "loss": 0.5})
    run.write_data({"sets": [DATA | {"ids": "y"}], "held_out": ["a", "b"]})


def _take_up_run(folder: Path) -> object:
    run = RunFolder(folder)
    run.cut_log(1)
    run.log({"step": 2, "loss": 0.25})
    run.check_data({"sets": [DATA | {"ids": "y"}], "held_out": ["a", "b"]})
    return None


TARGETS = [
    Target("settings", _make_settings, _read_settings, share=6),
    Target("markup", _make_markup, _read_markup),
    Target("sweep", _make_sweep, _read_sweep, "sweep.toml", share=2),
    Target("checkpoint", _make_checkpoint, _load_checkpoint, "*.pt", share=6),
    Target("odd-checkpoint", _make_checkpoint, _load_network, "last.pt", 3, (odd_state,)),
    Target("onnx", _make_onnx, _align_as_before, share=3),
    Target("odd-onnx", _make_onnx, _align_with, "*", 2, (odd_metadata,)),
    Target("onnx-start", _make_onnx, _start_from, "*", 2, (*BYTES, odd_metadata)),
    Target("predictions", _make_predictions, _read_predictions),
    Target("recorded-runs", _make_runs, _read_runs, share=2),
    Target("run-folder", _make_run, _take_up_run, "*.json*"),
]
