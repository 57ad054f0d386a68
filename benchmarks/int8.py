"""Does a network of 8-bit integers earn its place?

    python benchmarks/int8.py --root /faces/300w [--model NAME …]

Each variant is ONNX Runtime's static quantisation (QDQ, weights by channel), calibrated on faces of
300W's training part and told apart by those that training held out. Of 300W common only float32 and
one variant have a number: the most accurate on the held-out faces of those that take at most
MOST_TIME of float32's time.

Times are the network's alone, one face on one thread, the variants in turn; they are of the
processor, which a busy machine leaves alone. U8S8 has unsigned activations and signed weights. A
processor without VNNI adds two of its products in 16 bits and clips them: there the weights need 7
bits (`reduce_range`), see https://onnxruntime.ai/docs/performance/quantization.html. Needs the
"train" extra (onnx).
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from looked import Looked, look
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from script import (
    add_models,
    add_root,
    models_of,
    new_console,
    new_parser,
    new_table,
    percent,
    record,
    run_script,
    show_table,
    write_json,
)

from facealign.aligner.landmarker import OUTPUTS, Landmarker
from facealign.datasets import read_dataset, stream_pixels
from facealign.datasets.reading import split_by_group
from facealign.detector import open_session
from facealign.markup import load_markup
from facealign.metrics import distances
from facealign.models import model_path
from facealign.types import Sample

BATCH = 10
"""Faces that calibration looks at in one run."""
MOST_TIME = 0.8
"""Of float32's: a variant that is hardly faster has nothing to offer."""
U8, S8 = QuantType.QUInt8, QuantType.QInt8


@dataclass(frozen=True)
class Variant:
    """How a network is quantised.

    Attributes:
        operators: only these; empty for all that can be.
        activations: of 8 bits, signed or not; weights are signed.
        method: how the range of an activation is found.
        seven_bits: weights of 7 bits.
        float_ends: the first convolution, and all from the first `Gemm` on, stay as they are.

    """

    operators: tuple[str, ...] = ()
    activations: QuantType = U8
    method: CalibrationMethod = CalibrationMethod.MinMax
    seven_bits: bool = False
    float_ends: bool = False


VARIANTS = {
    "U8S8": Variant(),
    "U8S8, 7 bits": Variant(seven_bits=True),
    "S8S8": Variant(activations=S8),
    "U8S8, entropy": Variant(method=CalibrationMethod.Entropy),
    "U8S8, percentile": Variant(method=CalibrationMethod.Percentile),
    "float ends": Variant(float_ends=True),
    "float ends, percentile": Variant(method=CalibrationMethod.Percentile, float_ends=True),
    "float ends, 7 bits": Variant(seven_bits=True, float_ends=True),
    "convolutions": Variant(operators=("Conv",)),
}


class Faces(CalibrationDataReader):  # type: ignore[misc]
    """The network's input for faces, (N, 3, S, S), a batch at a time."""

    def __init__(self, images: np.ndarray) -> None:
        self._batches = iter(images[i : i + BATCH] for i in range(0, len(images), BATCH))

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"image": batch}


def inputs(landmarker: Landmarker, samples: list[Sample]) -> np.ndarray:
    """What the network is given for the faces: (N, 3, S, S) float32."""
    facts = landmarker.facts
    crops = [
        landmarker.crop(sample.box).warp(image)
        for sample, image in stream_pixels(samples, [])
        if image is not None
    ]
    values = (np.stack(crops).astype(np.float32) / 255 - facts.mean) / facts.std
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2).astype(np.float32))


def prepare(model: Path, folder: Path) -> Path:
    """The network with its weights in float32 and its shapes known, for the quantiser."""
    plain, ready = folder / "plain.onnx", folder / "ready.onnx"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(plain)
    onnxruntime.InferenceSession(str(model), options)
    quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
    return ready


def quantise(ready: Path, variant: Variant, images: np.ndarray, target: Path) -> None:
    with redirect_stdout(io.StringIO()):  # the calibration tells of its histograms
        quantize_static(
            str(ready),
            str(target),
            Faces(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=variant.seven_bits,
            op_types_to_quantize=list(variant.operators) or None,
            nodes_to_exclude=ends(ready) if variant.float_ends else None,
            activation_type=variant.activations,
            weight_type=S8,
            calibrate_method=variant.method,
        )


def ends(model: Path) -> list[str]:
    """Names of the first convolution and of all nodes from the first `Gemm` on."""
    nodes = list(onnx.load(model).graph.node)
    first = next(i for i, node in enumerate(nodes) if node.op_type == "Gemm")
    stem = next(node for node in nodes if node.op_type == "Conv")
    return [stem.name, *(node.name for node in nodes[first:])]


def nme(looked: Looked) -> float:
    """The mean error in inter-ocular distances."""
    truth, boxes = (np.stack([getattr(s, n) for s in looked.samples]) for n in ("landmarks", "box"))
    markup = load_markup(looked.samples[0].markup)
    eyes = distances("inter_ocular", truth, looked.known(), boxes, markup)
    return float(np.nanmean(np.where(looked.known(), looked.pixels, np.nan) / eyes[:, None]))


def network_times(files: dict[str, Path], image: np.ndarray, rounds: int) -> dict[str, float]:
    """Milliseconds of the processor for one face, the median: each file in turn, every round."""
    sessions = {name: open_session(file, 1) for name, file in files.items()}
    taken: dict[str, list[float]] = {name: [] for name in files}
    for _ in range(rounds + 5):
        for name, session in sessions.items():
            start = time.thread_time()
            session.run(list(OUTPUTS), {"image": image})
            taken[name].append(1000 * (time.thread_time() - start))
    return {name: float(np.median(times[5:])) for name, times in taken.items()}


def measure(
    model: Path, parts: dict[str, list[Sample]], folder: Path, rounds: int
) -> dict[str, dict[str, Any]]:
    """Numbers of float32 and of each variant."""
    images = inputs(Landmarker(model, 1, leaning=False), parts["calibration"])
    ready, files = prepare(model, folder), {"float32": model}
    for number, (name, variant) in enumerate(VARIANTS.items()):
        files[name] = folder / f"{number}.onnx"
        quantise(ready, variant, images, files[name])
    taken = network_times(files, images[:1], rounds)
    found: dict[str, dict[str, Any]] = {}
    for name, file in files.items():
        found[name] = {
            "megabytes": file.stat().st_size / 1e6,
            "network_ms": taken[name],
            "ratio": taken[name] / taken["float32"],
            "nme_held_out": error_on(file, parts["held out"]),
        }
    for name in ("float32", chosen(found)):
        found[name]["nme_common"] = error_on(files[name], parts["common"])
    return found


def chosen(found: dict[str, dict[str, Any]]) -> str:
    """The variant to report: the most accurate of the fast ones, or of all if none is fast."""
    others = {name: row for name, row in found.items() if name != "float32"}
    fast = {name: row for name, row in others.items() if row["ratio"] <= MOST_TIME} or others
    return min(fast, key=lambda name: float(fast[name]["nme_held_out"]))


def error_on(file: Path, samples: list[Sample]) -> float:
    return nme(look(Landmarker(file, 1, leaning=False), samples, []))


def run(given: argparse.Namespace) -> None:
    train = read_dataset("300w", given.root, "train").samples
    rest, held_out = split_by_group(train, given.validation, given.seed)
    order = np.random.default_rng(given.seed).permutation(len(rest))[: given.faces]
    parts = {"calibration": [rest[i] for i in order], "held out": held_out}
    parts["common"] = read_dataset("300w", given.root, "common").samples
    results = {}
    for name, model in models_of(given).items():
        with tempfile.TemporaryDirectory() as folder:
            results[name] = measure(model_path(model), parts, Path(folder), given.rounds)
        show(name, results[name])
    counts = {part: len(samples) for part, samples in parts.items()}
    write_json(given, record(given, "int8", {"faces": counts, "models": results}))


def show(model: str, found: dict[str, dict[str, Any]]) -> None:
    table = new_table("variant", "MB", "network, ms", "ratio", "held out, %", "common, %")
    for name, row in found.items():
        table.add_row(
            name,
            f"{row['megabytes']:.2f}",
            f"{row['network_ms']:.2f}",
            f"{row['ratio']:.2f}",
            percent(row["nme_held_out"]),
            percent(row.get("nme_common")),
        )
    show_table(new_console(), table, f"{model}: inter-ocular NME, time on one thread")


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_root(parser, required=True)
    add_models(parser)
    parser.add_argument("--faces", type=int, default=200, metavar="N", help="to calibrate on")
    parser.add_argument("--validation", type=float, default=0.1, help="data.validation of the run")
    parser.add_argument("--seed", type=int, default=0, help="train.seed of the run")
    parser.add_argument("--rounds", type=int, default=200, metavar="N", help="times of each")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
