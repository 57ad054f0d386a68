"""Memory that workers share: large photos take turns, and what does not fit is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign import FaceAligner, ImageError
from facealign.aligner import room
from facealign.aligner.room import Room, memory


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

    threads = [threading.Thread(target=work, args=(size,)) for size in [60, 30, 100, 10, 50] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (now, most) == (0, 100)


def test_a_photo_larger_than_the_room_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImageError, match=r"a.jpg: too large for the memory here \(0 million"):
        Room(100).hold(101, "a.jpg").__enter__()
    monkeypatch.setattr(room, "memory", lambda: 2 * room.BYTES * 300 * 300)
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
        assert int(done.stdout) < room.BYTES * side * side
