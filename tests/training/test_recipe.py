"""Runs on several data sets, beside a teacher, with scores and visibility; what is exported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from facealign import Face, FaceAligner, read_image
from facealign.datasets import Reading
from facealign.errors import DataError, SettingsError
from facealign.training.augment.photometric import MEAN, STD
from facealign.training.export.onnx import export_run
from facealign.training.loop import fit
from facealign.training.run import Run, prepare
from facealign.training.rundir.checkpoint import load_checkpoint, save_checkpoint
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import Settings

Tiny = Callable[..., Settings]
RunOf = Callable[[Settings, Path, list[Reading]], Run]


def test_two_point_schemes_share_a_trunk_and_have_a_head_each(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    run = run_of(tiny(1), tmp_path / "run", [reading, five])
    assert run.markups == ("ibug68", "celeba5")
    assert run.settings.model.heads == (68, 5)
    before = {name: value.clone() for name, value in run.model.named_parameters()}
    assert fit(run)
    moved = {n for n, value in run.model.named_parameters() if not torch.equal(value, before[n])}
    for name in ("stem.conv.0.weight", "heads.0.linear.weight", "heads.1.early.0.linear.weight"):
        assert name in moved
    state = load_checkpoint(tmp_path / "run" / "last.pt")
    assert state["markups"] == ["ibug68", "celeba5"]
    assert "300w train" in state["trained_on"]
    assert f"celeba train, {len(five.samples)} faces" in state["trained_on"]


def test_further_data_of_the_same_scheme_trains_the_same_head(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading
) -> None:
    run = run_of(tiny(1), tmp_path, [reading, reading])
    assert run.markups == ("ibug68",)
    assert [part.head for part in run.batches.at(0).parts] == [0, 0]
    assert fit(run)


def test_further_data_without_faces_is_told_apart_and_teaches_scores_alone(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading
) -> None:
    settings = tiny(1, {"spread": True, "visibility": True}, steps=1)
    none = replace(settings, further=(replace(settings.further[0], background=True),))
    run = run_of(none, tmp_path, [reading, reading])
    assert [part.background for part in run.batches.at(0).parts] == [False, True]
    assert run.trained_on.endswith(f"{len(reading.samples)} crops")
    assert fit(run)


def test_a_mixed_run_resumes_where_it_stopped(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    assert fit(run_of(tiny(1), tmp_path / "whole", [reading, five]))
    parted = run_of(tiny(1), tmp_path / "parted", [reading, five])
    assert not fit(parted, stopped=lambda: parted.step == 2)
    assert fit(run_of(tiny(1), tmp_path / "parted", [reading, five]))
    ends = [load_checkpoint(tmp_path / name / "last.pt")["model"] for name in ("whole", "parted")]
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_resuming_with_other_further_data_is_refused(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    fit(run_of(tiny(1, steps=1), tmp_path, [reading, five]))
    with pytest.raises(SettingsError, match="the number of further = 1, not 0"):
        prepare(tiny(0, steps=1), RunFolder(tmp_path), [reading])


def test_a_head_of_another_size_than_the_data_is_refused(
    tiny: Tiny, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    with pytest.raises(DataError, match=r"model\.further is \[7\], but the data has \[5\]"):
        prepare(tiny(1, {"further": [7]}), RunFolder(tmp_path), [reading, five])


def test_a_pupil_follows_its_teacher(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading
) -> None:
    fit(run_of(tiny(), tmp_path / "teacher", [reading]))
    path = tmp_path / "teacher" / "last.pt"
    state = load_checkpoint(path)
    state["weights"]["heads.0.linear.bias"] += 0.3  # it teaches every point a third too far
    save_checkpoint(state, path)
    runs = [
        run_of(tiny(0, steps=25, ema=0.0, **taught), tmp_path / name, [reading])
        for name, taught in (("plain", {}), ("pupil", {"teacher": str(path)}))
    ]
    for run in runs:
        fit(run)
    teacher, image = runs[1].teacher, runs[1].batches.at(0).image
    assert teacher is not None
    (truth,) = teacher.teach(image)
    assert truth is not None
    far, near = ((run.model.eval()(image).landmarks - truth).mean().abs() for run in runs)
    assert near < 0.75 * far


def test_a_teacher_of_another_scheme_is_refused(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    fit(run_of(tiny(), tmp_path / "teacher", [reading]))
    wrong = tiny(0, {"points": 5}, teacher=str(tmp_path / "teacher" / "last.pt"))
    with pytest.raises(DataError, match="has heads for ibug68, but the data has celeba5"):
        prepare(wrong, RunFolder(tmp_path / "wrong"), [five])


def test_scores_and_visibility_are_learnt(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, five: Reading
) -> None:
    """The nose is hidden on half of the faces, at random for the network: about even odds."""
    settings = tiny(
        0,
        {"points": 5, "spread": True, "visibility": True},
        steps=60,
        optimiser="adamw",
        learning_rate=3e-3,
        loss="wing",
        spread_weight=1.0,
        visibility_weight=1.0,
        ema=0.0,
        precision="float32",  # on processors with bfloat16, too
    )
    run = run_of(settings, tmp_path / "run", [five])
    assert fit(run)
    batch = run.batches.at(0)
    with torch.no_grad():
        out = run.model.eval()(batch.image).heads[0]
    assert out.log_scale is not None
    assert out.visibility is not None
    odds = torch.sigmoid(out.visibility).mean(dim=0)
    assert odds[2] < odds[[0, 1, 3, 4]].min()
    distance = (
        (out.landmarks - batch.parts[0].landmarks).norm(dim=-1)[batch.parts[0].labelled].mean()
    )
    assert out.log_scale.exp().mean() == pytest.approx(distance.item() / 2, rel=0.5)


def test_every_output_is_exported_under_its_name(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    settings = tiny(1, {"spread": True, "visibility": True})
    fit(run_of(settings, tmp_path / "run", [reading, five]))
    facts = export_run(tmp_path / "run", tmp_path / "model.onnx")
    assert (facts.markup, facts.further_markups) == ("ibug68", ("celeba5",))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    shapes = {o.name: o.shape[1:] for o in session.get_outputs()}
    assert shapes == {
        "landmarks": [68, 2],
        "scores": [68],
        "visible": [68],
        "landmarks.celeba5": [5, 2],
        "scores.celeba5": [5],
        "visible.celeba5": [5],
        "attention.1": [1, 16, 16],
        "attention.2": [1, 8, 8],
    }
    image = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    for name, values in zip(shapes, session.run(list(shapes), {"image": image}), strict=True):
        if not name.startswith("landmarks"):
            assert 0 <= values.min() <= values.max() <= 1

    chosen = export_run(tmp_path / "run", tmp_path / "five.onnx", markups=["celeba5"])
    assert chosen.markups == ("celeba5",)
    alone = onnxruntime.InferenceSession(tmp_path / "five.onnx")
    assert [o.name for o in alone.get_outputs()][:3] == ["landmarks", "scores", "visible"]
    both = (
        s.run([n], {"image": image})[0]
        for s, n in ((alone, "landmarks"), (session, "landmarks.celeba5"))
    )
    assert np.array_equal(*both)
    with pytest.raises(DataError, match="no head for aflw19: its heads are ibug68, celeba5"):
        export_run(tmp_path / "run", tmp_path / "no.onnx", markups=["aflw19"])


def test_a_head_is_chosen_by_its_point_scheme(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    fit(run_of(tiny(1, {"spread": True}), tmp_path / "run", [reading, five]))
    path = tmp_path / "model.onnx"
    export_run(tmp_path / "run", path)
    image, box = read_image(reading.samples[0].image), reading.samples[0].box[None]

    def face(markup: str | None) -> Face:
        aligner = FaceAligner(path, threads=1, leaning_faces=False, markup=markup)
        (found,) = aligner.align(image, boxes=box)
        assert found.markup == aligner.markup
        assert found.scores is not None
        assert found.landmarks.shape == (len(found.scores), 2)
        return found

    first, own, inner = face(None), face("celeba5"), face("ibug51")
    assert (first.markup, own.markup, inner.markup) == ("ibug68", "celeba5", "ibug51")
    crop = first.network_crop
    assert crop is not None
    tensor = (crop.warp(image).transpose(2, 0, 1)[None] / np.float32(255) - MEAN) / STD
    session = onnxruntime.InferenceSession(path)
    (points,) = session.run(["landmarks.celeba5"], {"image": tensor.astype(np.float32)})
    assert np.allclose(own.landmarks, crop.to_image(points[0] * 32 - np.float32(0.5)), atol=1e-3)
    assert not np.allclose(own.landmarks, first.to("celeba5").landmarks, atol=1e-3)
    assert np.array_equal(inner.landmarks, first.landmarks[17:])
    with pytest.raises(SettingsError, match='cannot give "wflw98" points: choose'):
        face("wflw98")
