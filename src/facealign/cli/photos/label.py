"""`facealign label`: photos without labels → a table to train on, labelled by trained models."""

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from facealign.aligner.landmarker import Landmarker
from facealign.aligner.many import Room
from facealign.aligner.several_crops import several_looks, spread
from facealign.cli.console import counted, say
from facealign.cli.options import (
    FiniteRange,
    device_option,
    max_megapixels_option,
    output_option,
    photo_arguments,
    threads_option,
    workers_option,
)
from facealign.cli.photos.inputs import Photos
from facealign.errors import ImageError, SettingsError
from facealign.files import whole_file
from facealign.formats.tables import BOX
from facealign.image import open_image
from facealign.markup import load_markup
from facealign.models import DEFAULT, DEVICES, model_path
from facealign.problems import report
from facealign.types import Box, Floats
from facealign.yunet import YuNet

SURE = 0.7
"""Score of the detector below which a face teaches nothing."""


@click.command("label", short_help="Label faces by trained models, to train others on.")
@photo_arguments(required=True)
@output_option("FILE", "The table: a data set `csv` for facealign train.", required=True)
@click.option(
    "--model",
    "models",
    multiple=True,
    default=(DEFAULT,),
    metavar="NAME",
    help="A bundled model, or an .onnx file; several: the mean of their landmarks.",
)
@click.option(
    "--looks",
    type=click.IntRange(1),
    default=4,
    metavar="N",
    help="Crops a face, each also mirrored.",
)
@click.option(
    "--spread",
    "limit",
    type=FiniteRange(0, min_open=True),
    default=0.03,
    metavar="S",
    help="Leave out faces whose looks differ by more, on average, in box sizes.",
)
@device_option
@workers_option
@threads_option()
@max_megapixels_option
def command(
    photos: tuple[str, ...],
    output: Path,
    models: tuple[str, ...],
    looks: int,
    limit: float,
    device: str,
    workers: int | None,
    threads: int | None,
) -> int:
    """Label the faces of photos by the mean of several looks, by one model or more.

    A network that learns from these labels comes close to slower ones that made them. Faces on
    which the looks differ are left out.

    \b
    facealign label photos/ --model teacher.onnx -o labels.csv
    facealign label photos/ --model teacher.onnx --model aan-m -o labels.csv
    facealign train configs/release/aan-m.toml 'further.0.root=labels.csv'
    """  # noqa: D301
    named = Photos.named(photos, None, workers, threads)
    if not named.files:
        return 4
    labeller = Labeller.load(models, named.threads, looks, device)
    labelled = named.map(partial(labeller.label, named.room))
    found = [faces for faces in labelled if faces is not None]
    kept = [face for faces in found for face in faces if face.spread <= limit]
    _write(output, kept, load_markup(labeller.landmarkers[0].head).count)
    left_out = sum(map(len, found)) - len(kept)
    faces, pictures = counted(len(kept), "face"), counted(len(found), "photo")
    say(f"{faces} labelled in {pictures}, {left_out} left out as the looks differ: {output}")
    return 3 if named.unknown or len(found) < len(named.files) else 0


@dataclass(frozen=True)
class Labelled:
    """A face with the mean of its looks, (K, 2) image pixels, and how far they differ."""

    photo: Path
    box: Box
    landmarks: Floats
    spread: float


@dataclass(frozen=True)
class Labeller:
    """Finds the faces of a photo and looks at each several times, by each model."""

    detector: YuNet
    landmarkers: list[Landmarker]
    looks: int

    @classmethod
    def load(
        cls, models: Iterable[str], threads: int | None, looks: int, device: str = "cpu"
    ) -> "Labeller":
        """Open the models, on one of `models.DEVICES`.

        Raises:
            ModelError: a model is missing, damaged or not one of ours.
            SettingsError: their point schemes differ, or the device cannot be used here.
        """
        how: dict[str, Any] = {"threads": threads, "providers": DEVICES[device]}
        opened = [Landmarker(model_path(model), leaning=False, **how) for model in models]
        heads = [landmarker.head for landmarker in opened]
        if len(set(heads)) > 1:
            raise SettingsError(
                f"the models' point schemes differ ({', '.join(heads)}): label by one at a time"
            )
        return cls(YuNet(min_score=SURE, **how), opened, looks)

    def label(self, room: Room, path: Path) -> list[Labelled] | None:
        """The faces of a photo, by the same random looks each time.

        None, and a line of error, where it cannot be read.
        """
        faces = []
        try:
            photo = open_image(path)
            with room.hold(photo.width * photo.height, photo.name):
                image = photo.decode()
                for box in self.detector.detect(image).boxes:
                    how = (image, box, self.looks, np.random.default_rng(0))
                    looks = np.concatenate([several_looks(each, *how) for each in self.landmarkers])
                    faces.append(Labelled(path, box, looks.mean(axis=0), spread(looks, box)))
        except ImageError as error:
            report(str(error))
            return None
        return faces


def _write(path: Path, faces: Iterable[Labelled], count: int) -> None:
    """The table: images relative to its folder, boxes, points."""
    with whole_file(path) as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["image", *BOX, *(f"{axis}{i}" for i in range(count) for axis in "xy")])
        for face in faces:
            name = os.path.relpath(face.photo.absolute(), path.absolute().parent)
            numbers = [*face.box, *face.landmarks.flat]
            table.writerow([name, *(f"{value:.2f}" for value in numbers)])
