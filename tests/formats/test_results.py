"""Every format of results: written and read back, whole or not at all, with a stated loss."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from facealign.datasets import read_dataset
from facealign.errors import DataError, FaceAlignError, OutputError
from facealign.face import Face, ImageResult
from facealign.formats.json import SCHEMA_FILE
from facealign.formats.registry import FORMATS, input_format, read_results, write_results

NAMES = {
    "json": "out.json",
    "jsonl": "out.jsonl",
    "csv": "out.csv",
    "parquet": "out.parquet",
    "coco": "out.coco.json",
    "cvat": "out.xml",
    "imglab": "out.imglab.xml",
    "labelstudio": "out.labelstudio.json",
    "labelme": "labelme",
    "yolo": "yolo",
    "pts": "points",
}
WHOLE = [name for name in FORMATS if FORMATS[name].keeps_all]


def write(results: list[ImageResult], path: Path, name: str | None = None) -> set[str]:
    return write_results(lambda: iter(results), path, name)[1]


def same(a: ImageResult, b: ImageResult, pixels: float = 0.0006) -> bool:
    words = (a.source, a.width, a.height, a.error) == (b.source, b.width, b.height, b.error)
    pairs = list(zip(a.faces, b.faces, strict=True))
    return words and all(same_face(x, y, pixels) for x, y in pairs)


def same_face(a: Face, b: Face, pixels: float) -> bool:
    arrays = [(a.scores, b.scores, 6e-5), (a.visible, b.visible, 0)]
    arrays += [(a.box, b.box, pixels), (a.landmarks, b.landmarks, pixels)]
    close = all(x is y if y is None else np.allclose(x, y, 0, t) for x, y, t in arrays)
    numbers = [(a.score, b.score), (a.confidence, b.confidence)]
    close &= all(x is y if y is None else abs(x - y) <= 6e-5 for x, y in numbers)
    return bool(close) and a.markup == b.markup


@pytest.mark.parametrize("name", WHOLE)
def test_all_comes_back(tmp_path: Path, results: list[ImageResult], name: str) -> None:
    path = tmp_path / "new" / NAMES[name]
    assert write(results, path) == set()
    back = list(read_results(path))
    assert [same(a, b) for a, b in zip(results, back, strict=True)] == [True] * 4
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_parquet_keeps_every_bit(tmp_path: Path, results: list[ImageResult]) -> None:
    write(results, tmp_path / "out.parquet")
    back = list(read_results(tmp_path / "out.parquet"))
    assert all(same(a, b, 0.0) for a, b in zip(results, back, strict=True))
    assert back[0].faces[0].score == results[0].faces[0].score


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(WHOLE, 2)))
def test_a_detour_over_another_format_changes_nothing(
    tmp_path: Path, results: list[ImageResult], first: str, second: str
) -> None:
    straight, back = tmp_path / "a" / NAMES[first], tmp_path / "b" / NAMES[first]
    detour = tmp_path / NAMES[second]
    write(results, tmp_path / "out.jsonl")
    write(list(read_results(tmp_path / "out.jsonl")), straight)
    write(list(read_results(straight)), detour)
    write(list(read_results(detour)), back)
    assert list(map(same, read_results(straight), read_results(back), [0.0] * 4)) == [True] * 4
    if first != "parquet":
        assert straight.read_bytes() == back.read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_no_result_is_a_valid_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / NAMES[name]
    write([], path, name)
    if FORMATS[name].files:
        shown = [file.name for file in path.iterdir() if file.name != ".facealign"]
        assert shown == ["data.yaml"] * (name == "yolo")
    else:
        assert list(read_results(path)) == []


def test_cvat_loses_what_it_says(tmp_path: Path, results: list[ImageResult]) -> None:
    lost = write(results, tmp_path / "out.xml")
    assert lost == {"point scores", "failed photos"}
    back = list(read_results(tmp_path / "out.xml"))
    for a, b in zip(results, back, strict=True):
        assert " ".join(a.source.split()) == " ".join(b.source.split())
        assert (a.width, a.height, b.error) == (b.width, b.height, None)
        for x, y in zip(a.faces, b.faces, strict=True):
            assert np.allclose(x.landmarks, y.landmarks, 0, 0.0011)
            assert np.array_equal(x.visible, y.visible)
            assert abs(x.score - y.score) < 6e-5
            assert abs(x.confidence - y.confidence) < 6e-5


def test_pts_are_a_file_a_face(tmp_path: Path, results: list[ImageResult]) -> None:
    lost = write(results, tmp_path / "points", "pts")
    assert {"boxes", "scores", "failed photos", "photos without a face"} <= lost
    found = {str(p.relative_to(tmp_path / "points")) for p in (tmp_path / "points").rglob("*")}
    assert found == {".facealign", "one.jpg.pts", "one.jpg_2.pts", "one.png.pts"}
    back = [r.faces[0] for r in read_results(tmp_path / "points")]
    faces = [*results[0].faces, results[3].faces[0]]
    for a, b in zip(faces, back, strict=True):
        assert np.abs(a.landmarks - b.landmarks).max() < 0.001


def test_pts_never_leave_their_folder(tmp_path: Path, face: Callable[..., Face]) -> None:
    sources = ["../../x.jpg", "/etc/y.jpg", "a/../../z.jpg", "..", "-"]
    images = [ImageResult(source, 9, 9, [face(i)]) for i, source in enumerate(sources)]
    (tmp_path / "deep").mkdir()
    write(images, tmp_path / "deep" / "points", "pts")
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["points"]
    assert len([p for p in (tmp_path / "deep").rglob("*.pts") if p.is_file()]) == 5


def test_one_pts_file_holds_one_face(tmp_path: Path, results: list[ImageResult]) -> None:
    with pytest.raises(OutputError, match="holds one face, not 3"):
        write(results, tmp_path / "out.pts")
    write(results[3:], tmp_path / "out.pts")
    (back,) = read_results(tmp_path / "out.pts")
    assert np.abs(back.faces[0].landmarks - results[3].faces[0].landmarks).max() < 0.001


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_json_is_valid_by_its_schema(tmp_path: Path, results: list[ImageResult], name: str) -> None:
    write(results, tmp_path / NAMES[name])
    text = (tmp_path / NAMES[name]).read_text()
    lines = [json.loads(line) for line in text.splitlines()] if name == "jsonl" else None
    document = {"schema": "facealign/1", "images": lines} if lines else json.loads(text)
    schema = json.loads(SCHEMA_FILE.read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    validator.validate(document)
    document["images"][0]["faces"][0]["box"].pop()
    assert len(list(validator.iter_errors(document))) == 1


def test_one_table_holds_one_markup(tmp_path: Path, face: Callable[..., Face]) -> None:
    mixed = [ImageResult("a.jpg", 9, 9, [face(1), face(2, "celeba5", 5)])]
    with pytest.raises(OutputError, match="one markup, not celeba5, ibug68"):
        write(mixed, tmp_path / "out.csv")
    for name in ("out.parquet", "out.coco.json", "out.xml"):
        write(mixed, tmp_path / name)
        (back,) = read_results(tmp_path / name)
        assert [f.markup for f in back.faces] == ["ibug68", "celeba5"]


@pytest.mark.parametrize("name", FORMATS)
def test_what_stops_the_writing_leaves_the_older_file_and_no_part(
    tmp_path: Path, results: list[ImageResult], name: str
) -> None:
    path = tmp_path / NAMES[name]
    write(results[:3] if name == "yolo" else results, path, name)
    files = lambda: {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}  # noqa: E731
    before = files()

    def broken() -> Iterator[ImageResult]:
        yield results[0]
        raise KeyboardInterrupt

    calls = iter([lambda: iter(results), broken])
    with contextlib.suppress(KeyboardInterrupt):
        write_results(lambda: next(calls)(), path, name)
    assert files() == before


def test_a_full_disk_is_named(tmp_path: Path, results: list[ImageResult]) -> None:
    def full() -> Iterator[ImageResult]:
        yield results[0]
        raise OSError(28, "No space left on device")

    calls = iter([lambda: iter(results), full])
    with pytest.raises(OutputError, match="No space left on device; choose another"):
        write_results(lambda: next(calls)(), tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["json", "jsonl", "coco"])
def test_not_a_number_is_never_written(
    tmp_path: Path, face: Callable[..., Face], name: str
) -> None:
    bad = face()
    bad.landmarks[3, 1] = np.nan
    with pytest.raises(ValueError, match="not JSON compliant"):
        write([ImageResult("a.jpg", 9, 9, [bad])], tmp_path / NAMES[name])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [n for n in FORMATS if not FORMATS[n].files])
@pytest.mark.parametrize("cut", [0, 1, 100, -30])
def test_a_damaged_file_is_a_data_error(
    tmp_path: Path, results: list[ImageResult], name: str, cut: int
) -> None:
    path = tmp_path / NAMES[name]
    write(results, path)
    whole = path.read_bytes()
    for content in (whole[:cut], whole[:200] + b"\xff\x00<{" + whole[204:]):
        path.write_bytes(content)
        try:
            list(read_results(path))
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017  (some damage leaves a valid file)


@pytest.mark.parametrize(("markup", "why"), [("mine", "unknown"), ("ibug51", "ibug51 has 51")])
def test_points_that_are_not_their_schemes_are_a_data_error(
    tmp_path: Path, face: Callable[..., Face], markup: str, why: str
) -> None:
    path = tmp_path / "out.jsonl"
    write([ImageResult("a.jpg", 9, 9, [face()])], path)
    path.write_text(path.read_text().replace('"ibug68"', f'"{markup}"'))
    with pytest.raises(DataError, match=f"out.jsonl:1: .*{why}"):
        list(read_results(path))


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"schema": "facealign/2", "images": []}')
    with pytest.raises(DataError, match="a newer facealign"):
        list(read_results(tmp_path / "a.json"))


def test_names_that_say_no_format(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_text("")
    with pytest.raises(DataError, match="say --from"):
        input_format(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match="no such file"):
        input_format(tmp_path / "b.json")
    with pytest.raises(FaceAlignError, match="the suffix"):
        write([], tmp_path / "b.xlsx")


def test_coco_is_told_from_results_by_what_it_holds(
    tmp_path: Path, results: list[ImageResult]
) -> None:
    write(results, tmp_path / "labels.json", "coco")
    assert input_format(tmp_path / "labels.json").name == "coco"
    assert [len(r.faces) for r in read_results(tmp_path / "labels.json")] == [2, 0, 0, 1]


def test_pts_of_a_300w_image_open_in_its_reader(drawn: Path, tmp_path: Path) -> None:
    samples = read_dataset("300w", drawn, "common").samples
    root = shutil.copytree(drawn, tmp_path / "300w")
    for label in (root / "helen" / "testset").glob("*.pts"):
        label.unlink()
    faces = [Face(s.box, 1.0, s.landmarks, "ibug68") for s in samples]
    images = [ImageResult(str(s.image), 9, 9, [f]) for s, f in zip(samples, faces, strict=True)]
    images.append(ImageResult(str(drawn / "afw" / "none.jpg"), 9, 9, []))
    write(images, tmp_path / "written", "pts")
    shutil.copytree(tmp_path / "written", root, dirs_exist_ok=True)
    back = read_dataset("300w", root, "common").samples
    assert [s.id for s in back] == [s.id for s in samples]
    for a, b in zip(samples, back, strict=True):
        assert np.abs(a.landmarks - b.landmarks).max() < 0.001


@pytest.mark.faces
def test_pts_of_real_300w_images_open_in_its_reader(faces_root: Path, tmp_path: Path) -> None:
    reading = read_dataset("300w", faces_root / "300w", "common")
    samples = [s for s in reading.samples if "helen/testset" in s.id][:5]
    folder = tmp_path / "300w" / "helen" / "testset"
    for name in ("helen/testset", "lfpw/testset"):
        (tmp_path / "300w" / name).mkdir(parents=True)
    for path in (faces_root / "300w").glob("*"):
        if path.is_file():
            shutil.copy(path, tmp_path / "300w")
    for sample in samples:
        shutil.copy(sample.image, folder)
        write(
            [
                ImageResult(
                    str(sample.image), 9, 9, [Face(sample.box, 1, sample.landmarks, "ibug68")]
                )
            ],
            folder / f"{sample.image.stem}.pts",
        )
    back = {s.id: s.landmarks for s in read_dataset("300w", tmp_path / "300w", "common").samples}
    assert len(back) == 5
    for sample in samples:
        assert np.abs(back[sample.id] - sample.landmarks).max() < 0.001
