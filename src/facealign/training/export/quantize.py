"""An exported network in 8-bit integers: half the time and half the space of floating point.

By ONNX Runtime's static quantisation (QDQ): activations unsigned, weights signed and by channel.
The weights have 7 bits, as processors without VNNI add two products in 16 bits and would clip them
(https://onnxruntime.ai/docs/performance/quantization.html). What follows NE stays as it is: of 256
steps across the crop each would be half a pixel wide.
"""

import io
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from facealign.datasets import read_dataset
from facealign.errors import DataError, ModelError
from facealign.models import unsigned
from facealign.problems import collect
from facealign.session import Session, simplify
from facealign.training.augment.photometric import MEAN, STD
from facealign.training.run import hold_out
from facealign.training.rundir.checkpoint import load_checkpoint
from facealign.training.rundir.folder import best_checkpoint
from facealign.training.settings_file import to_settings
from facealign.training.validation import open_validator
from facealign.types import Floats

FACES = 100
"""Number of training faces that set the ranges of the activations."""
APART = 0.01
"""Largest mean distance of the points from those in floating point, as a fraction of the crop."""


class CalibrationFaces(CalibrationDataReader):  # type: ignore[misc]
    """The network's input for faces, (N, 3, S, S), one at a time."""

    def __init__(self, images: Floats) -> None:
        self._inputs = iter({"image": image[None]} for image in images)

    def get_next(self) -> dict[str, Floats] | None:
        """The next face by the input's name; None after the last."""
        return next(self._inputs, None)


def calibration_faces(run: Path, root: Path | None = None) -> Floats:
    """(N, 3, S, S) the network's input for some of a run's training faces, without augmentation.

    From the folder of a run or a checkpoint; its first data set is at `root`, if it has moved.

    Raises:
        DataError: there is no checkpoint, or no face to read.
        SettingsError: the faces were packed for crops of another size.
    """
    state = load_checkpoint(best_checkpoint(run))
    settings = to_settings(state["settings"], str(run))
    data = settings.data
    if root is None and not data.root:
        raise DataError(f"{run}: does not record the folder of its training faces: give --root")
    place = root or Path(data.root).expanduser()
    if not place.exists():
        raise DataError(f"{place}: the run's training faces are not there: say where with --root")
    with collect() as problems:
        own = {"markup": state["markups"][0]} if data.markup else {}  # its file may no longer exist
        reading = read_dataset(data.dataset, place, data.subset, **(data.options | own))
        samples, _ = hold_out(reading, data, settings.train.seed)
        chosen = [samples[i] for i in np.random.default_rng(0).permutation(len(samples))[:FACES]]
        faces = open_validator(reading, chosen, settings)
    if not faces.samples:
        reasons = [*problems, "is this the data set of the run?"]
        raise DataError(f"{place}: no training face can be read; {reasons[0]}")
    values = (faces.crops[: len(chosen)].astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32)


def to_integers(content: bytes, images: Floats) -> bytes:
    """The ONNX file of a network in 8-bit integers, without a digest; images (N, 3, S, S).

    Raises:
        ModelError: its points differ from those in floating point by more than `APART`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "float.onnx").write_bytes(unsigned(content))
        ready, target = prepare(folder / "float.onnx", folder), folder / "integers.onnx"
        quantise(ready, target, images)
        found = target.read_bytes()
    plain, rounded = (_landmarks(file, images) for file in (content, found))
    apart = float(np.linalg.norm(plain - rounded, axis=-1).mean())
    if not apart <= APART:
        raise ModelError(
            f"not exported: in 8-bit integers its points are {apart:.2g} of the crop's side from "
            f"where they were in floating point, more than {APART}; export it without --int8"
        )
    return found


def prepare(model: Path, folder: Path) -> Path:
    """The network with weights in float32 and known shapes, for the quantizer."""
    plain, ready = folder / "plain.onnx", folder / "ready.onnx"
    simplify(model, plain)
    quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
    return ready


def quantise(ready: Path, target: Path, images: Floats, **changes: Any) -> None:
    """Write what `prepare` made in 8-bit integers.

    The images (N, 3, S, S) set the ranges of the activations; `changes` are arguments of
    `quantize_static` that replace ours.
    """
    usual: dict[str, Any] = {
        "quant_format": QuantFormat.QDQ,
        "per_channel": True,
        "reduce_range": True,
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QInt8,
        "calibrate_method": CalibrationMethod.Percentile,
        "nodes_to_exclude": after_embedding(ready),
        "extra_options": {"OpTypesToExcludeOutputQuantization": ["Gemm"]},
    }
    with redirect_stdout(io.StringIO()):  # the calibration prints its progress
        quantize_static(str(ready), str(target), CalibrationFaces(images), **(usual | changes))


def after_embedding(model: Path) -> list[str]:
    """Names of the nodes that follow NE; without NE of the output layers and what follows."""
    nodes = list(onnx.load(model).graph.node)
    embeddings = [node for node in nodes if _reads(node, "embedding.weight")]
    draws = any(_reads(node, ".maps.") for node in nodes)
    outputs = [".maps.", ".spread.", ".visibility."] if draws else ["heads."]
    layers = embeddings or [node for node in nodes if any(_reads(node, o) for o in outputs)]
    names = [] if embeddings else [node.name for node in layers]
    tensors = {name for node in layers for name in node.output}
    for node in nodes:  # nodes are in order: inputs come before their use
        if tensors.intersection(node.input):
            tensors.update(node.output)
            names.append(node.name)
    return names


def _reads(node: onnx.NodeProto, word: str) -> bool:
    return any(word in name for name in node.input)


def _landmarks(content: bytes, images: Floats) -> Floats:
    """(N, K, 2) of the first head, 0 … 1."""
    session = Session(content)
    found = [session.run(["landmarks"], {"image": image[None]})[0] for image in images]
    return np.concatenate(found)
