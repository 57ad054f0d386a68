from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from facealign import FaceAligner
from facealign.datasets import Reading, read_dataset
from facealign.errors import DataError, ModelError
from facealign.models import ModelFacts
from facealign.network import AAN, AANSettings
from facealign.training.export.onnx import Deployed, _fold, check_parity, export_run, to_onnx
from facealign.training.loop import fit
from facealign.training.run import prepare
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings import Settings
from facealign.training.settings_file import to_settings
from facealign.training.validation import Validator, predict_crops

FACTS = ModelFacts(
    name="test",
    markup="ibug68",
    input_size=32,
    mean=0.5,
    std=0.25,
    margin=0.1,
    trained_on="nothing",
    licence="none",
    version="0",
)


def network(**changes: object) -> AAN:
    torch.manual_seed(0)
    model = AAN(AANSettings(**{"input_size": 32, "widths": (8, 16), **changes}))
    images = torch.randn(16, 3, 32, 32)
    model.calibrate(images, [torch.zeros(k, 2) for k in model.settings.heads])
    for _ in range(3):  # running statistics unlike the initial ones
        model.train()(images)
    return model.eval()


@pytest.fixture(scope="module")
def exported() -> tuple[AAN, bytes]:
    model = network()
    return model, to_onnx(model, FACTS)


def test_onnx_equals_pytorch(exported: tuple[AAN, bytes]) -> None:
    assert check_parity(*exported) < 1e-5


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_any_batch_size(exported: tuple[AAN, bytes], batch: int) -> None:
    session = onnxruntime.InferenceSession(exported[1])
    image = np.random.default_rng(0).normal(size=(batch, 3, 32, 32)).astype(np.float32)
    landmarks, *maps = session.run(None, {"image": image})
    assert landmarks.shape == (batch, 68, 2)
    assert [attention.shape for attention in maps] == [(batch, 1, s, s) for s in (16, 8)]
    assert all(0.5 <= attention.min() <= attention.max() <= 1 for attention in maps)
    one = session.run(["landmarks"], {"image": image[-1:]})[0]
    assert np.allclose(one[0], landmarks[-1], atol=1e-5)


def test_folding_batch_normalisation_changes_nothing() -> None:
    model = network()
    image = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        plain = model(image).landmarks + 0.5
        folded = Deployed(_fold(model)).eval()(image)[0]
    assert torch.allclose(folded, plain, atol=3e-4)  # the weights are rounded to 16 bits


def test_large_weights_take_half_the_space(exported: tuple[AAN, bytes]) -> None:
    proto = onnx.load_from_string(exported[1])
    stored = {w.name: (w.data_type, int(np.prod(w.dims))) for w in proto.graph.initializer}
    narrow = [count for kind, count in stored.values() if kind == onnx.TensorProto.FLOAT16]
    wide = [count for kind, count in stored.values() if kind == onnx.TensorProto.FLOAT]
    assert min(narrow) >= 256 > max(wide)
    assert sum(narrow) > 20 * sum(wide)


def test_early_heads_stay_behind(exported: tuple[AAN, bytes]) -> None:
    model, content = exported
    proto = onnx.load_from_string(content)
    stored = sum(int(np.prod(i.dims)) for i in proto.graph.initializer)
    kept = sum(p.numel() for n, p in model.named_parameters() if "early" not in n)
    early = sum(p.numel() for n, p in model.named_parameters() if "early" in n)
    assert early > 1000
    assert abs(stored - kept) < 1000
    assert not any("early" in name.lower() for node in proto.graph.node for name in node.input)


def test_no_batch_normalisation_and_no_source_paths_in_the_file(
    exported: tuple[AAN, bytes],
) -> None:
    proto = onnx.load_from_string(exported[1])
    assert "BatchNormalization" not in {node.op_type for node in proto.graph.node}
    assert b"site-packages" not in exported[1]
    assert b".py" not in exported[1]


def test_the_facts_travel_inside(exported: tuple[AAN, bytes]) -> None:
    session = onnxruntime.InferenceSession(exported[1])
    metadata = session.get_modelmeta().custom_metadata_map
    assert ModelFacts.from_metadata(metadata, "test") == FACTS


def test_a_network_without_attention_exports_landmarks_alone(tmp_path: Path) -> None:
    path = tmp_path / "off.onnx"
    path.write_bytes(to_onnx(network(attention="off"), FACTS))
    assert [o.name for o in onnxruntime.InferenceSession(path).get_outputs()] == ["landmarks"]
    boxes = [[0, 0, 30, 30]]
    with pytest.raises(ModelError, match="has no attention maps"):
        FaceAligner(path).align(np.zeros((40, 40, 3), np.uint8), boxes, attention=True)


def test_heatmaps_are_exported_as_the_places_they_mean() -> None:
    model = network(heatmaps=(1,))
    content = to_onnx(model, FACTS)
    assert check_parity(model, content) < 1e-5
    names = [o.name for o in onnxruntime.InferenceSession(content).get_outputs()]
    assert names == ["landmarks", "attention.1", "attention.2"]


def test_a_run_with_heatmaps_becomes_a_file_that_another_begins_with(
    tmp_path: Path, reading: Reading, tiny: Callable[..., Settings]
) -> None:
    settings = tiny(model={"heatmaps": [2]})
    run = prepare(settings, RunFolder(tmp_path / "run"), [reading])
    fit(run)
    plain, rounded = tmp_path / "plain.onnx", tmp_path / "int8.onnx"
    export_run(tmp_path / "run", plain)
    faces = np.random.default_rng(0).normal(size=(20, 3, 32, 32)).astype(np.float32)
    export_run(tmp_path / "run", rounded, faces=faces)
    for path in (plain, rounded):
        again = tiny(model={"heatmaps": [2]}, start=str(path))
        begun = prepare(again, RunFolder(tmp_path / path.stem), [reading])
        assert torch.equal(
            begun.model.state_dict()["heads.0.maps.weight"],
            run.average.state_dict()["heads.0.maps.weight"].half().float(),
        )


def test_the_maps_of_chosen_stages_are_exported_alone() -> None:
    session = onnxruntime.InferenceSession(to_onnx(network(attention_stages=(2,)), FACTS))
    image = np.zeros((3, 3, 32, 32), np.float32)
    assert session.run(["attention.2"], {"image": image})[0].shape == (3, 1, 8, 8)


def test_a_difference_is_refused(exported: tuple[AAN, bytes]) -> None:
    model, content = exported
    proto = onnx.load_from_string(content)
    stem = next(i for i in proto.graph.initializer if list(i.dims) == [8, 3, 7, 7])
    changed = onnx.numpy_helper.to_array(stem) * np.float32(1.01)
    stem.CopyFrom(onnx.numpy_helper.from_array(changed, stem.name))
    with pytest.raises(ModelError, match="not exported: ONNX Runtime and PyTorch differ by"):
        check_parity(model, proto.SerializeToString())


def test_a_run_becomes_a_model_that_aligns(tmp_path: Path, drawn: Path) -> None:
    tree = {
        "name": "mine",
        "licence": "mine too",
        "data": {"validation": 0.2, "margin": 0.2},
        "model": {"input_size": 32, "widths": [8, 16]},
        "train": {"steps": 2, "batch": 8, "threads": 1},
    }
    reading = read_dataset("300w", drawn, "train")
    run = prepare(to_settings(tree, "test"), RunFolder(tmp_path / "run"), [reading])
    fit(run)
    facts = export_run(tmp_path / "run", tmp_path / "mine.onnx")
    assert (facts.name, facts.licence, facts.margin) == ("mine", "mine too", 0.2)
    assert facts.trained_on == f"300w train, {len(run.batches.feeds[0].faces)} faces"
    assert facts.attention_stages == (1, 2)
    sample = reading.samples[0]
    (face,) = FaceAligner(tmp_path / "mine.onnx").align(sample.image, sample.box[None])
    assert face.landmarks.shape == (68, 2)
    assert np.isfinite(face.landmarks).all()


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no best\.pt or last\.pt"):
        export_run(tmp_path, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_the_centre_of_the_crop_is_the_centre_of_the_box(tmp_path: Path) -> None:
    model = network()
    with torch.no_grad():
        model.heads[0].linear.weight.zero_()
        model.heads[0].linear.bias.zero_()
    path = tmp_path / "centre.onnx"
    path.write_bytes(to_onnx(model, FACTS))
    box = [3.25, 1.5, 31.75, 40.0]
    aligner = FaceAligner(path, leaning_faces=False)
    (face,) = aligner.align(np.zeros((50, 50, 3), np.uint8), [box])
    assert np.abs(face.landmarks - [(3.25 + 31.75) / 2, (1.5 + 40.0) / 2]).max() < 1e-4


def test_validation_sees_what_the_aligner_sees(tmp_path: Path, drawn: Path) -> None:
    model, samples = network(), read_dataset("300w", drawn, "common").samples
    path = tmp_path / "model.onnx"
    path.write_bytes(to_onnx(model, FACTS))
    validator = Validator.load(samples, 32, FACTS.margin, "300w")
    crops = predict_crops(model, validator.crops)
    aligner = FaceAligner(path, leaning_faces=False)
    for sample, points, transform in zip(samples, crops, validator.transforms, strict=True):
        (face,) = aligner.align(sample.image, sample.box[None])
        assert np.abs(face.landmarks - transform.to_image(points)).max() < 0.1  # of 145: 16 bits
