"""How close a network is to the processor's float32 limit, and where its time goes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, shape_inference

from facealign.evaluation.timing import times

SIDE = 1024
"""Side of the square matrices whose product measures the processor's peak rate."""
PROFILED = 50


def multiply_adds(path: Path) -> int:
    """Multiply-adds of the convolutions and matrix products of a network, for one face."""
    model = onnx.load(str(path))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = shape_inference.infer_shapes(model).graph
    sizes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in [*graph.value_info, *graph.output]:  # ours cast weights from 16 bits first
        sizes[value.name] = [d.dim_value for d in value.type.tensor_type.shape.dim]
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            total += prod(sizes[node.input[1]]) * prod(sizes[node.output[0]][2:])
        elif node.op_type == "Gemm":
            total += prod(sizes[node.input[1]])
    return total


def network_times(path: Path, threads: int, repeats: int) -> np.ndarray:
    """(repeats,) milliseconds of the network alone, one face."""
    session = _session(str(path), threads)
    return times(_run(session), repeats)


def peak_rate(threads: int, repeats: int = 20) -> float:
    """Multiply-adds per second of a large matrix product in ONNX Runtime: the best run."""
    sides = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [SIDE, SIDE]) for name in "abc"
    ]
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    graph = helper.make_graph([node], "product", sides[:2], sides[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = _session(model.SerializeToString(), threads)
    values = np.random.default_rng(0).random((2, SIDE, SIDE), np.float32)
    inputs = {"a": values[0], "b": values[1]}
    return SIDE**3 / (times(lambda: session.run(None, inputs), repeats).min() / 1000)


def time_by_operator(path: Path, threads: int) -> dict[str, float]:
    """Operator → share of the network's time, largest first."""
    with tempfile.TemporaryDirectory() as folder:
        session = _session(str(path), threads, profile=Path(folder) / "profile")
        run = _run(session)
        for _ in range(PROFILED):
            run()
        events = json.loads(Path(session.end_profiling()).read_text())
    taken: dict[str, float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            name = event["args"]["op_name"]
            taken[name] = taken.get(name, 0.0) + event["dur"]
    whole = sum(taken.values())
    ranked = sorted(taken.items(), key=lambda item: -item[1])
    return {name: value / whole for name, value in ranked}


def _session(
    model: str | bytes, threads: int, profile: Path | None = None
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession) -> Callable[[], Any]:
    """The network on one face of noise."""
    shape = [1, *session.get_inputs()[0].shape[1:]]
    image = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return lambda: session.run(["landmarks"], {"image": image})
