"""Memory that workers share: large photos take turns, and what does not fit is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign import FaceAligner, ImageError, image
from facealign.aligner import aligner, many
from facealign.aligner.many import Room, memory
from facealign.types import Pixels


def test_photos_take_turns_where_they_do_not_fit_together() -> None:
    shared = Room(100)
    most, now = 0, 0
    lock = threading.Lock()

    def work(pixels: int) -> None:
        nonlocal most, now
        with shared.hold(pixels, "a"):
            with lock:
                now += pixels
                most = max(most, now)
            time.sleep(0.005)
            with lock:
                now -= pixels

    threads = [threading.Thread(target=work, args=(size,)) for size in [60, 30, 110, 10, 50] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (now, most) == (0, 110)  # the largest went alone


class Counted:
    """Pixels of the photos that are decoded and still in memory: now, and at most."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.most, self._lock = 0, 0, threading.RLock()
        decode = image._from_pillow

        def counted(picture: Image.Image) -> Pixels:
            pixels = decode(picture)
            size = pixels.shape[0] * pixels.shape[1]
            self._add(size)
            weakref.finalize(pixels, self._add, -size)
            return pixels

        monkeypatch.setattr(image, "_from_pillow", counted)

    def _add(self, size: int) -> None:
        with self._lock:
            self.now += size
            self.most = max(self.most, self.now)


@pytest.fixture
def large(tmp_path: Path, astronaut: Pixels) -> list[Path]:
    """Nine photos of 0.16 megapixels with a face, and one of 0.49 in their middle."""
    paths = []
    for number, side in enumerate([400] * 4 + [700] + [400] * 5):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(astronaut).resize((side, side)).save(paths[-1])
    return paths


@pytest.mark.parametrize("budget", [400_000, 1_000_000])
def test_photos_that_wait_for_a_batch_share_a_budget_of_pixels(
    large: list[Path], monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    monkeypatch.setattr(many, "WAITING_PIXELS", budget)
    counted = Counted(monkeypatch)
    with FaceAligner(threads=1) as opened:
        alone = [opened.align(path) for path in large]
        counted.most = counted.now
        batched = list(opened.align_batch(large))
    assert [len(faces) for faces in batched] == [1] * 10
    for one, other in zip(alone, batched, strict=True):
        assert np.allclose(one[0].landmarks, other[0].landmarks, atol=0.01)
    assert counted.most == {400_000: 490_000, 1_000_000: 970_000}[budget]


def test_workers_of_a_stream_share_a_budget_of_pixels(
    large: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aligner, "Room", lambda: Room(400_000))
    counted = Counted(monkeypatch)
    with FaceAligner(threads=1) as opened:
        results = list(opened.stream(large, workers=8))
    assert [len(result.faces) for result in results] == [1] * 10
    assert counted.most == 490_000  # else up to 1,770,000


def test_a_photo_larger_than_the_room_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImageError, match=r"a.jpg: too large for the memory here \(10+ million"):
        Room(100).hold(10**15, "a.jpg").__enter__()
    monkeypatch.setattr(many, "memory", lambda: 2 * many.BYTES * 300 * 300)
    for side in (200, 400):
        Image.new("RGB", (side, side)).save(tmp_path / f"{side}.png")
    names = [tmp_path / "200.png", tmp_path / "400.png"]
    with FaceAligner(threads=1) as aligner:
        small, large = aligner.stream(names, workers=2)
    assert (small.error, "too large for the memory here" in str(large.error)) == (None, True)


def test_the_memory_of_this_machine_is_known() -> None:
    assert 2**28 < memory() < 2**50


@pytest.mark.slow
def test_a_large_photo_takes_no_more_than_ten_bytes_a_pixel(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    side = 6000
    Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(tmp_path / "a.png")
    lying = Image.Exif()
    lying[0x0112] = 6
    Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(tmp_path / "b.png", exif=lying)
    code = (
        "import resource, sys\nfrom facealign import read_image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nread_image(sys.argv[1])\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)"
    )
    for name in ("a.png", "b.png"):
        words = [sys.executable, "-c", code, str(tmp_path / name)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert int(done.stdout) < many.BYTES * side * side
