"""Figures 2 to 4 of the paper. Its pictures are lost; these are drawn from our measurements."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from facealign.aligner import FaceAligner
from facealign.datasets import read_pixels
from facealign.draw.plots import (
    Curve,
    CurvePanel,
    FacePicture,
    FaceRow,
    draw_attention,
    draw_ced,
    draw_predictions,
)
from facealign.errors import DataError, FaceAlignError
from facealign.face import Face
from facealign.geometry import CropTransform
from facealign.image import read_image
from facealign.metrics import ced, in_words
from facealign.reproduce.measure import Measurer, reason_of
from facealign.types import Pixels, Sample

LIMIT = 0.10
"""The last error on the axis of figure 2."""
FACES = 8
"""Faces in a row of figure 3; figure 4 has half as many."""
SIDE = 224
"""Side of a face in a figure, in pixels."""
MARGIN = 0.35
"""Margin around a box in figure 3, as a fraction of its size."""

CURVES = (
    ("AFLW, full", "aflw", "full", "box_size", 0.0173),
    ("300VW, category 3", "300vw", "category3", "inter_ocular", 0.0798),
    ("300W, common", "300w", "common", "inter_pupil", 0.0438),
)
"""Figure 2's two panels, and 300W, which the paper leaves out of it; each with the paper's mean."""

ROWS = (
    ("AFLW", "aflw", ("full",)),
    ("300W", "300w", ("full", "common")),
    ("CelebA", "celeba", ("test",)),
    ("300VW", "300vw", ("category3",)),
)
"""Figure 3's rows, each with the subsets to try."""


def figure2(measurer: Measurer, target: Path) -> list[str]:
    """Cumulative error curves of every model; returns what is missing.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    panels = [_panel(measurer, *facts) for facts in CURVES]
    draw_ced(panels, target)
    return [f"{panel.title}: {panel.missing}" for panel in panels if panel.missing]


def _panel(
    measurer: Measurer, title: str, dataset: str, subset: str, normaliser: str, mean: float
) -> CurvePanel:
    mark = f"the paper's mean, {100 * mean:.2f} %", mean
    empty = CurvePanel(title, f"NME, {in_words(normaliser)} (%)", LIMIT, mark=mark)
    try:
        matched = measurer.matched(dataset, subset)
    except FaceAlignError as error:
        return replace(empty, missing=reason_of(error))
    curves = [
        Curve(f"facealign {model}, {len(faces.found)} faces", *ced(faces.ranked(normaliser)))
        for model, faces in matched.items()
    ]
    return replace(empty, curves=curves)


def figure3(measurer: Measurer, photos: Sequence[Path], target: Path) -> list[str]:
    """Predictions drawn on faces spread evenly over each data set, and on photos.

    The first model that fits a data set is drawn. Raises as `figure2` does.
    """
    rows = [_row(measurer, *facts) for facts in ROWS]
    if photos:
        aligner = measurer.aligner(measurer.models[0])
        pictures = list(_in_photos(aligner, photos))
        rows.append(FaceRow("photos", pictures[:FACES], "" if pictures else "no face was found"))
    draw_predictions(rows, target)
    return [f"{row.title}: {row.missing}" for row in rows if row.missing]


def _row(measurer: Measurer, title: str, dataset: str, subsets: Sequence[str]) -> FaceRow:
    problem = ""
    for subset in subsets:
        try:
            samples = measurer.roots.read(dataset, subset).samples
            if not samples:
                raise DataError("no face could be read")
            known = map(measurer.aligner, measurer.models)
            aligner = next((a for a in known if a.markup == samples[0].markup), None)
            if aligner is None:
                raise DataError(f"no model with {samples[0].markup} given")
            pictures = list(_in_samples(aligner, samples, FACES))
            return FaceRow(f"{title}, {subset}, {aligner.facts.name}", pictures)
        except FaceAlignError as error:
            problem = reason_of(error)
    return FaceRow(title, missing=problem)


def _in_samples(
    aligner: FaceAligner, samples: Sequence[Sample], count: int, attention: bool = False
) -> Iterator[FacePicture]:
    """Labelled faces spread evenly over the data set, so that none is hand-picked."""
    places = np.linspace(0, len(samples) - 1, min(count, len(samples))).round().astype(int)
    for sample in (samples[place] for place in places):
        image = read_pixels(sample)
        (face,) = aligner.align(image, sample.box[None], attention)
        yield _picture(image, face)


def _in_photos(
    aligner: FaceAligner, photos: Sequence[Path], attention: bool = False
) -> Iterator[FacePicture]:
    for photo in photos:
        image = read_image(photo)
        yield from (_picture(image, face) for face in aligner.align(image, None, attention))


def _picture(image: Pixels, face: Face) -> FacePicture:
    if face.attention is None or face.network_crop is None:
        transform = CropTransform.from_box(face.box, SIDE, MARGIN)
    else:  # the maps cover what the network saw
        transform = face.network_crop.resized(SIDE)
    points = transform.to_crop(face.landmarks)
    return FacePicture(transform.warp(image), points, face.markup, face.attention)


def figure4(measurer: Measurer, photos: Sequence[Path], target: Path) -> list[str]:
    """The attention maps of every stage over faces, from the ONNX model, without PyTorch.

    The faces are from the photos, or from 300W if there are none. Raises as `figure2` does, and:

    Raises:
        DataError: there is no face to draw.
        ModelError: the model has no attention maps.
    """
    aligner = measurer.aligner(measurer.models[0])
    if photos:
        faces = list(_in_photos(aligner, photos, attention=True))
    else:
        samples = measurer.roots.read("300w", "common").samples
        faces = list(_in_samples(aligner, samples, FACES // 2, attention=True))
    if not faces:
        raise DataError("figure4: no face was found; give another --photo")
    count = len(faces[0].attention) if faces[0].attention is not None else 0
    stages = aligner.facts.attention_stages or tuple(range(1, count + 1))
    draw_attention(faces[:FACES], [f"stage {stage}" for stage in stages], target)
    return []
