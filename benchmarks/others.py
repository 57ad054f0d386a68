"""dlib and MediaPipe as contenders: contenders.py explains the parts.

Each raises ImportError if its packages are not installed; peers.py says how to install them.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from contenders import Action, Contender, Follow, Ways, Window, seven_of_68, surest_box
from PIL import Image
from rich.console import Console

from facealign.evaluation.predictions import same_face
from facealign.geometry import CropTransform, box_of_points
from facealign.types import Box, Pixels, Points


class Dlib:
    """dlib's regression trees: 68 points in the iBUG order, whole pixels, centres at 0."""

    name, points, stage_is = "dlib", 68, "box → points"
    terms = "weights trained on iBUG 300-W: not for commercial use"
    caveat = "may have been trained on these photos"
    seven, ibug, plain = seven_of_68(), tuple(range(68)), "own detector"
    windows = tuple(
        Window(scale, down)
        for scale in (1.0, 1.1, 1.2, 1.3, 1.4)
        for down in (-0.2, -0.15, -0.1, -0.05, 0.0, 0.05)
    )

    def __init__(self) -> None:
        import dlib

        models = importlib.util.find_spec("face_recognition_models")
        if models is None or models.origin is None:
            raise ImportError(name="face_recognition_models")
        file = Path(models.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
        self._rectangle, self._detector = dlib.rectangle, dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(file))
        self.library, self.megabytes = f"dlib-bin {version('dlib-bin')}", file.stat().st_size / 1e6
        self.alone = (
            "import dlib\n"
            "(box,) = dlib.get_frontal_face_detector()(photo)\n"
            f"dlib.shape_predictor({str(file)!r})(photo, box)"
        )

    def landmarks(self, image: Pixels, box: Box, window: Window) -> Points | None:
        sides = (round(float(value)) for value in window.of(box))
        return self._points(image, self._rectangle(*sides))

    def stage(self, photo: Pixels) -> Action:
        box = self._detector(photo)[0]
        return lambda: self._predictor(photo, box)

    def whole(self, photo: Pixels) -> Action:
        return lambda: [self._predictor(photo, found) for found in self._detector(photo)]

    def faces(self, image: Pixels) -> list[Points]:
        return [self._points(image, found) for found in self._detector(image)]

    def ways(self) -> Ways:
        return {"own detector": lambda: self._detected}

    def _detected(self, frame: Pixels, box: Box) -> Points | None:
        found = self._detector(frame)
        sides = [np.array([r.left(), r.top(), r.right(), r.bottom()], np.float32) for r in found]
        chosen = same_face(sides, box)
        return None if chosen is None else self._points(frame, found[chosen])

    def _points(self, image: Pixels, rectangle: Any) -> Points:
        shape = self._predictor(image, rectangle)
        return np.array([(p.x, p.y) for p in shape.parts()], np.float32)


MESH_TO_IBUG68 = (
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178),
)
"""MediaPipe's vertex of each of the 68 points.

The correspondence published with GeneFace++ and Real3DPortrait (github.com/yerfor/Real3DPortrait,
`index_lm68_from_lm478`).
"""


class FaceMesh:
    """MediaPipe's face mesh, 468 points; it finds its own face in a widened official box.

    The stage is the network on LiteRT after our crop, where `ai-edge-litert` is installed,
    without the cost of MediaPipe itself.
    """

    name, points, attention = "MediaPipe FaceMesh", 468, False
    file = "face_landmark.tflite"
    terms, caveat = "Apache-2.0", ""
    seven, ibug, plain = (33, 133, 362, 263, 1, 61, 291), MESH_TO_IBUG68, "static"
    windows = tuple(Window(scale) for scale in (1.0, 1.25, 1.5, 2.0, 2.5, 3.0))

    def __init__(self) -> None:
        os.environ |= {"GLOG_minloglevel": "3", "TF_CPP_MIN_LOG_LEVEL": "3"}
        import mediapipe

        if not hasattr(mediapipe, "solutions"):
            raise ImportError(name="mediapipe==0.10.21")
        self._mesh = mediapipe.solutions.face_mesh.FaceMesh
        self._still = self._make(static_image_mode=True, max_num_faces=3)
        folder = Path(mediapipe.__file__).parent / "modules" / "face_landmark"
        self._weights = folder / self.file
        self.library = f"mediapipe {version('mediapipe')}"
        self.megabytes = self._weights.stat().st_size / 1e6
        self._bare = not self.attention and importlib.util.find_spec("ai_edge_litert") is not None
        self.stage_is = "video frame while tracking"
        if self._bare:
            self.stage_is = "box → points, on LiteRT"
            self.library += f" with ai-edge-litert {version('ai-edge-litert')}"
        self.alone = (
            "import mediapipe\n"
            "make = mediapipe.solutions.face_mesh.FaceMesh\n"
            f"mesh = make(static_image_mode=True, refine_landmarks={self.attention})\n"
            "assert mesh.process(photo).multi_face_landmarks"
        )

    def _make(self, **settings: Any) -> Any:
        return self._mesh(refine_landmarks=self.attention, **settings)

    def landmarks(self, image: Pixels, box: Box, window: Window) -> Points | None:
        x0, y0, x1, y1 = (round(float(v)) for v in window.of(box))
        part = np.asarray(Image.fromarray(image).crop((x0, y0, x1 + 1, y1 + 1)))
        corner = np.array([x0, y0], np.float32)
        return choose([face + corner for face in self.faces(part)], box)

    def faces(self, image: Pixels) -> list[Points]:
        return [face[list(MESH_TO_IBUG68)] for face in find_faces(self._still, image)]

    def stage(self, photo: Pixels) -> Action:
        if self._bare:
            return litert_stage(self._weights, photo)
        video = self._make(static_image_mode=False)
        return lambda: video.process(photo)

    def whole(self, photo: Pixels) -> Action:
        still = self._make(static_image_mode=True)
        assert still.process(photo).multi_face_landmarks
        return lambda: still.process(photo)

    def ways(self) -> Ways:
        return {"static": lambda: self._follow(self._still), "video": self._on_video}

    def _on_video(self) -> Follow:
        return self._follow(self._make(static_image_mode=False))

    def _follow(self, network: Any) -> Follow:
        return lambda frame, box: choose(find_faces(network, frame), box)


class AttentionMesh(FaceMesh):
    """The same with attention to eyes and lips, 478 points; its operators run only in MediaPipe."""

    name, points, attention = "MediaPipe FaceMesh, attention", 478, True
    file = "face_landmark_with_attention.tflite"


def find_faces(network: Any, image: Pixels) -> list[Points]:
    """All points of each; MediaPipe counts from the corner, in widths and heights."""
    size = np.array(image.shape[1::-1], np.float32)
    found = network.process(image).multi_face_landmarks or []
    meshes = (np.array([(p.x, p.y) for p in face.landmark], np.float32) for face in found)
    return [mesh * size - 0.5 for mesh in meshes]


def choose(faces: list[Points], box: Box) -> Points | None:
    """The face that the box belongs to, if any."""
    chosen = same_face([box_of_points(face) for face in faces], box)
    return None if chosen is None else faces[chosen]


def litert_stage(weights: Path, photo: Pixels) -> Action:
    """Crop, network and the way back, for the mesh of one face on one thread."""
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(str(weights), num_threads=1)
    network.allocate_tensors()
    given, mesh = network.get_input_details()[0], network.get_output_details()[0]
    box, size = surest_box(photo), int(given["shape"][1])

    def run() -> Points:
        crop = CropTransform.from_box(box, size, margin=0.25)
        network.set_tensor(given["index"], crop.warp(photo)[None] / np.float32(255))
        network.invoke()
        return crop.to_image(network.get_tensor(mesh["index"]).reshape(-1, 3)[:, :2] - 0.5)

    return run


PEERS: dict[str, Callable[[], Contender]] = {
    kind.name: kind for kind in (Dlib, FaceMesh, AttentionMesh)
}
"""The peers, in the table's order."""


def installed(kinds: Iterable[type[Contender]], console: Console) -> list[Contender]:
    """Those whose packages are there; a line for each of the others."""
    found = []
    for kind in kinds:
        try:
            found.append(kind())
        except ImportError as error:
            console.print(f"{kind.name} left out: {error.name} is not installed")
    return found
