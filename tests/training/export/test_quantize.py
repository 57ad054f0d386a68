"""Networks in 8-bit integers: what stays in floating point, how near they stay, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from facealign import FaceAligner
from facealign.datasets import Reading
from facealign.errors import DataError, ModelError
from facealign.models import ModelFacts
from facealign.network import AAN, AANSettings
from facealign.training.augment.photometric import MEAN, STD
from facealign.training.export import quantize
from facealign.training.export.onnx import export_run, to_onnx
from facealign.training.export.quantize import (
    after_embedding,
    calibration_faces,
    prepare,
    to_integers,
)
from facealign.training.loop import fit
from facealign.training.run import prepare as prepare_run
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings_file import to_settings

FACTS = ModelFacts(
    name="test",
    markup="ibug68",
    input_size=32,
    mean=MEAN,
    std=STD,
    margin=0.1,
    trained_on="nothing",
    licence="none",
    version="0",
)
IMAGES = np.random.default_rng(0).normal(size=(20, 3, 32, 32)).astype(np.float32)

WHOLE = {"spread": True, "visibility": True}


def network(**changes: object) -> AAN:
    torch.manual_seed(0)
    model = AAN(AANSettings(**{"input_size": 32, "widths": (16, 32), **changes}))
    model.calibrate(torch.from_numpy(IMAGES), [torch.zeros(k, 2) for k in model.settings.heads])
    model.train()(torch.from_numpy(IMAGES))
    return model.eval()


@pytest.fixture(scope="module")
def exported() -> bytes:
    return to_onnx(network(**WHOLE), FACTS)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, drawn: Path, reading: Reading) -> Path:
    tree = {
        "data": {"root": str(drawn), "validation": 0.2},
        "model": {"input_size": 32, "widths": [8, 16]},
        "train": {"steps": 2, "batch": 8, "threads": 1},
    }
    path = tmp_path_factory.mktemp("integers") / "run"
    run = prepare_run(to_settings(tree, "test"), RunFolder(path), [reading])
    fit(run)
    return path


def landmarks(content: bytes) -> np.ndarray:
    return onnxruntime.InferenceSession(content).run(["landmarks"], {"image": IMAGES})[0]


def kinds(content: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(content).graph.node]


def test_the_points_stay_where_they_were(exported: bytes) -> None:
    found = to_integers(exported, IMAGES)
    apart = np.linalg.norm(landmarks(exported) - landmarks(found), axis=-1)
    assert 0 < apart.mean() < 0.003
    assert len(found) < 0.6 * sum(w.numel() * 4 for w in network(**WHOLE).parameters())
    assert "DequantizeLinear" in kinds(found)


def test_the_facts_and_outputs_are_those_of_the_plain_file(exported: bytes) -> None:
    plain, found = map(onnxruntime.InferenceSession, (exported, to_integers(exported, IMAGES)))
    names = [[output.name for output in session.get_outputs()] for session in (plain, found)]
    assert names[0] == names[1]
    metadata = found.get_modelmeta().custom_metadata_map
    assert ModelFacts.from_metadata(metadata, "test") == FACTS


def test_no_path_of_this_machine_is_kept(exported: bytes) -> None:
    found = to_integers(exported, IMAGES)
    assert str(Path.home()).encode() not in found
    assert b"site-packages" not in found
    assert b"/tmp" not in found


def test_coordinates_are_not_in_steps(exported: bytes) -> None:
    values = np.unique(landmarks(to_integers(exported, IMAGES)))
    assert len(values) > 2000  # of 2720; all in 256 steps where the outputs are integers too


@pytest.mark.parametrize(("embedding", "products"), [("cosine", 1), ("linear", 1), ("off", 0)])
def test_what_follows_ne_stays_in_floating_point(
    embedding: str, products: int, tmp_path: Path
) -> None:
    (tmp_path / "plain.onnx").write_bytes(to_onnx(network(embedding=embedding, spread=True), FACTS))
    ready = prepare(tmp_path / "plain.onnx", tmp_path)
    kept = set(after_embedding(ready))
    graph = onnx.load(ready).graph
    left = [node.op_type for node in graph.node if node.name not in kept]
    assert left.count("Gemm") == products
    assert left.count("Conv") == 10
    assert {node.name for node in graph.node if "landmarks" in node.output} <= kept
    assert {node.name for node in graph.node if "scores" in node.output} <= kept


def test_points_that_move_too_far_are_refused(
    exported: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantize, "APART", 1e-9)
    with pytest.raises(
        ModelError, match=r"of the crop's side from where they were in floating point, .* --int8"
    ):
        to_integers(exported, IMAGES)


def test_a_run_in_integers_aligns(run_folder: Path, reading: Reading, tmp_path: Path) -> None:
    faces = calibration_faces(run_folder)
    plain, path = tmp_path / "plain.onnx", tmp_path / "quantize.onnx"
    assert export_run(run_folder, plain) == export_run(run_folder, path, faces=faces)
    sample = reading.samples[0]
    found = [FaceAligner(p).align(sample.image, sample.box[None])[0] for p in (plain, path)]
    size = sample.box[2] - sample.box[0]
    assert np.abs(found[0].landmarks - found[1].landmarks).max() < 0.03 * size
    assert found[0].landmarks.tolist() != found[1].landmarks.tolist()


def test_only_training_faces_are_looked_at(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch, reading: Reading
) -> None:
    faces = calibration_faces(run_folder)
    held_out = len(np.load(run_folder / "predictions.npz")["ids"])
    assert held_out > 0
    assert faces.shape == (len(reading.samples) - held_out, 3, 32, 32)
    assert faces.dtype == np.float32
    assert np.abs(faces).max() <= (1 - MEAN) / STD
    monkeypatch.setattr(quantize, "FACES", 3)
    assert np.array_equal(calibration_faces(run_folder), faces[:3])


def test_faces_that_have_moved_are_found_by_root(
    run_folder: Path, drawn: Path, tmp_path: Path
) -> None:
    shutil.copytree(drawn, tmp_path / "elsewhere")
    there, here = (
        calibration_faces(run_folder, tmp_path / "elsewhere"),
        calibration_faces(run_folder),
    )
    assert np.array_equal(there, here)
    with pytest.raises(DataError, match=r"nowhere: .* are not there: say where with --root"):
        calibration_faces(run_folder, tmp_path / "nowhere")
