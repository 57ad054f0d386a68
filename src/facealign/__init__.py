"""Facial landmarks from any photo: small, offline, fast on a CPU.

>>> import facealign
>>> faces = facealign.align("examples/astronaut.jpg")
>>> len(faces), faces[0].landmarks.shape
(1, (68, 2))

Left and right are the subject's. Points are x, y in pixels; the top-left pixel's centre is (0, 0).
"""

TYPE_CHECKING = False  # without importing anything: see __getattr__
if TYPE_CHECKING:
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
    from facealign.face import Face, FaceCrop, ImageResult, Pose
    from facealign.geometry import CropTransform
    from facealign.image import read_image, write_image
    from facealign.markup import MARKUPS, Markup, load_markup
    from facealign.tracking import FaceTracker
    from facealign.types import Sample
    from facealign.video import track
    from facealign.yunet import YuNet

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

_MODULES = {
    "aligner": ("FaceAligner", "align"),
    "detector": ("Detections", "Detector", "WholeImage"),
    "draw": ("draw_faces",),
    "errors": tuple(name for name in __all__ if name.endswith("Error")),
    "face": ("Face", "FaceCrop", "ImageResult", "Pose"),
    "geometry": ("CropTransform",),
    "image": ("read_image", "write_image"),
    "markup": ("MARKUPS", "Markup", "load_markup"),
    "tracking": ("FaceTracker",),
    "types": ("Sample",),
    "video": ("track",),
    "yunet": ("YuNet",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """A public name or a module, imported when it is first asked for.

        So the command line hears Ctrl-C, and says its version, before the large libraries load.
        """
        from importlib import import_module

        if name in _HOMES:
            value = getattr(import_module(f"facealign.{_HOMES[name]}"), name)
        elif name in _MODULES:
            value = import_module(f"facealign.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """The public names."""
        return [*__all__]
