"""labelme's and YOLO's folders as these tools write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign.datasets import read_dataset
from facealign.errors import DataError, OutputError
from facealign.face import ImageResult
from facealign.formats.label_tools.yolo import read_yaml
from facealign.formats.registry import input_format, read_results, write_results
from facealign.markup import Markup, load_markup

PLACES = np.array([[20.0, 30.0], [5.5, 9.25], [40.0, 8.0]])


def shape(label: str, *corners: Any, group: int | None = None, **flags: bool) -> dict[str, Any]:
    kind = "point" if len(corners) == 1 else "rectangle"
    points = (np.array(corners) + 0.5).tolist()
    entry = {"label": label, "points": points, "shape_type": kind, "group_id": group}
    return entry | {"flags": flags, "description": ""}


@pytest.fixture
def labelme(tmp_path: Path) -> Callable[..., Path]:
    """(name of the file, shapes, entries) → its folder, with the image beside."""

    def make(name: str, shapes: list[Any], **entries: Any) -> Path:
        Image.new("RGB", (50, 40)).save(tmp_path / f"{name}.png")
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imageData": None}
        content |= {"imagePath": f"{name}.png", "imageWidth": 50, "imageHeight": 40}
        (tmp_path / f"{name}.json").write_text(json.dumps(content | entries))
        return tmp_path

    return make


NAMES = ["me_left_ear", "me_nose", "me_right_ear"]


def test_labelme_points_go_by_name_and_group(
    labelme: Callable[..., Path], reported: list[str]
) -> None:
    one = [shape(name, place) for name, place in zip(NAMES, PLACES, strict=True)]
    labelme("a", one[::-1])
    two = [shape(n, p + k, group=k) for k in (1, 2) for n, p in zip(NAMES, PLACES, strict=True)]
    two += [shape("face", [1, 2], [45, 35], group=2), {**one[0], "shape_type": "polygon"}]
    two[0]["flags"] = {"occluded": True}
    path = labelme("b", two, imagePath="C:\\labels\\b.png")
    assert input_format(path).name == "labelme"
    samples = read_dataset("labelme", path, "all").samples
    names = load_markup(samples[0].markup).names
    order = [NAMES.index(name) for name in names]
    for sample, shift in zip(samples, (0, 1, 2), strict=True):
        assert np.allclose(sample.landmarks, PLACES[order] + shift, atol=1e-4)
    assert [sample.box_source for sample in samples] == ["landmarks", "landmarks", "official"]
    assert samples[2].box.tolist() == [1, 2, 45, 35]
    assert samples[1].occluded is not None
    assert names[int(np.flatnonzero(samples[1].occluded)[0])] == NAMES[0]
    assert reported == []


def test_labelme_numbers_count_from_0_or_1(labelme: Callable[..., Path]) -> None:
    path = labelme("a", [shape(str(i), [i, i]) for i in range(5)])
    (sample,) = read_dataset("labelme", path / "a.json", "all", markup="celeba5").samples
    assert sample.landmarks[:, 0].tolist() == [0, 1, 2, 3, 4]
    path = labelme("a", [shape(str(i + 1), [i, i]) for i in range(4)])
    (sample,) = read_dataset("labelme", path, "all", markup="celeba5").samples
    assert sample.labelled.tolist() == [True] * 4 + [False]
    assert sample.landmarks[3].tolist() == [3, 3]


def test_labelme_files_that_are_none_cost_one_line(
    labelme: Callable[..., Path], problems_of: Any
) -> None:
    path = labelme("a", [shape(name, [i, i]) for i, name in enumerate(NAMES)])
    labelme("b", [shape("me_nose", [1, 1]), shape("me_nose", [2, 2])])
    labelme("c", [shape("face", [1, 1], [9, 9])])
    labelme("d", [{"label": "me_nose"}])
    labelme("e", [])
    (path / "f.json").write_text("{")
    for read in (
        lambda: read_dataset("labelme", path, "all").samples,
        lambda: [face for r in read_results(path, "labelme") for face in r.faces],
    ):
        found: list[object] = []
        lines = problems_of(lambda read=read, found=found: found.extend(read()))  # type: ignore[misc]
        assert len(found) == 1
        assert [letter in "".join(lines) for letter in ("b.json", "c.json", "d.json", "f.json")]
    with pytest.raises(DataError, match=r"none: cannot be read"):
        read_dataset("labelme", path / "none", "all")


def yolo_line(shift: float = 0.0, dims: int = 3, states: Any = (2, 2, 2)) -> str:
    size = np.array([50, 40])
    rows = (PLACES + shift + 0.5) / size
    words = [f"{v:.8f}" for v in (0.5, 0.5, 0.8, 0.9)]
    for row, state in zip(rows, states, strict=True):
        words += [f"{v:.8f}" for v in (row if state else (0, 0))]
        words += [str(state)] * (dims == 3)
    return f"0 {' '.join(words)}"


@pytest.fixture
def yolo(tmp_path: Path) -> Callable[..., Path]:
    """(lines of data.yaml, split → lines of its image) → the data set's folder."""

    def make(yaml: str, **splits: list[str]) -> Path:
        for split, lines in splits.items():
            for kind in ("images", "labels"):
                (tmp_path / kind / split).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (50, 40)).save(tmp_path / "images" / split / f"{split}.jpg")
            (tmp_path / "labels" / split / f"{split}.txt").write_text("\n".join(lines) + "\n")
        (tmp_path / "data.yaml").write_text(yaml)
        return tmp_path

    return make


YAML = """# pose
path: /data/somewhere/else  # of another machine
train: images/train
val: images/val
test:

kpt_shape: [3, 3]
flip_idx: [2, 1, 0]
names:
  0: yolo cat
kpt_names:
  0:
    - ear_a
    - "nose"
    - ear_b
download: |
  a script:
    - of many lines
"""


def test_yolo_gives_a_scheme_with_its_mirror(
    yolo: Callable[..., Path], reported: list[str]
) -> None:
    path = yolo(YAML, train=[yolo_line(), yolo_line(1, states=(2, 1, 0))], val=[yolo_line(2)])
    assert [input_format(p).name for p in (path, path / "data.yaml")] == ["yolo", "yolo"]
    first, second, third = read_dataset("yolo", path / "data.yaml", "all").samples
    scheme = load_markup(first.markup)
    assert (scheme.name, scheme.names) == ("yolo_cat", ("ear_a", "nose", "ear_b"))
    assert scheme.mirror.tolist() == [2, 1, 0]
    assert np.allclose(first.landmarks, PLACES, atol=1e-4)
    assert np.allclose(first.box, [4.5, 1.5, 44.5, 37.5], atol=1e-4)
    assert second.labelled.tolist() == [True, True, False]
    assert second.occluded is not None
    assert second.occluded.tolist() == [False, True, False]
    assert third.image == path / "images" / "val" / "val.jpg"
    assert len(read_dataset("yolo", path, "val").samples) == 1
    assert reported == []


def test_yolo_and_a_scheme_with_another_mirror(yolo: Callable[..., Path]) -> None:
    path = yolo(YAML, train=[yolo_line()])
    load_markup(Markup("yolo_same", ["nose", "ear_b", "ear_a"], [["ear_a", "ear_b"]]))
    (sample,) = read_dataset("yolo", path, "all", markup="yolo_same").samples
    assert np.allclose(sample.landmarks, PLACES[[1, 2, 0]], atol=1e-4)
    load_markup(Markup("yolo_other", ["nose", "ear_b", "ear_a"], [["nose", "ear_b"]]))
    with pytest.raises(DataError, match="ear_a becomes ear_b in a mirrored photo, yolo_other"):
        read_dataset("yolo", path, "all", markup="yolo_other")


def test_yolo_of_two_numbers_a_point_without_names(yolo: Callable[..., Path]) -> None:
    yaml = "train: ../images/train\nkpt_shape: [3,2]\nflip_idx: [0,2,1]\nnames: ['plain cat']\n"
    path = yolo(yaml, train=[yolo_line(dims=2, states=(2, 0, 2))])
    (sample,) = read_dataset("yolo", path, "all").samples
    assert sample.labelled.tolist() == [True, False, True]
    assert np.allclose(sample.landmarks[2], PLACES[2], atol=1e-4)
    assert load_markup(sample.markup).mirror.tolist() == [0, 2, 1]


def test_yolo_faults_cost_one_line(yolo: Callable[..., Path], problems_of: Any) -> None:
    lines = [yolo_line(), "0 0.5 0.5 0.1", yolo_line(states=(0, 0, 0)), yolo_line() + " 3", "0 a b"]
    path = yolo(YAML, train=lines, val=[yolo_line()])
    (path / "images" / "val" / "val.jpg").unlink()
    found: list[object] = []
    told = problems_of(lambda: found.extend(read_dataset("yolo", path, "all").samples))
    assert (len(found), len(told)) == (1, 5)
    assert [line.split(": ")[0].removeprefix(f"{path}/labels/") for line in told] == [
        *(f"train/train.txt:{n}" for n in (2, 3, 4, 5)),
        "val/val.txt",
    ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("flip_idx: [2, 1, 0]", "flip_idx: [1, 2, 0]"), "flip_idx must hold"),
        (("kpt_shape: [3, 3]", "kpt_shape: 3"), "kpt_shape must be"),
        (('    - "nose"\n', ""), "2 kpt_names, but kpt_shape has 3"),
        (("names:", "names"), r"data\.yaml:\d+: not YAML \("),
    ],
)
def test_yolo_files_that_contradict_themselves(
    yolo: Callable[..., Path], change: tuple[str, str], why: str
) -> None:
    path = yolo(YAML.replace(*change), train=[yolo_line()])
    with pytest.raises(DataError, match=why):
        read_dataset("yolo", path / "data.yaml", "all")


def test_yolo_needs_sizes_and_one_scheme(
    tmp_path: Path, results: list[ImageResult], face: Callable[..., Any]
) -> None:
    unknown = [ImageResult("a.jpg", None, None, [face()])]
    for name, target in (("yolo", tmp_path / "y"), ("labelstudio", tmp_path / "l.json")):
        with pytest.raises(OutputError, match=r"a\.jpg: its size is unknown"):
            write_results(lambda: iter(unknown), target, name)
    mixed = [ImageResult("a.jpg", 9, 9, [face(), face(1, "celeba5", 5)])]
    with pytest.raises(OutputError, match="holds one markup"):
        write_results(lambda: iter(mixed), tmp_path / "y", "yolo")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [1, [2, 3]]\n", {"a": 1, "b": [1, [2, 3]]}),
        ("a:\n- x\n- 'it''s'\nb: \"q # r\"\n", {"a": ["x", "it's"], "b": "q # r"}),
        ("names: {0: cat, 1: dog}\n", {"names": {0: "cat", 1: "dog"}}),
        ("a: [1,\n  2]\n# c\nb: ../x/y # z\n", {"a": [1, 2], "b": "../x/y"}),
        ("a:\n  0:\n    - x\nb: C:\\data\n", {"a": {0: ["x"]}, "b": "C:\\data"}),
    ],
)
def test_yaml(tmp_path: Path, text: str, value: Any) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert read_yaml(tmp_path / "a.yaml") == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [1, 2\nb: 3\n", r"a\.yaml:2: not YAML \(expected"),
        ("a: !!python/object/apply:os.abort []\n", r"a\.yaml:1: not YAML \(could not determine"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", r"a\.yaml:2: aliases and deep nesting"),
        ("a: " + "[" * 100_000, r"a\.yaml:1: aliases and deep nesting"),
        ("a: \0\n", r"a\.yaml: not YAML \("),
        ("- a\n", "its top level is not a mapping"),
    ],
)
def test_yaml_that_is_damaged_or_malicious(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DataError, match=why):
        read_yaml(tmp_path / "a.yaml")
