"""The faces of a run from its readings: decoded into memory, or read from shards when due."""

from __future__ import annotations

from collections.abc import Callable

from facealign.datasets import Reading
from facealign.geometry import CropTransform
from facealign.training.data.packed import PackedCrops, PackedFaces, check_fit
from facealign.training.data.regions import Faces, load_faces
from facealign.training.settings import Settings
from facealign.training.validation import Validator
from facealign.types import Sample


def open_faces(
    reading: Reading, samples: list[Sample], settings: Settings, advance: Callable[[], None]
) -> tuple[Faces, list[str]]:
    """Faces to train on, and one line for each image that could not be read.

    Args:
        reading: the data set.
        samples: those of its faces that are wanted.
        settings: of the run.
        advance: called after each face.

    Raises:
        SettingsError: it was packed for another input size or margin.

    """
    size, data = settings.model.input_size, settings.data
    if reading.packed is None:
        return load_faces(samples, size, data.margin, advance)
    check_fit(reading.packed.index.facts, size, data.margin)
    for _ in samples:
        advance()
    return PackedFaces(samples, reading.packed, data.readers), []


def open_validator(
    reading: Reading, samples: list[Sample], settings: Settings, advance: Callable[[], None]
) -> tuple[Validator, list[str]]:
    """What validates on these faces, like `open_faces`.

    Raises:
        SettingsError: they were packed for another input size or margin.

    """
    size, margin = settings.model.input_size, settings.data.margin
    if reading.packed is None:
        return Validator.load(samples, size, margin, reading.dataset, advance)
    check_fit(reading.packed.index.facts, size, margin)
    transforms = [CropTransform.from_box(sample.box, size, margin) for sample in samples]
    for _ in samples:
        advance()
    crops = PackedCrops(samples, transforms, reading.packed)
    return Validator(samples, crops, transforms, reading.dataset), []
