"""The detector's file is made without a change of its answers."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from facealign.yunet import YuNet

CHANNELS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def heads_of_yunet() -> onnx.ModelProto:
    """The heads alone, with YuNet's names, random weights and four features for each stride."""
    rng = np.random.default_rng(0)
    nodes, ends, weights = [], [], []
    for level, stride in enumerate((8, 16, 32)):
        for kind, channels in CHANNELS.items():
            name = f"bbox_head.multi_level_{kind}.{level}"
            for part, shape in (("conv1", (channels, 4, 1, 1)), ("conv2", (channels, 1, 3, 3))):
                values = {"weight": rng.normal(size=shape), "bias": rng.normal(size=channels)}
                weights += [
                    numpy_helper.from_array(v.astype(np.float32), f"{name}.{part}.{k}")
                    for k, v in values.items()
                ]
            one = [f"{name}.conv1.weight", f"{name}.conv1.bias"]
            two = [f"{name}.conv2.weight", f"{name}.conv2.bias"]
            nodes += [
                helper.make_node("Conv", ["input", *one], [f"{name}.1"]),
                helper.make_node(
                    "Conv", [f"{name}.1", *two], [f"{name}.2"], group=channels, pads=[1] * 4
                ),
            ]
            ends.append(helper.make_node("Sigmoid", [f"{name}.2"], [f"{kind}_{stride}"]))
    sizes = ["batch", 4, "height", "width"]
    outputs = [
        helper.make_tensor_value_info(
            f"{kind}_{stride}", TensorProto.FLOAT, ["batch", None, "h", "w"]
        )
        for stride in (8, 16, 32)
        for kind in CHANNELS
    ]
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, sizes)
    graph = helper.make_graph(nodes + ends, "heads", [image], outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)


def test_joined_heads_answer_as_the_three_did(script: ModuleType) -> None:
    model, image = heads_of_yunet(), np.random.default_rng(1).normal(size=(1, 4, 6, 5))
    given = {"input": image.astype(np.float32)}
    kept = [f"{kind}_{stride}" for stride in (8, 16, 32) for kind in ("cls", "obj", "bbox")]
    before = onnxruntime.InferenceSession(model.SerializeToString()).run(kept, given)
    script.join_heads(model.graph)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert sorted(output.name for output in session.get_outputs()) == sorted(kept)
    for old, new in zip(before, session.run(kept, given), strict=True):
        assert np.array_equal(old, new)
    assert not any("kps" in tensor.name for tensor in model.graph.initializer)


def test_the_bundled_file_has_a_head_a_stride(script: ModuleType) -> None:
    graph = onnx.load(YuNet.bundled_file()).graph
    assert sum(node.op_type == "Split" for node in graph.node) == len(script.STRIDES)
    assert {output.name.split("_")[0] for output in graph.output} == set(script.HEADS)
