"""Many photos: batches across images, a stream over threads, one aligner for all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from facealign import Detections, Face, FaceAligner, FaceAlignError, ImageError, SettingsError
from facealign.aligner.many import AHEAD, map_ordered
from facealign.types import Pixels


@pytest.fixture(scope="module")
def photos(astronaut: Pixels) -> list[Pixels]:
    """One face, none, the same face elsewhere and smaller, two faces."""
    photo = Image.fromarray(astronaut)
    two = np.concatenate([astronaut, np.fliplr(astronaut)], axis=1)
    shifted = np.asarray(photo.crop((60, 20, 420, 380)))
    gray = np.full((90, 120, 3), 90, np.uint8)
    return [astronaut, gray, shifted, np.asarray(photo.resize((300, 300))), two]


def same(found: list[Face], expected: list[Face]) -> bool:
    return len(found) == len(expected) and all(
        np.allclose(a.landmarks, b.landmarks, atol=1e-2) and np.allclose(a.box, b.box)
        for a, b in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_a_batch_over_images_gives_what_each_gives_alone(
    aligner: FaceAligner, photos: list[Pixels], batch_size: int
) -> None:
    batched = list(aligner.align_batch(iter(photos), batch_size))
    assert [len(faces) for faces in batched] == [1, 0, 1, 1, 2]
    assert all(same(faces, aligner.align(p)) for faces, p in zip(batched, photos, strict=True))


def test_faces_of_several_images_share_one_run(
    photos: list[Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    aligner = FaceAligner(threads=1, leaning_faces=False)
    sizes: list[int] = []
    landmarker, _ = aligner._opened()
    run = landmarker._predict

    def counted(crops: np.ndarray, attention: bool) -> dict[str, np.ndarray]:
        sizes.append(len(crops))
        return run(crops, attention)

    monkeypatch.setattr(landmarker, "_predict", counted)
    list(aligner.align_batch(photos))
    assert sizes == [5]
    list(aligner.align_batch(photos * 14, batch_size=70))
    assert sizes == [5, 70]
    list(aligner.align_batch(photos, batch_size=2))
    assert sizes == [5, 70, 2, 2, 1]


def test_a_batch_reads_no_further_than_it_must(aligner: FaceAligner, photos: list[Pixels]) -> None:
    read: list[int] = []

    def sources() -> Iterator[Pixels]:
        for number in range(100):
            read.append(number)
            yield photos[0]

    batches = aligner.align_batch(sources(), batch_size=2)
    next(batches)
    assert len(read) == 2


def test_batches_that_are_none(aligner: FaceAligner, photos: list[Pixels]) -> None:
    assert list(aligner.align_batch([])) == []
    with pytest.raises(SettingsError, match="batch_size"):
        aligner.align_batch(photos, batch_size=0)
    with pytest.raises(ImageError, match="no such file"):
        list(aligner.align_batch([photos[0], "missing.jpg"]))


@pytest.fixture
def files(tmp_path: Path, photos: list[Pixels]) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(len(photos))]
    for path, photo in zip(paths, photos, strict=True):
        Image.fromarray(photo).save(path)
    bad = tmp_path / "bad.png"
    bad.write_bytes(paths[0].read_bytes()[:5000])
    return [*paths[:2], bad, *paths[2:]]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_stream_is_in_order_and_goes_on_after_a_bad_file(
    aligner: FaceAligner, files: list[Path], workers: int
) -> None:
    results = list(aligner.stream(files * 2, workers))
    assert [result.source for result in results] == [str(path) for path in files * 2]
    for path, result in zip(files * 2, results, strict=True):
        if path.stem == "bad":
            assert (result.faces, result.width) == ([], None)
            assert "damaged or cut short" in (result.error or "")
        else:
            assert (result.error, same(result.faces, aligner.align(path))) == (None, True)


def test_a_stream_goes_on_after_a_fault_unless_it_is_looked_for(
    face: Face, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faulty:
        def detect(self, image: Pixels) -> Detections:
            if image.shape[0] == 90:
                raise ZeroDivisionError("of the detector")
            return Detections(face.box[None], np.ones(1, np.float32))

    aligner = FaceAligner(detector=Faulty(), threads=1)
    results = list(aligner.stream(files, 2))
    assert [len(result.faces) for result in results] == [1, 0, 0, 1, 1, 1]
    assert "1.png: ZeroDivisionError: of the detector" in (results[1].error or "")
    monkeypatch.setenv("FACEALIGN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        list(aligner.stream(files, 2))


def test_a_stream_of_nothing_and_of_no_workers(aligner: FaceAligner) -> None:
    assert list(aligner.stream([])) == []
    with pytest.raises(SettingsError, match="workers must be 1 to 1024"):
        aligner.stream([], workers=0)


def test_work_ahead_is_bounded_and_in_order() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = map_ordered(lambda n: -n, items(), 3)
    assert [next(results) for _ in range(5)] == [0, -1, -2, -3, -4]
    assert len(taken) <= 5 + AHEAD * 3
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 5 + AHEAD * 3


def test_what_the_work_raises_comes_in_its_turn() -> None:
    results = map_ordered(lambda n: 6 // n, [3, 2, 0, 1], 2)
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_eight_threads_share_one_aligner(aligner: FaceAligner, photos: list[Pixels]) -> None:
    expected = [aligner.align(photo) for photo in photos]

    def work(number: int) -> bool:
        place = number % len(photos)
        return same(aligner.align(photos[place]), expected[place])

    # 80 photos; thousands, for minutes, with --hypothesis-profile=thorough
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(2 * settings().max_examples)))


def test_a_closed_aligner_says_so(photos: list[Pixels], files: list[Path]) -> None:
    with FaceAligner(threads=1) as aligner:
        assert len(aligner.align(photos[0])) == 1
        streamed = aligner.stream(files)
    aligner.close()
    for work in (
        lambda: aligner.align(photos[0]),
        lambda: aligner.align_batch(photos),
        lambda: aligner.stream(files),
        lambda: next(streamed),
    ):
        with pytest.raises(FaceAlignError, match="this FaceAligner is closed: make a new one"):
            work()
    assert aligner.markup == "ibug68"


def test_work_under_way_ends_well_when_the_aligner_closes(face: Face, astronaut: Pixels) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow:
        def detect(self, image: Pixels) -> Detections:
            begun.set()
            assert go_on.wait(30)
            return Detections(face.box[None], np.ones(1, np.float32))

    aligner = FaceAligner(detector=Slow(), threads=1)
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(aligner.align, astronaut)
        assert begun.wait(30)
        aligner.close()
        go_on.set()
        assert same(under_way.result(), [face])
