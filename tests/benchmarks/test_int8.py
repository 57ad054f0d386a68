"""Which variant is reported, and the script with one variant on drawn faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from facealign.models import model_path

Benchmark = Callable[[str], ModuleType]


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ({"a": (0.7, 0.04), "b": (0.6, 0.05), "c": (0.9, 0.03)}, "a"),  # c is hardly faster
        ({"a": (0.9, 0.04), "b": (1.2, 0.03)}, "b"),  # none is faster
    ],
)
def test_the_most_accurate_of_the_fast_is_reported(
    benchmark: Benchmark, ratios: dict[str, tuple[float, float]], expected: str
) -> None:
    found = {name: {"ratio": r, "nme_held_out": e} for name, (r, e) in ratios.items()}
    found["float32"] = {"ratio": 1.0, "nme_held_out": 0.01}
    assert benchmark("int8").chosen(found) == expected


def test_calibration_sees_every_face_once(benchmark: Benchmark) -> None:
    int8 = benchmark("int8")
    images = np.arange(2 * int8.BATCH + 1)
    reader, seen = int8.Faces(images), []
    while (batch := reader.get_next()) is not None:
        seen += batch["image"].tolist()
    assert seen == images.tolist()


def test_the_ends_are_the_first_convolution_and_the_heads(
    benchmark: Benchmark, tmp_path: Path
) -> None:
    int8 = benchmark("int8")
    names = int8.ends(int8.prepare(model_path("aan-s"), tmp_path))
    nodes = int8.onnx.load(tmp_path / "ready.onnx").graph.node
    kinds = [node.op_type for node in nodes if node.name in names]
    assert kinds.count("Conv") == 1
    assert kinds.count("Gemm") == 4
    assert nodes[-1].name in names


def test_one_variant_on_drawn_faces(
    benchmark: Benchmark,
    drawn: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    int8 = benchmark("int8")
    monkeypatch.setattr(int8, "VARIANTS", {"U8S8": int8.Variant()})
    output = tmp_path / "int8.json"
    words = ["--root", drawn, "--model", "aan-s", "--faces", 12, "--rounds", 3, "--json", output]
    int8.main([str(word) for word in words])
    tree = json.loads(output.read_text())
    found = tree["models"]["aan-s"]
    assert (list(found), tree["faces"]["calibration"]) == (["float32", "U8S8"], 12)
    assert found["U8S8"]["megabytes"] < 0.7 * found["float32"]["megabytes"]
    errors = [row[part] for row in found.values() for part in ("nme_held_out", "nme_common")]
    assert all(0 < error < 1 for error in errors)
    assert errors[0] != errors[2]
    assert errors[2] == pytest.approx(errors[0], rel=0.3)
    assert "aan-s: inter-ocular NME" in capsys.readouterr().out
