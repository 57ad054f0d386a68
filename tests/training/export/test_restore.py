"""Runs that begin with an exported file: what they say, their statistics, what is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facealign.aligner.landmarker import Landmarker
from facealign.errors import ModelError, SettingsError
from facealign.models import WEIGHTS, bundled, model_path
from facealign.network import AAN
from facealign.training.export.onnx import export_run
from facealign.training.export.quantize import to_integers
from facealign.training.export.restore import take_statistics
from facealign.training.loop import fit
from facealign.training.run import Run
from facealign.training.rundir.checkpoint import save_checkpoint
from facealign.training.validation import predict_crops
from facealign.types import Pixels

Begin = Callable[..., Run]
Apart = Callable[[AAN | Path, AAN | Path], float]


@pytest.mark.parametrize("batch_norm", ["sync", "frozen"])
def test_a_run_begins_by_saying_what_an_exported_file_says(
    begin: Begin, apart: Apart, exported: Path, batch_norm: str
) -> None:
    run = begin(exported, batch_norm=batch_norm)
    assert max(apart(model, exported) for model in (run.model, run.average)) < 1e-4
    assert fit(run)


def test_biases_that_export_leaves_out_or_writes_once_are_found(
    begin: Begin, apart: Apart, tmp_path: Path
) -> None:
    """Before the first step those of the convolutions are 0, those of the scores are alike."""
    first = begin(further=1)
    for head in first.average.heads:
        nn.init.zeros_(head.linear.bias)  # not the mean face, with which any run begins
    save_checkpoint(first.weights(), first.folder.last)
    export_run(first.folder.last, tmp_path / "first.onnx")
    second = begin(tmp_path / "first.onnx", further=1)
    assert apart(second.model, tmp_path / "first.onnx") < 1e-4


@pytest.mark.parametrize(
    "convert", [lambda model: model, nn.SyncBatchNorm.convert_sync_batchnorm], ids=["own", "sync"]
)
def test_statistics_become_those_of_the_data(
    begin: Begin, apart: Apart, exported: Path, convert: Callable[[AAN], AAN]
) -> None:
    model = convert(begin(exported).model)
    before = copy.deepcopy(model)
    images = [3 + torch.randn(8, 3, 32, 32), torch.randn(4, 3, 32, 32)]
    take_statistics(model, images)
    assert apart(model, before) < 1e-4
    layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d | nn.SyncBatchNorm)]
    seen: dict[nn.Module, list[Tensor]] = {layer: [] for layer in layers}
    for layer in layers:
        layer.register_forward_pre_hook(lambda layer, inputs: seen[layer].append(inputs[0]))
    with torch.no_grad():
        for image in images:
            model.eval()(image)
    assert len(layers) == 10
    for layer, inputs in seen.items():
        values = torch.cat(inputs).double()
        variance, mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
        assert torch.allclose(layer.running_mean.double(), mean, rtol=1e-4, atol=1e-4)
        assert torch.allclose(layer.running_var.double(), variance, rtol=1e-3, atol=1e-4)


def test_a_run_begins_with_the_statistics_of_its_data(begin: Begin, exported: Path) -> None:
    run = begin(exported, batch=24)
    images = run.batches.whole_at(0).image
    with torch.no_grad():
        judged, trained = (run.model.train(mode)(images).landmarks for mode in (False, True))
    assert torch.allclose(judged, trained, atol=0.01)  # the batch's statistics are the running ones


def test_maps_made_the_other_way_are_refused(begin: Begin, exported: Path) -> None:
    with pytest.raises(SettingsError, match=r"with the ReLU: set model\.map_relu=true"):
        begin(exported, {"map_relu": False})
    with pytest.raises(SettingsError, match=r"without the ReLU: set model\.map_relu=false"):
        begin("aan-s", {"map_relu": True})


def test_a_file_in_integers_is_a_start_by_its_rounded_weights(
    begin: Begin, apart: Apart, tmp_path: Path, exported: Path
) -> None:
    integers = tmp_path / "integers.onnx"
    faces = np.random.default_rng(0).normal(size=(20, 3, 32, 32)).astype(np.float32)
    integers.write_bytes(to_integers(exported.read_bytes(), faces))
    assert 1e-6 < apart(begin(integers).model, exported) < 0.1
    with pytest.raises(SettingsError, match=r"with the ReLU: set model\.map_relu=true"):
        begin(integers, {"map_relu": False})


def test_files_that_cannot_be_taken_up_are_refused(
    begin: Begin, tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    reasons = {
        text: r"text\.onnx: not an ONNX file",
        tmp_path / "no.onnx": r'no\.onnx" is neither a bundled model \(.*aan-s.*\) nor a model',
        WEIGHTS / "yunet.onnx": r"yunet\.onnx: not a facealign model: its metadata lack",
        make_model(): r"made\.onnx: its layers are not those of an AAN",
    }
    for path, reason in reasons.items():
        with pytest.raises(ModelError, match=reason):
            begin(path)


def test_a_bundled_model_is_a_start_by_its_name(begin: Begin, astronaut: Pixels) -> None:
    size = {"input_size": 96, "widths": [32, 64, 128, 256], "ratio": 2, "map_relu": False}
    run = begin("aan-s", size)
    landmarker = Landmarker(model_path("aan-s"), threads=1)
    crop = landmarker.crop(np.array([179, 89, 267, 177], np.float32))
    expected = crop.to_crop(landmarker.look([astronaut], [crop])["landmarks"][0])
    (found,) = predict_crops(run.model, np.array([crop.warp(astronaut)]))
    assert np.abs(found - expected).max() < 1.0  # 8-bit integers round what passes
    own, _, before = run.trained_on.partition("; begun with weights trained on ")
    assert own == f"300w train, {len(run.batches.feeds[0].faces)} faces"
    assert before.split("; ")[0] == bundled()["aan-s"].trained_on.split("; ")[0]
    assert "begun with" not in before
