"""Aligners and models that the tests of the package share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facealign import Face, FaceAligner, load_markup
from facealign.models import ModelFacts
from facealign.types import Pixels

SIZE = 16


@pytest.fixture(scope="session")
def aligner() -> FaceAligner:
    return FaceAligner(threads=1)


@pytest.fixture(scope="session")
def face(aligner: FaceAligner, astronaut: Pixels) -> Face:
    (found,) = aligner.align(astronaut)
    return found


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """(outputs of one face by name, facts) → an ONNX file that always gives these."""

    def make(outputs: dict[str, np.ndarray] | None = None, **facts: object) -> Path:
        said = {"name": "made", "markup": "celeba5", "input_size": SIZE, "mean": 0.5, "std": 0.25}
        said |= {"margin": 0.15, "trained_on": "nothing", "licence": "Apache-2.0", "version": "0"}
        markup = load_markup("celeba5")
        values = {"landmarks": np.linspace(0.2, 0.8, 2 * markup.count).reshape(-1, 2)}
        path = tmp_path / "made.onnx"
        model = _constant_model(values | (outputs or {}))
        helper.set_model_props(model, ModelFacts(**(said | facts)).to_metadata())  # type: ignore[arg-type]
        onnx.save(model, path)
        return path

    return make


def _constant_model(outputs: dict[str, np.ndarray]) -> onnx.ModelProto:
    """For each output: the image's mean colour times zero, plus the values wanted."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colour"]),
    ]
    constants = []
    for name, value in outputs.items():
        flat = value.astype(np.float32).ravel()
        constants += [
            numpy_helper.from_array(np.zeros((3, flat.size), np.float32), f"{name}_w"),
            numpy_helper.from_array(flat, f"{name}_b"),
            numpy_helper.from_array(np.array([0, *value.shape], np.int64), f"{name}_s"),
        ]
        nodes += [
            helper.make_node("Gemm", ["colour", f"{name}_w", f"{name}_b"], [f"{name}_flat"]),
            helper.make_node("Reshape", [f"{name}_flat", f"{name}_s"], [name]),
        ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["B", 3, SIZE, SIZE])
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", *value.shape])
        for name, value in outputs.items()
    ]
    graph = helper.make_graph(nodes, "made", [image], given, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
