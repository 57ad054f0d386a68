"""The peers' benchmark: who is measured in which box, what is taken off, what the file says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign import YuNet
from facealign.datasets import read_dataset
from facealign.models import DEFAULT, model_path
from facealign.types import Pixels

Benchmark = Callable[[str], ModuleType]


@pytest.fixture
def contenders(benchmark: Benchmark) -> ModuleType:
    return benchmark("contenders")


@pytest.fixture
def others(benchmark: Benchmark) -> ModuleType:
    return benchmark("others")


@pytest.fixture
def accuracy(benchmark: Benchmark) -> ModuleType:
    return benchmark("accuracy")


class Shifted:
    """Finds every face but the first, its points off by the window and a tenth of the box."""

    def __init__(self, windows: tuple, truth: dict[bytes, np.ndarray]) -> None:
        self.windows, self._truth = windows, truth

    def landmarks(self, image: Pixels, box: np.ndarray, window: Any) -> np.ndarray | None:
        points = self._truth[box.tobytes()]
        if points is None:
            return None
        return points + np.float32(np.sqrt(np.prod(box[2:] - box[:2])) * 0.1 * window.scale)


def test_a_window_widens_about_the_centre_then_moves_down(contenders: ModuleType) -> None:
    box = np.array([10, 20, 30, 60], np.float32)
    assert contenders.Window(2, 0.25).of(box).tolist() == [0, 10, 40, 90]
    assert contenders.Window().of(box).tolist() == box.tolist()


def test_every_one_of_the_68_points_has_a_vertex_of_its_own(others: ModuleType) -> None:
    vertices = others.MESH_TO_IBUG68
    assert len(vertices) == len(set(vertices)) == 68
    assert all(0 <= vertex < 468 for vertex in vertices)


def test_the_offset_is_the_mean_in_box_sizes_over_the_faces_found(accuracy: ModuleType) -> None:
    true = np.zeros((3, 2, 2))
    predicted = np.array([[[1, 0], [0, 2]], [[4, 0], [0, -4]], [[np.nan] * 2] * 2])
    size = np.array([10.0, 20.0, 30.0])
    offset = accuracy.mean_offset(predicted, true, size)
    assert np.allclose(offset, [[0.15, 0], [0, 0]])  # (1/10 + 4/20) / 2, (2/10 - 4/20) / 2
    moved = accuracy.remove_offset(predicted, offset, size)
    assert np.allclose(moved[:2], [[[-0.5, 0], [0, 2]], [[1, 0], [0, -4]]])
    assert np.isnan(moved[2]).all()


def test_a_constant_offset_is_taken_off_whole_and_missed_faces_count(
    accuracy: ModuleType, contenders: ModuleType, drawn: Path
) -> None:
    training, common = (read_dataset("300w", drawn, s).samples for s in ("train", "common"))
    truth = {s.box.tobytes(): s.landmarks for s in [*training, *common]}
    truth[common[0].box.tobytes()] = None
    windows = (contenders.Window(2.0), contenders.Window(1.0))
    found = accuracy.measure_accuracy(Shifted(windows, truth), drawn)
    assert found["learned_on"] == len(training)
    assert found["plain"]["missed"] == found["corrected"]["missed"] == 1
    assert found["plain"]["nme_inter_ocular"] > 0.05
    assert found["corrected"]["nme_inter_ocular"] == pytest.approx(0, abs=1e-6)
    assert found["corrected"]["failure_rate_08"] == pytest.approx(1 / 8)


def test_the_window_with_fewest_missed_faces_is_taken(
    accuracy: ModuleType, contenders: ModuleType, drawn: Path
) -> None:
    samples = read_dataset("300w", drawn, "train").samples

    class Picky(Shifted):
        def landmarks(self, image: Pixels, box: np.ndarray, window: Any) -> np.ndarray | None:
            return super().landmarks(image, box, window) if window.scale > 1 else None

    windows = (contenders.Window(1.0), contenders.Window(1.5))
    truth = {s.box.tobytes(): s.landmarks for s in samples}
    truth[samples[0].box.tobytes()] = None
    window, _ = accuracy.learn(Picky(windows, truth), samples)
    assert window.scale == 1.5


def test_of_several_rounds_each_time_s_quietest_counts(benchmark: Benchmark) -> None:
    rounds = [
        {"name": "a", "stage_ms": {"median": s}, "photo_ms": {"median": p}, "cold_start_ms": c}
        for s, p, c in ((3.0, 9.0, 50.0), (2.0, 12.0, 40.0))
    ]
    row = benchmark("peers").quietest([rounds[0] | {"accuracy": 1}, rounds[1]])
    assert (row["name"], row["accuracy"]) == ("a", 1)
    assert (row["stage_ms"]["median"], row["photo_ms"]["median"]) == (2.0, 9.0)
    assert row["cold_start_ms"] == 40.0


def test_photos_as_they_come_are_measured_side_by_side(benchmark: Benchmark) -> None:
    costs = benchmark("inference")
    rows = costs.photo_costs("aan-s", 1)
    assert set(rows) == set(costs.photos())
    assert [rows[name]["faces"] for name in rows if "none" in name] == [0, 0]
    assert rows[costs.PLAIN]["ratio"] == 1
    assert all(row["faces"] for name, row in rows.items() if "face" in name)
    assert rows["12 megapixels, one face"]["ratio"] > 2


@pytest.mark.slow
def test_speed_in_one_run_and_who_is_left_out_for_want_of_what(
    others: ModuleType, repository: Path, tmp_path: Path
) -> None:
    target = tmp_path / "peers.json"
    words = [sys.executable, repository / "benchmarks" / "peers.py"]
    done = subprocess.run(
        [*words, "--repeats", "3", "--rounds", "2", "--json", target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tree = json.loads(target.read_text())
    ours = tree["rows"][0]
    assert (ours["name"], ours["ours"], ours["points"]) == (DEFAULT, True, 68)
    assert ours["stage_ms"]["median"] <= ours["stage_ms"]["p95"]
    assert 20 < ours["memory_mb"] < 2000
    assert re.search(rf"\| {DEFAULT} +\| +68 \|", done.stdout)
    measured = {row["name"] for row in tree["rows"]}
    for peer in others.PEERS:
        assert (peer in measured) != (f"{peer} left out: " in done.stderr)
    shown = subprocess.run([*words, "--show", target], capture_output=True, text=True, check=True)
    assert shown.stdout == done.stdout


def test_the_readme_has_the_table_of_the_kept_file(benchmark: Benchmark, repository: Path) -> None:
    kept = repository / "docs" / "runs" / "peers" / "300w.json"
    table = benchmark("peers").report(json.loads(kept.read_text()))
    assert table in (repository / "docs/benchmarks.md").read_text(), (
        f"paste what this prints: python benchmarks/peers.py --show {kept}"
    )


@pytest.mark.parametrize("name", ["dlib", "MediaPipe FaceMesh", "MediaPipe FaceMesh, attention"])
def test_peers_that_are_installed_find_the_same_face(
    contenders: ModuleType,
    others: ModuleType,
    astronaut: Pixels,
    repository: Path,
    name: str,
) -> None:
    try:
        contender = others.PEERS[name]()
    except ImportError as error:
        pytest.skip(f"not installed: {error.name}")
    golden = json.loads((repository / "tests" / "golden" / "astronaut-aan-m.json").read_text())
    box = YuNet().detect(astronaut).boxes[0]
    points = contender.landmarks(astronaut, box, contenders.Window(1.5 if "Pipe" in name else 1.1))
    apart = np.linalg.norm(points - np.array(golden[0]["landmarks"]), axis=1)
    assert apart.mean() < 0.05 * (box[2] - box[0])
    alone = [np.linalg.norm(face - points, axis=1).mean() for face in contender.faces(astronaut)]
    assert min(alone) < 0.05 * (box[2] - box[0])  # dlib finds a second one


def test_the_memory_of_a_program_is_its_own(benchmark: Benchmark, tmp_path: Path) -> None:
    machine = benchmark("machine")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    held = np.ones(40_000_000, np.uint8)  # of this process: must not count
    small = machine.measure_alone("", tmp_path / "a.png", 1)["memory_mb"]
    large = machine.measure_alone("rest = numpy.ones(50_000_000, 'u1')", tmp_path / "a.png", 1)
    assert 40 < large["memory_mb"] - small < 60
    assert machine.held_megabytes() > held.nbytes / 1e6


def test_the_core_s_size_has_every_part_once(benchmark: Benchmark) -> None:
    sizes = benchmark("inference").installed_megabytes()
    assert {"facealign", "numpy", "onnxruntime", "click", "rich"} <= set(sizes)
    assert not {"torch", "matplotlib"} & set(sizes)
    assert all(size > 0 for size in sizes.values())


def test_multiply_adds_by_hand(benchmark: Benchmark, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    sides = ["batch", 3, 8, 8]
    weights = {"w": np.ones((5, 3, 3, 3), np.float32), "h": np.ones((5, 7), np.float32)}
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["maps"], strides=[2, 2], pads=[1] * 4),
        helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Gemm", ["flat", "h"], ["landmarks"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("landmarks", onnx.TensorProto.FLOAT, ["batch", 7])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    limits = benchmark("limits")
    assert limits.multiply_adds(path) == 5 * 3 * 3 * 3 * 4 * 4 + 5 * 7
    shares = limits.time_by_operator(path, 1)
    assert sum(shares.values()) == pytest.approx(1)
    assert "Conv" in shares


def test_multiply_adds_of_a_bundled_file(benchmark: Benchmark) -> None:
    pytest.importorskip("onnx")
    stem = 64 * 64 * 32 * 3 * 7 * 7  # of aan-m: a 7 × 7 convolution, 3 to 32 channels, 64 × 64
    found = benchmark("limits").multiply_adds(model_path("aan-m"))
    assert stem < 150e6 < found < 300e6
