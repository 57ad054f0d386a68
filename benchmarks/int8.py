"""What 8-bit integers cost and save: `facealign export --int8` beside other ways to quantise.

    facealign export runs/mine -o mine.onnx
    python benchmarks/int8.py --root /faces/300w --model mine.onnx

The models are files in floating point. Each variant is ONNX Runtime's static quantisation,
calibrated on faces of 300W's training part and compared on the faces that training held out. On
300W common only float32 and `export`'s variant are measured. *Apart* is how far points move, in %
of the crop's side: the mean over the held-out faces.

Times are the network's alone, one face on one thread, the variants in turn; they are processor
times, which other work on the machine affects little. Needs the "train" extra (onnx).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from looked import Looked, look
from onnxruntime.quantization import CalibrationMethod, QuantType
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
from facealign.markup import load_markup
from facealign.metrics import distances
from facealign.models import model_path
from facealign.session import Session
from facealign.training.export.quantize import FACES, prepare, quantise
from facealign.types import Sample

VARIANTS: dict[str, dict[str, Any]] = {
    "export --int8": {},
    "weights of 8 bits": {"reduce_range": False},
    "ranges: extremes": {"calibrate_method": CalibrationMethod.MinMax},
    "ranges: entropy": {"calibrate_method": CalibrationMethod.Entropy},
    "signed values": {"activation_type": QuantType.QInt8},
    "products alone": {"op_types_to_quantize": ["Conv", "Gemm"]},
    "outputs too": {"nodes_to_exclude": None, "extra_options": {}},
}
"""Arguments that differ from `export`'s."""


def inputs(landmarker: Landmarker, samples: list[Sample]) -> np.ndarray:
    """The network's input for the faces: (N, 3, S, S) float32."""
    facts = landmarker.facts
    crops = [
        landmarker.crop(sample.box).warp(image)
        for sample, image in stream_pixels(samples)
        if image is not None
    ]
    values = (np.stack(crops).astype(np.float32) / 255 - facts.mean) / facts.std
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2).astype(np.float32))


def nme(looked: Looked) -> float:
    """The mean error in inter-ocular distances."""
    truth, boxes = (np.stack([getattr(s, n) for s in looked.samples]) for n in ("landmarks", "box"))
    markup = load_markup(looked.samples[0].markup)
    eyes = distances("inter_ocular", truth, looked.known(), boxes, markup)
    return float(np.nanmean(np.where(looked.known(), looked.pixels, np.nan) / eyes[:, None]))


def network_times(files: dict[str, Path], image: np.ndarray, rounds: int) -> dict[str, float]:
    """Median processor milliseconds for one face; each round times every file in turn."""
    sessions = {name: Session(file, 1) for name, file in files.items()}
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
    for number, (name, changes) in enumerate(VARIANTS.items()):
        files[name] = folder / f"{number}.onnx"
        quantise(ready, files[name], images, **changes)
    taken = network_times(files, images[:1], rounds)
    found: dict[str, dict[str, Any]] = {}
    plain = inputs(Landmarker(model, 1, leaning=False), parts["held out"])
    for name, file in files.items():
        found[name] = {
            "megabytes": file.stat().st_size / 1e6,
            "network_ms": taken[name],
            "ratio": taken[name] / taken["float32"],
            "apart": apart(model, file, plain),
            "nme_held_out": error_on(file, parts["held out"]),
        }
    for name in list(files)[:2]:
        found[name]["nme_common"] = error_on(files[name], parts["common"])
    return found


def apart(model: Path, other: Path, images: np.ndarray) -> float:
    """Mean distance of the points of two files, as a fraction of the crop's side."""
    first, second = (
        Session(file, 1).run(["landmarks"], {"image": images})[0] for file in (model, other)
    )
    return float(np.linalg.norm(first - second, axis=-1).mean())


def check_float(model: Path) -> None:
    """Refuse a file that holds 8-bit integers already."""
    if any(node.op_type == "DequantizeLinear" for node in onnx.load(model).graph.node):
        sys.exit(f"{model} is in 8-bit integers already: export the run without --int8")


def error_on(file: Path, samples: list[Sample]) -> float:
    return nme(look(Landmarker(file, 1, leaning=False), samples))


def run(given: argparse.Namespace) -> None:
    train = read_dataset("300w", given.root, "train").samples
    rest, held_out = split_by_group(train, given.validation, given.seed)
    order = np.random.default_rng(given.seed).permutation(len(rest))[: given.faces]
    parts = {"calibration": [rest[i] for i in order], "held out": held_out}
    parts["common"] = read_dataset("300w", given.root, "common").samples
    results = {}
    for name, model in models_of(given).items():
        with tempfile.TemporaryDirectory() as folder:
            check_float(model_path(model))
            results[name] = measure(model_path(model), parts, Path(folder), given.rounds)
        show(name, results[name])
    counts = {part: len(samples) for part, samples in parts.items()}
    write_json(given, record(given, "int8", {"faces": counts, "models": results}))


def show(model: str, found: dict[str, dict[str, Any]]) -> None:
    table = new_table("variant", "MB", "ms", "ratio", "apart, %", "held out, %", "common, %")
    for name, row in found.items():
        table.add_row(
            name,
            f"{row['megabytes']:.2f}",
            f"{row['network_ms']:.2f}",
            f"{row['ratio']:.2f}",
            f"{100 * row['apart']:.3f}",
            percent(row["nme_held_out"]),
            percent(row.get("nme_common")),
        )
    show_table(new_console(), table, f"{model}: inter-ocular NME, time on one thread")


def main(words: list[str] | None = None) -> None:
    parser = new_parser(__doc__)
    add_root(parser, required=True)
    add_models(parser)
    parser.add_argument("--faces", type=int, default=FACES, metavar="N", help="to calibrate on")
    parser.add_argument("--validation", type=float, default=0.1, help="data.validation of the run")
    parser.add_argument("--seed", type=int, default=0, help="train.seed of the run")
    parser.add_argument("--rounds", type=int, default=200, metavar="N", help="times of each")
    run_script(parser, run, words)


if __name__ == "__main__":
    main()
