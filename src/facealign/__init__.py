"""Facial landmarks from any photo: small, offline, fast on a CPU.

>>> import facealign
>>> faces = facealign.align("examples/astronaut.jpg")
>>> len(faces), faces[0].landmarks.shape
(1, (68, 2))

Left and right are the subject's. Points are x, y in pixels; the top-left pixel's centre is (0, 0).
"""

from typing import TYPE_CHECKING, Any

from facealign.aligner import FaceAligner, align
from facealign.detector import Detections, Detector, WholeImage
from facealign.draw import draw_faces
from facealign.errors import (
    DataError,
    FaceAlignError,
    ImageError,
    MissingExtraError,
    ModelError,
    OutputError,
    SettingsError,
)
from facealign.face import Face, FaceCrop, ImageResult
from facealign.geometry import CropTransform
from facealign.image import read_image, write_image
from facealign.markup import MARKUPS, Markup, load_markup
from facealign.pose import Pose
from facealign.tracking import FaceTracker
from facealign.types import Sample
from facealign.yunet import YuNet

if TYPE_CHECKING:
    from facealign.video import track

__version__ = "0.2.0"

__all__ = [
    "MARKUPS",
    "CropTransform",
    "DataError",
    "Detections",
    "Detector",
    "Face",
    "FaceAlignError",
    "FaceAligner",
    "FaceCrop",
    "FaceTracker",
    "ImageError",
    "ImageResult",
    "Markup",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "Pose",
    "Sample",
    "SettingsError",
    "WholeImage",
    "YuNet",
    "__version__",
    "align",
    "draw_faces",
    "load_markup",
    "read_image",
    "track",
    "write_image",
]


def __getattr__(name: str) -> Any:
    """`track`, whose modules a photo does not need."""
    if name == "track":
        from facealign.video import track

        return track
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
