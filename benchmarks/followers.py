"""What follows one face from frame to frame: our models in three ways, dlib, MediaPipe.

A follower takes a frame and the box that the face truly has in it, as 300W's official ones are; it
gives the points in the frame's pixels, or None where it finds no face. Only those that say so use
the box; the others take it to choose among several faces. A fresh one is made for each sequence.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facealign import FaceAligner
from facealign.detector import overlaps
from facealign.geometry import box_of_points
from facealign.markup import load_markup
from facealign.types import Box, Pixels, Points

Follow = Callable[[Pixels, Box], Points | None]
SEVEN = ("right_eye_outer", "right_eye_inner", "left_eye_inner", "left_eye_outer", "nose_tip")
SEVEN += ("right_mouth_corner", "left_mouth_corner")
"""Points that every follower has."""
MESH_SEVEN = (33, 133, 362, 263, 1, 61, 291)
"""The same of MediaPipe's face mesh."""
SAME_FACE = 0.3
"""A face found is the one looked for from this intersection over union with its box."""


@dataclass(frozen=True)
class Follower:
    """A name, how to begin a sequence, and which of its points are the seven."""

    name: str
    start: Callable[[], Follow]
    seven: tuple[int, ...]


def ours(model: str, label: str, threads: int) -> list[Follower]:
    aligner = FaceAligner(
        model, threads=threads, markup="ibug68", turned_faces=False, leaning_faces=False
    )

    def in_box(frame: Pixels, box: Box) -> Points | None:
        return aligner.align(frame, boxes=box[None])[0].landmarks

    def detected(frame: Pixels, box: Box) -> Points | None:
        faces = aligner.align(frame)
        chosen = best([face.box for face in faces], box)
        return None if chosen is None else faces[chosen].landmarks

    def from_last() -> Follow:
        last: list[Box] = []

        def follow(frame: Pixels, box: Box) -> Points | None:
            points = in_box(frame, last.pop() if last else box)
            last.append(box_of_points(points))
            return points

        return follow

    ways = {"true box": lambda: in_box, "own detector": lambda: detected, "last frame": from_last}
    return [Follower(f"{label}, {way}", start, seven_of()) for way, start in ways.items()]


def dlib_bin() -> list[Follower]:
    import dlib

    models = importlib.util.find_spec("face_recognition_models")
    if models is None or models.origin is None:
        raise ImportError(name="face_recognition_models")
    file = Path(models.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    predictor, detector = dlib.shape_predictor(str(file)), dlib.get_frontal_face_detector()

    def detected(frame: Pixels, box: Box) -> Points | None:
        found = detector(frame)
        sides = [np.array([r.left(), r.top(), r.right(), r.bottom()], np.float32) for r in found]
        chosen = best(sides, box)
        if chosen is None:
            return None
        parts = predictor(frame, found[chosen]).parts()
        return np.array([(point.x, point.y) for point in parts], np.float32)

    return [Follower("dlib, own detector", lambda: detected, seven_of())]


def mediapipe() -> list[Follower]:
    os.environ |= {"GLOG_minloglevel": "3", "TF_CPP_MIN_LOG_LEVEL": "3"}
    import mediapipe

    if not hasattr(mediapipe, "solutions"):
        raise ImportError(name="mediapipe==0.10.21")
    mesh = mediapipe.solutions.face_mesh.FaceMesh

    def start(still: bool) -> Follow:
        network = mesh(static_image_mode=still, max_num_faces=4 if still else 1)

        def follow(frame: Pixels, box: Box) -> Points | None:
            size = np.array([frame.shape[1], frame.shape[0]])
            found = network.process(frame).multi_face_landmarks or []
            faces = [
                (np.array([(p.x, p.y) for p in f.landmark]) * size - 0.5).astype(np.float32)
                for f in found
            ]
            chosen = best([box_of_points(points) for points in faces], box)
            return None if chosen is None else faces[chosen]

        return follow

    return [
        Follower("MediaPipe, static", lambda: start(True), MESH_SEVEN),
        Follower("MediaPipe, video", lambda: start(False), MESH_SEVEN),
    ]


PEERS: dict[str, Callable[[], list[Follower]]] = {"dlib-bin": dlib_bin, "mediapipe": mediapipe}


def best(boxes: list[Box], box: Box) -> int | None:
    """Which of the boxes is that of the face, if one is."""
    if not boxes:
        return None
    shared = overlaps(box, np.stack(boxes))
    return int(shared.argmax()) if shared.max() >= SAME_FACE else None


def seven_of() -> tuple[int, ...]:
    names = load_markup("ibug68").names
    return tuple(names.index(name) for name in SEVEN)
