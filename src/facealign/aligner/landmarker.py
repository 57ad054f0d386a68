"""The network: boxes → faces, in batches; looks again where it doubts, or the face leans."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facealign.aligner.blank import blank
from facealign.aligner.confidence import confidence, distinct_faces
from facealign.aligner.crops import See, Views, face_crop, on_grid
from facealign.aligner.found import Found
from facealign.errors import ModelError
from facealign.exposure import brighten, even_light
from facealign.face import Face
from facealign.face.pose import lean
from facealign.geometry import CropTransform, box_of_points, box_size
from facealign.markup import known_markup, load_markup
from facealign.models import BEST_AAN, ModelFacts
from facealign.session import Session
from facealign.types import Box, Floats, Pixels

BATCH = 32
"""Faces in one run of the network, by default."""
LEANS = 25.0
"""Degrees between face and crop above which the face is seen a second time.

Of 168 faces of 300W's training part, turned artificially, the second look lowers the mean error by
12 % at 25°, 40 % at 40°; by only 4 % at 20°.
"""
DOUBT = 0.7
"""A face of which the network is less sure (`Views.sureness`) is also seen turned."""
LIKELY = 0.5
"""What scores less with the bundled detector is rarely a face: one look at it is enough."""
TURNS = (90.0, 180.0, 270.0)
"""Degrees by which a doubted face may lean further than its crop.

Of 99 faces held out of training, turned by 45 to 315° in a given box, mean error without turns
45 to 114 %, with them 4.0 %; upright 3.9 %. Of masked faces 5 % are doubted, of others none.
"""
SHIFTS = {1: (0.0,), 2: (0.03, -0.03)}
"""Looks at a face → shift of each crop along the diagonal, in sides of the crop."""
OUTPUTS = ("landmarks", "scores", "visible")
"""Of the first head; those of further heads end in the point scheme: "landmarks.aflw19"."""
SEEN = 0.5
"""A point is visible where the output of the network is greater, unless the photo is `blank`."""


class Landmarker:
    """An exported network on ONNX Runtime.

    Args:
        path: the ONNX file.
        threads: of ONNX Runtime; None leaves the choice to it.
        markup: the point scheme wanted, of a head or converted from that of a head; None takes
            that of the first head.
        providers: as of `FaceAligner`.
        leaning: see faces that lean in their crops a second time.
        turned: see faces that the network doubts turned by quarters.

    Raises:
        ModelError: the file is missing, damaged or not one of ours.
        SettingsError: the model cannot give the points of `markup`.
    """

    def __init__(
        self,
        path: Path,
        threads: int | None,
        markup: str | None = None,
        providers: Sequence[str] | None = None,
        *,
        leaning: bool = True,
        turned: bool = True,
    ) -> None:
        self._session = Session(path, threads, providers)
        metadata = self._session.metadata
        self.facts = ModelFacts.from_metadata(metadata, str(path))
        self._leaning, self._turned = leaning, turned
        if markup and markup.lower().endswith(".toml"):
            markup = load_markup(markup).name  # a plain name is checked below, against the model
        self.markup = markup or self.facts.markup
        self.head = self.facts.head_for(self.markup)
        further = f".{self.head}" if self.head != self.facts.markup else ""
        given = self._session.outputs
        self._outputs = {n: n + further for n in OUTPUTS if n + further in given}
        self._maps = [name for name in given if name.startswith("attention.")]
        if not known_markup(self.head) or "landmarks" not in self._outputs:
            raise ModelError(
                f'{path}: its point scheme "{self.head}" or its outputs ({", ".join(given)}) are '
                "not those of a facealign model; make one with: facealign export"
            )
        scheme = load_markup(self.head)
        self._count, self._outlined = scheme.count, "jaw" in scheme.groups

    def align(
        self, images: Sequence[Found], attention: bool = False, batch: int = BATCH, looks: int = 1
    ) -> list[list[Face]]:
        """The faces of each image, in the order of its boxes; at most `batch` a run of the network.

        Boxes that are not `Found.certain` are left out where it sees no face.
        With `looks` = 2 each face is the mean of two slightly shifted crops: steadier and more
        accurate points, for twice the time of the network.

        Raises:
            ModelError: the network fails, or has no attention maps and they are asked for.
        """
        rows = [(found, i) for found in images for i in range(len(found))]
        faces = (
            face
            for first in range(0, len(rows), batch)
            for face in self._batch(rows[first : first + batch], attention, looks)
        )
        return [self._kept(list(islice(faces, len(found))), found) for found in images]

    def _batch(self, rows: list[tuple[Found, int]], attention: bool, looks: int) -> list[Face]:
        def see(
            images: Sequence[Pixels], boxes: Sequence[Box], crops: Sequence[CropTransform]
        ) -> Views:
            values = self._mean_look(images, crops, attention, looks)
            return Views(list(images), list(boxes), list(crops), values)

        boxes = [found.boxes[i] for found, i in rows]
        crops = [self.crop(found.boxes[i], float(found.angles[i])) for found, i in rows]
        views = see([found.image for found, _ in rows], boxes, crops)
        if self._turned and "scores" in views.values:
            self._look_around(rows, views, see)
        if self._leaning:
            self._look_upright(views, see)
        return [self._face(views, n, float(f.scores[i])) for n, (f, i) in enumerate(rows)]

    def _face(self, views: Views, n: int, score: float) -> Face:
        values, points = views.values, views.values["landmarks"][n]
        visible = None
        if "visible" in values:
            visible = (values["visible"][n] > SEEN) & ~blank(views.images[n], points)
        return Face(
            box=views.boxes[n],
            score=score,
            landmarks=points,
            markup=self.head,
            attention=values["attention"][n] if "attention" in values else None,
            scores=values["scores"][n] if "scores" in values else None,
            visible=visible,
            network_crop=views.crops[n],
            confidence=float(confidence(values["scores"][n])) if "scores" in values else None,
        )

    def _kept(self, faces: list[Face], found: Found) -> list[Face]:
        """The real faces, each once, in the requested point scheme."""
        kept = faces if found.certain else distinct_faces(faces, found.angles)
        return kept if self.markup == self.head else [face.to(self.markup) for face in kept]

    def crop(self, box: Floats, angle: float = 0.0) -> CropTransform:
        """The network's crop of a face in this box that leans by `angle` degrees."""
        return face_crop(box, self.facts.input_size, self.facts.margin, angle)

    def _upright_crop(self, box: Floats, points: Floats, angle: float) -> CropTransform:
        """The crop of a face that leans: around its first landmarks if they outline the face."""
        if not self._outlined:
            return self.crop(box, angle)
        turn = CropTransform.from_square((0.0, 0.0), 1.0, 1, angle)
        upright = box_of_points(turn.to_crop(points))
        x, y = turn.to_image(((upright[:2] + upright[2:]) / 2).astype(np.float32))
        side = box_size(upright) * (1 + 2 * self.facts.margin)
        return on_grid((float(x), float(y)), side, self.facts.input_size, angle)

    def _look_around(self, rows: Sequence[tuple[Found, int]], views: Views, see: See) -> None:
        """See faces that the network doubts turned by quarters, then upright; keep the surest."""
        worth = [found.certain or found.scores[i] >= LIKELY for found, i in rows]
        doubted = np.flatnonzero((views.sureness() < DOUBT) & np.array(worth))
        if not doubted.size:
            return
        best, some = views.rows(doubted), [rows[int(n)] for n in doubted]
        for turn in TURNS:
            boxes = [found.turned_box(i, turn) for found, i in some]
            angles = [float(found.angles[i]) + turn for found, i in some]
            crops = [self.crop(*place) for place in zip(boxes, angles, strict=True)]
            other = see(best.images, boxes, crops)
            surer = np.flatnonzero(other.sureness() > best.sureness())
            best.put(surer, other.rows(surer))
        self._look_upright(best, see)
        sure = np.flatnonzero(best.sureness() >= DOUBT)
        views.put(doubted[sure], best.rows(sure))

    def _look_upright(self, views: Views, see: See) -> None:
        """See faces that lean in their crops again, upright."""
        leans = lean(views.values["landmarks"], self.head)
        known = np.array([crop.angle for crop in views.crops])
        again = np.flatnonzero(np.abs((leans - known + 180) % 360 - 180) > LEANS)
        if not again.size:
            return
        some = views.rows(again)
        places = zip(some.boxes, some.values["landmarks"], leans[again], strict=True)
        crops = [self._upright_crop(box, points, float(angle)) for box, points, angle in places]
        views.put(again, see(some.images, some.boxes, crops))

    def _mean_look(
        self, images: Sequence[Pixels], crops: Sequence[CropTransform], attention: bool, looks: int
    ) -> dict[str, Floats]:
        """The mean of `look` at shifted crops."""
        if looks == 1:
            return self.look(images, crops, attention)
        shifts = [share * self.facts.input_size for share in SHIFTS[looks]]
        shifted = [crop.shifted(s, s) for s in shifts for crop in crops]
        views = self.look(list(images) * looks, shifted, attention)
        each = {n: v.reshape(looks, len(crops), *v.shape[1:]) for n, v in views.items()}
        return {name: values.mean(axis=0) for name, values in each.items()}

    def look(
        self, images: Sequence[Pixels], crops: Sequence[CropTransform], attention: bool = False
    ) -> dict[str, Floats]:
        """One run of the network on a crop of each image, in the points of the model's own head.

        Returns:
            The outputs by name: `landmarks` (B, K, 2) in image pixels, and where the model has
            them `scores` and `visible` (B, K) in 0..1.

        Raises:
            ModelError: the network fails, or has no attention maps and they are asked for.
        """
        pairs = zip(crops, images, strict=True)
        seen = np.stack([even_light(brighten(crop.warp(image))) for crop, image in pairs])
        values = self._predict(seen, attention)
        for crop, points in zip(crops, values["landmarks"], strict=True):
            points[:] = crop.to_image(points)
        return values

    def _predict(self, crops: NDArray[np.uint8], attention: bool) -> dict[str, Floats]:
        """Crops (B, S, S, 3) → outputs by name; the landmarks (B, K, 2) in crop pixels."""
        names = [name for name in OUTPUTS if name in self._outputs]
        if attention and not self._maps:
            raise ModelError(
                f"the model {self.facts.name} has no attention maps: take {BEST_AAN}, which has"
            )
        wanted = [self._outputs[name] for name in names] + (self._maps if attention else [])
        given = self._session.run(wanted, {"image": self._normalized(crops)})
        values = dict(zip(names, given, strict=False))
        self._check_outputs(values, len(crops))
        if attention:
            values["attention"] = _enlarged(given[len(names) :], self.facts.input_size)
        # The network measures from the corner of the crop, half a pixel before the first centre.
        size = np.float32(self.facts.input_size)
        values["landmarks"] = values["landmarks"] * size - np.float32(0.5)
        return values

    def _normalized(self, crops: NDArray[np.uint8]) -> Floats:
        """Crops (B, S, S, 3) → the input of the network (B, 3, S, S), normalized."""
        faces, height, width, channels = crops.shape
        image = np.empty((faces, channels, height, width), np.float32)  # no copy later
        scale = np.float32(1 / (255 * self.facts.std))
        np.multiply(crops.transpose(0, 3, 1, 2), scale, out=image)
        image -= np.float32(self.facts.mean / self.facts.std)
        return image

    def _check_outputs(self, values: dict[str, Floats], faces: int) -> None:
        """Refuse outputs of another shape or not finite, as a model from elsewhere may give."""
        for name, value in values.items():
            shape = (faces, self._count, 2) if name == "landmarks" else (faces, self._count)
            if value.shape != shape:
                raise ModelError(
                    f"the model {self.facts.name} gives {name} of shape {value.shape}, not {shape} "
                    f"as its point scheme {self.head} requires"
                )
            if not np.isfinite(value).all():
                raise ModelError(f"the model {self.facts.name} gives {name} that are not finite")


def _enlarged(maps: Sequence[Floats], size: int) -> Floats:
    """A map (B, 1, h, h) of each stage → (B, stages, size, size), each value repeated."""
    sides = [np.repeat(m, size // m.shape[-1], axis=-1) for m in maps]
    return np.concatenate([np.repeat(m, size // m.shape[-2], axis=-2) for m in sides], axis=1)
