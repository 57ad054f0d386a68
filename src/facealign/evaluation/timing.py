"""Times of each step from a photo to landmarks, on this machine."""

import gc
import io
import subprocess
import sys
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from facealign.aligner import FaceAligner
from facealign.datasets.drawings import draw_face
from facealign.errors import ImageError
from facealign.geometry import CropTransform
from facealign.models import DEVICES
from facealign.types import Doubles, Pixels
from facealign.yunet import YuNet

Times = Doubles
"""(repeats,) milliseconds."""
REPEATS = 100
WIDTH, HEIGHT = 640, 480
COLD_START = "import facealign, sys\nfacealign.align(sys.stdin.buffer.read())"


def times(action: Callable[[], object], repeats: int = REPEATS) -> Times:
    """Milliseconds of each call, after three warm-up calls."""
    for _ in range(3):
        action()
    # The garbage collector stays on, as it is in use.
    return 1000 * np.array(timeit.repeat(action, gc.enable, number=1, repeat=repeats))


def drawn_photo() -> Pixels:
    """A 640 × 480 picture with one drawn face that the detector finds."""
    face, _, _ = draw_face(np.random.default_rng(0))
    picture = Image.new("RGB", (WIDTH, HEIGHT), (96, 112, 128))
    picture.paste(Image.fromarray(face), (240, 160))
    return np.asarray(picture)


def measure(
    photo: Pixels,
    threads: int | None,
    model: str | Path = "default",
    repeats: int = REPEATS,
    device: str = "cpu",
) -> Iterator[tuple[str, Times]]:
    """The steps' names and times, one after the other; photos in one plain pass.

    The photo, (H, W, 3) with a face, is resized to 640 × 480. `repeats` is of the quick steps;
    `threads`, `model` and `device` are those of `AlignSettings`, except that a new process starts
    on the CPU.

    Raises:
        ImageError: no face is found in the photo.
        SettingsError: the device cannot be used here.
    """
    providers = DEVICES[device]
    detector = YuNet(threads=threads, providers=providers)
    aligner = FaceAligner(
        model, detector, threads, turned_faces=False, leaning_faces=False, providers=providers
    )
    small = np.asarray(Image.fromarray(photo).resize((WIDTH, HEIGHT)))
    box = detector.detect(small).boxes[:1]
    if not len(box):
        raise ImageError("no face is found in this photo, so nothing can be timed: give another")
    transform = CropTransform.from_box(box[0], aligner.facts.input_size, aligner.facts.margin)
    encoded = io.BytesIO()
    Image.fromarray(small).save(encoded, "JPEG")
    jpeg = encoded.getvalue()
    large = np.asarray(Image.fromarray(photo).resize((4000, 3000)))
    actions: list[tuple[str, Callable[[], object], int]] = [
        ("crop one face", lambda: transform.warp(small), repeats),
        ("landmark stage: box → points", lambda: aligner.align(small, boxes=box), repeats),
        ("the same, 16 faces", lambda: aligner.align(small, boxes=box.repeat(16, 0)), repeats // 5),
        ("detect, 640 × 480", lambda: detector.detect(small), repeats),
        ("whole photo, 640 × 480 pixels → points", lambda: aligner.align(small), repeats),
        ("whole photo, 640 × 480 JPEG → points", lambda: aligner.align(jpeg), repeats),
        ("detect, 4000 × 3000, faces from 20 px", lambda: detector.detect(large), repeats // 20),
    ]
    for name, action, count in actions:
        yield name, times(action, max(count, 1))
    yield "import facealign, beyond numpy", import_times(max(repeats // 20, 1))
    words = [sys.executable, "-c", COLD_START]
    cold_start = times(lambda: subprocess.run(words, input=jpeg, check=True), max(repeats // 20, 1))
    yield "cold start to the first landmark", cold_start


def import_times(repeats: int) -> Times:
    """Milliseconds of `import facealign` beyond numpy's, in new processes."""
    code = (
        "import time, numpy\nstart = time.perf_counter()\nimport facealign\n"
        "print(1000 * (time.perf_counter() - start))"
    )
    words = [sys.executable, "-c", code]
    runs = [subprocess.run(words, capture_output=True, check=True) for _ in range(repeats)]
    return np.array([float(run.stdout) for run in runs])
