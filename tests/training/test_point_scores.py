"""Scores of points: what a spread means, how it is fitted, what of it is exported."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from facealign.datasets import Reading
from facealign.models import SCORE_RADIUS
from facealign.network import AAN, AANSettings
from facealign.training.export.onnx import Deployed, export_run
from facealign.training.loop import fit
from facealign.training.run import Run, prepare
from facealign.training.rundir.checkpoint import load_checkpoint, save_checkpoint
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings_file import to_settings


def scored(reading: Reading, folder: Path, ema: float = 0.9) -> Run:
    """A run of three steps with spreads."""
    tree = {
        "data": {"validation": 0.2},
        "model": {"input_size": 32, "widths": [4, 8], "spread": True},
        "train": {"steps": 3, "batch": 8, "ema": ema, "validate_every": 4, "threads": 1},
    }
    run = prepare(to_settings(tree, "test"), RunFolder(folder), [reading])
    fit(run)
    return run


def test_the_spreads_are_fitted_to_the_held_out_faces(tmp_path: Path, reading: Reading) -> None:
    run = scored(reading, tmp_path / "run", ema=0.0)
    before = run.validator.spread_scale(run.model)
    run.model.heads[0].spread.bias.data += math.log(before)
    assert run.validator.spread_scale(run.model) == pytest.approx(1, abs=1e-4)
    run.model.heads[0].spread.bias.data += math.log(4)  # four times as unsure as it should be
    assert run.validator.spread_scale(run.model) == pytest.approx(1 / 4, abs=1e-4)
    kept = load_checkpoint(tmp_path / "run" / "best.pt")["spread_scale"]
    assert kept == pytest.approx(before if run.best_step == run.step else run.spread_scale)


def test_scores_are_exported_with_the_fitted_spread(tmp_path: Path, reading: Reading) -> None:
    scored(reading, tmp_path / "run")
    state = load_checkpoint(tmp_path / "run" / "best.pt")
    image = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    scores = []
    for scale in (1.0, 0.5):
        save_checkpoint(state | {"spread_scale": scale}, tmp_path / "one.pt")
        export_run(tmp_path / "one.pt", tmp_path / "one.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "one.onnx")
        scores.append(session.run(["scores"], {"image": image})[0])
    whole, half = (np.vectorize(spread_of)(values) for values in scores)
    assert half == pytest.approx(whole / 2, rel=2e-2)


def spread_of(score: float) -> float:
    """The b of 1 - (1 + t/b) exp(-t/b) = score, by bisection."""
    low, high = 1e-4, 10.0
    for _ in range(60):
        middle = math.sqrt(low * high)
        ratio = SCORE_RADIUS / middle
        above = 1 - (1 + ratio) * math.exp(-ratio) > score
        low, high = (middle, high) if above else (low, middle)
    return low


def test_a_score_is_the_share_of_the_spread_s_density_within_its_radius() -> None:
    settings = AANSettings(points=3, input_size=32, widths=(4, 8), spread=True)
    model = AAN(settings).eval()
    scale = 0.02
    with torch.no_grad():
        model.heads[0].spread.bias.fill_(float(np.log(scale)))
        scores = Deployed(model)(torch.zeros(1, 3, 32, 32))[1]
    random = np.random.default_rng(0)
    radius = random.gamma(2, scale, 200_000)  # r · exp(-r / b) is Gamma's density of shape 2
    assert scores.numpy() == pytest.approx((radius < SCORE_RADIUS).mean(), abs=0.005)
