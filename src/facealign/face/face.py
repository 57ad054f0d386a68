"""Results: a `Face` found in an image, and the `ImageResult` of a whole image."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from facealign.errors import needs
from facealign.face.pose import Pose, fit_pose
from facealign.face.templates import points_crop, template_crop
from facealign.geometry import CropTransform
from facealign.image import ImageSource, read_image
from facealign.markup import load_conversion, load_markup
from facealign.types import Box, Floats, Mask, Pixels, Points

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True, eq=False)
class Face:
    """One face of one image.

    Attributes:
        box: (4,) float32, x0 y0 x1 y1 in image pixels, as given by the detector or the caller.
        score: the detector's, in 0..1: how sure it is of a face; 1.0 for a box from the caller.
        landmarks: (K, 2) float32, x y in image pixels; may lie outside the image.
        markup: the name of the point scheme, such as ``"ibug68"``.
        attention: (S, H, W) float32 in 0..1, the attention map of each stage, over `network_crop`;
            None unless asked for.
        scores: (K,) float32 in 0..1, how sure the network is of each point; None if the model
            has no such output.
        visible: (K,) bool, whether each point can be seen; None if the model has no such output.
        network_crop: the crop that the network saw, turned like the face; None for a face that no
            network made.
        track: number of the face within its video, the same in every frame; None in a photo.
        raw: (K, 2) float32, the landmarks before they were smoothed over time; only when asked for.
        confidence: how likely it is, 0..1, that this is a face and its points are right: of faces
            at 0.9, 9 in 10 have a mean error below a tenth of the distance of the outer eye
            corners. None if the model has no `scores`.
        measures: by name, those of `facealign.face.measures`, each None if it is not known; None
            unless asked for.
    """

    box: Box
    score: float
    landmarks: Points
    markup: str
    attention: Floats | None = field(default=None, repr=False)
    scores: Floats | None = field(default=None, repr=False)
    visible: Mask | None = field(default=None, repr=False)
    network_crop: CropTransform | None = field(default=None, repr=False)
    track: int | None = None
    raw: Points | None = field(default=None, repr=False)
    measures: Mapping[str, float | None] | None = field(default=None, repr=False)
    confidence: float | None = None

    def __getitem__(self, name: str) -> Points:
        """The points of a face region, such as ``face["left_eye"]``, or a single point by its name.

        A region of several points comes before a point of that name ("nose_base" in ibug68).

        Returns:
            (n, 2) for a region, (2,) for a point.

        Raises:
            KeyError: the scheme has no region and no point of this name; the message lists them.
        """
        markup = load_markup(self.markup)
        group = markup.groups.get(name, ())
        if len(group) > 1:
            return self.landmarks[list(group)]
        if name in markup.names:
            return np.asarray(self.landmarks[markup.names.index(name)])
        raise KeyError(
            f'{self.markup} has no "{name}"; regions: {", ".join(markup.groups)}; '
            f"points: {', '.join(markup.names)}"
        )

    @property
    def pose(self) -> Pose:
        """Yaw, pitch and roll of the head in degrees, fitted to the landmarks: see `Pose`.

        NaN where the point scheme has too few points whose place on a head is known.
        """
        return fit_pose(self.landmarks, self.markup)

    def to(self, markup: str) -> "Face":
        """The same face in another point scheme, such as ``"celeba5"``.

        A point that is the mean of several has the mean of their scores, and is visible if all of
        them are.

        Raises:
            DataError: the scheme is unknown, or cannot be made from the points of this one.
        """
        conversion = load_conversion(self.markup, markup)
        scores = None if self.scores is None else conversion.weights @ self.scores
        return replace(
            self,
            landmarks=conversion.points(self.landmarks),
            markup=markup,
            scores=None if scores is None else scores.astype(np.float32),
            visible=None if self.visible is None else conversion.visible(self.visible),
            raw=None if self.raw is None else conversion.points(self.raw),
        )

    def crop(
        self, source: ImageSource, template: str | ArrayLike = "ffhq", size: int | None = None
    ) -> "FaceCrop":
        """The face cut out of its photo, turned and scaled to a template; black outside the photo.

        Args:
            source: the photo the face was found in, as `FaceAligner.align` takes it.
            template: "ffhq" (NVIDIA's FFHQ), "arcface112" (InsightFace's), or your own places in
                pixels of the crop: (5, 2) for celeba5's points, or (K, 2) for all of this face's.
            size: side of the crop in pixels; None takes that of the template, 1024 or 112.

        Raises:
            DataError: the points cannot be converted to celeba5.
            ImageError: the photo cannot be read.
            ValueError: no such template, a size out of range, or a template of another shape.
        """
        if isinstance(template, str):
            transform = template_crop(self.to("celeba5").landmarks, template, size)
        elif np.shape(template)[:1] == (len(self.landmarks),):
            transform = points_crop(self.landmarks, template, size)
        else:
            transform = points_crop(self.to("celeba5").landmarks, template, size)
        return FaceCrop(transform.warp(read_image(source)), transform)

    def to_supervision(self) -> "supervision.KeyPoints":
        """The face as `supervision.KeyPoints` of one object, for its annotators and trackers.

        `data` holds the `box`, (1, 4), and the `markup`. Needs `pip install supervision`, 0.29 or
        newer.

        Raises:
            MissingExtraError: supervision is not installed.
        """
        with needs("supervision", "to_supervision"):
            import supervision
        return supervision.KeyPoints(
            xy=self.landmarks[None],
            class_id=np.zeros(1, np.int64),
            keypoint_confidence=None if self.scores is None else self.scores[None],
            detection_confidence=np.array([self.score], np.float32),
            visible=None if self.visible is None else self.visible[None],
            data={"box": self.box[None], "markup": np.array([self.markup])},
        )

    def to_dict(self) -> dict[str, Any]:
        """The face as plain numbers, ready for JSON (schema ``facealign/1``).

        `pose` is there where the point scheme has one, `scores` and `visible` where the model
        gives them, `track`, `raw` and `measures` where the face has them.
        """
        pose = self.pose
        measures = self.measures and {
            name: None if value is None else round(value, 4)
            for name, value in self.measures.items()
        }
        content = {
            "track": self.track,
            "box": [round(float(v), 3) for v in self.box],
            "score": round(float(self.score), 4),
            "markup": self.markup,
            "landmarks": _rounded(self.landmarks),
            "confidence": None if self.confidence is None else round(float(self.confidence), 4),
            "raw": None if self.raw is None else _rounded(self.raw),
            "scores": None if self.scores is None else [round(float(s), 4) for s in self.scores],
            "visible": None if self.visible is None else [bool(seen) for seen in self.visible],
            "measures": measures,
            "pose": None
            if math.isnan(pose.roll)
            else {name: round(angle, 2) for name, angle in vars(pose).items()},
        }
        return {name: value for name, value in content.items() if value is not None}


def _rounded(points: Points) -> list[list[float]]:
    return [[round(float(x), 3), round(float(y), 3)] for x, y in points]


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """A face cut out of its photo.

    Attributes:
        pixels: (size, size, 3) uint8.
        transform: from pixels of the photo to those of the crop (`to_crop`) and back (`to_image`).
    """

    pixels: Pixels
    transform: CropTransform


@dataclass(frozen=True, eq=False)
class ImageResult:
    """The result of one image.

    Attributes:
        source: the path as it was given.
        width, height: of the upright image, in pixels; None if it could not be read.
        faces: the faces found.
        error: why the image failed; None if it did not.
        frame: number of the picture within a video, from 0; None for a photo.
        time: seconds from the video's first frame; None for a photo.
    """

    source: str
    width: int | None
    height: int | None
    faces: list[Face]
    error: str | None = None
    frame: int | None = None
    time: float | None = None
