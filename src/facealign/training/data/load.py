"""The faces of a run from its readings: decoded into memory, or read from shards on demand."""

from facealign.aligner.views import face_crop
from facealign.datasets import Reading
from facealign.training.data.packed import PackedCrops, PackedFaces, check_fit
from facealign.training.data.regions import Faces, load_faces
from facealign.training.settings import Settings
from facealign.training.validation import Validator
from facealign.types import Progress, Sample, silent


def open_faces(
    reading: Reading, samples: list[Sample], settings: Settings, progress: Progress = silent
) -> Faces:
    """Faces of a data set to train on; images that cannot be read are reported and left out.

    Raises:
        SettingsError: it was packed for another input size or margin.
    """
    size, data = settings.model.input_size, settings.data
    if reading.packed is None:
        return load_faces(samples, size, data.margin, progress)
    check_fit(reading.packed.index.facts, size, data.margin)
    return PackedFaces(samples, reading.packed, data.readers)


def open_validator(
    reading: Reading, samples: list[Sample], settings: Settings, progress: Progress = silent
) -> Validator:
    """The validator for these faces, which are opened as in `open_faces`.

    Raises:
        SettingsError: they were packed for another input size or margin.
    """
    size, margin = settings.model.input_size, settings.data.margin
    if reading.packed is None:
        return Validator.load(samples, size, margin, reading.dataset, progress)
    check_fit(reading.packed.index.facts, size, margin)
    transforms = [face_crop(sample.box, size, margin) for sample in samples]
    crops = PackedCrops(samples, transforms, reading.packed)
    return Validator(samples, crops, transforms, reading.dataset)
