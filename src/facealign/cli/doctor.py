"""`facealign doctor`: what is installed, and whether it works."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
import onnxruntime

from facealign import __version__
from facealign.aligner import FaceAligner
from facealign.aligner.ordered import core_count
from facealign.cli.console import fail, out
from facealign.cli.extras import EXTRAS
from facealign.datasets.drawings import draw_face
from facealign.errors import FaceAlignError, ModelError
from facealign.files import sha256
from facealign.models import bundled, model_path
from facealign.yunet import YuNet

PACKAGES = ("numpy", "onnxruntime", "pillow", "click", "rich")
FAR = 0.2
"""A point this far from the drawn one, in box sizes, is no landmark."""


@click.command("doctor", short_help="Check this installation.")
def command() -> int:
    """Check this installation: versions, models by their sha256, one drawn face aligned.

    Exits with 5 if a model is damaged or missing, with 1 if the face is not found where it is.
    """
    rows = {"facealign": __version__, "Python": f"{platform.python_version()}, {sys.executable}"}
    rows["machine"] = f"{platform.platform()}, {core_count()} cores"
    rows |= {name: importlib.metadata.version(name) for name in PACKAGES}
    rows["providers"] = ", ".join(onnxruntime.get_available_providers())
    rows["provider used"] = "CPUExecutionProvider"
    rows |= {f"extra {name}": _extra(name) for name in EXTRAS}
    problems: list[tuple[str, int]] = []
    for name in bundled():
        rows[f"model {name}"] = _tried(partial(_check_model, name), problems)
    rows["detector yunet"] = _tried(_check_detector, problems)
    rows["self-test"] = _tried(_self_test, problems)
    _print(rows)
    for problem, code in problems:
        fail(problem, code)
    return max((code for _, code in problems), default=0)


def _extra(name: str) -> str:
    missing = [m for m in EXTRAS[name] if importlib.util.find_spec(m) is None]
    return f'not installed: pip install "facealign[{name}]"' if missing else "installed"


def _tried(check: Callable[[], str], problems: list[tuple[str, int]]) -> str:
    try:
        return check()
    except FaceAlignError as error:
        problems.append((str(error), 5 if isinstance(error, ModelError) else 1))
        return "FAILED"


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


def _print(rows: dict[str, str]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, text in rows.items():
        table.add_row(name, escape(text))  # an install line has brackets
    out().print(table)
