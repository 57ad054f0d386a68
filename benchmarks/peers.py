"""dlib and MediaPipe beside facealign in one run: python benchmarks/peers.py [--repeats 100].

One face in a photo of 640 × 480, median and 95th percentile, everything on one core, as MediaPipe
chooses its own threads (that is on Linux; elsewhere facealign alone keeps to one thread). In a
virtual environment of its own, as the peers pin old versions of what others need:

    pip install . dlib-bin face_recognition_models mediapipe==0.10.21

`face_recognition_models` brings dlib's 68 points; MediaPipe's wheels bring no model from 0.10.30
on. A peer that is not installed is left out, and said so.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "GLOG_minloglevel": "3", "TF_CPP_MIN_LOG_LEVEL": "3"}

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

import facealign
from facealign.timing import times

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
Steps = Iterator[tuple[str, Callable[[], object]]]


def ours(photo: np.ndarray) -> Steps:
    aligner = facealign.FaceAligner(threads=1)
    boxes = facealign.YuNet(threads=1).detect(photo).boxes[:1]
    yield "box → 68 points", lambda: aligner.align(photo, boxes=boxes)
    yield "photo → 68 points", lambda: aligner.align(photo)


def dlib_bin(photo: np.ndarray) -> Steps:
    import dlib

    models = importlib.util.find_spec("face_recognition_models")
    if models is None or models.origin is None:
        raise ImportError(name="face_recognition_models")
    file = Path(models.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    predictor, detector = dlib.shape_predictor(str(file)), dlib.get_frontal_face_detector()
    (box,) = detector(photo)
    yield "box → 68 points", lambda: predictor(photo, box)
    yield "photo → 68 points", lambda: [predictor(photo, found) for found in detector(photo)]


def mediapipe(photo: np.ndarray) -> Steps:
    import mediapipe

    if not hasattr(mediapipe, "solutions"):
        raise ImportError(name="mediapipe==0.10.21")
    mesh = mediapipe.solutions.face_mesh
    still, video = (mesh.FaceMesh(static_image_mode=still) for still in (True, False))
    assert still.process(photo).multi_face_landmarks
    yield "photo → 468 points", lambda: still.process(photo)
    yield "video → 468 points, no detector while tracking", lambda: video.process(photo)


PEERS = {"facealign": ours, "dlib-bin": dlib_bin, "mediapipe": mediapipe}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=100)
    repeats = parser.parse_args().repeats
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize((640, 480)))
    console = Console()
    table = Table("library", "step", "median ms", "95 % ms", title=f"1 core, {platform.machine()}")
    for name, steps in PEERS.items():
        try:
            for step, action in steps(photo):
                taken = times(action, repeats)
                numbers = (f"{np.median(taken):.1f}", f"{np.percentile(taken, 95):.1f}")
                table.add_row(f"{name} {version(name)}", step, *numbers)
        except ImportError as error:
            console.print(f"{name} left out, for want of {error.name}")
    console.print(table)


if __name__ == "__main__":
    main()
