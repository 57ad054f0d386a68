"""The fingerprint of a run's data: with the same one, runs have the same labels."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from facealign.datasets import Reading
from facealign.files import digest
from facealign.training.data.regions import Faces
from facealign.types import Sample


def fingerprint(
    readings: Sequence[Reading], faces: Sequence[Faces], held_out: Sequence[str]
) -> dict[str, Any]:
    """A run's data in a few hashes, ready for JSON: with the same ones, runs have the same labels.

    It ignores pixels, which would take too long to read. `faces` are those of each reading that the
    run trains on, `held_out` the ids of the others.
    """
    sets = [
        {
            "dataset": reading.dataset,
            "subset": reading.subset,
            "count": len(reading.samples),
            "labels": digest(_labels(reading.samples)),
            "trained_on": len(own),
            "ids": digest(name.encode() + b"\n" for name in own.ids),
        }
        for reading, own in zip(readings, faces, strict=True)
    ]
    return {"sets": sets, "held_out": list(held_out)}


def _labels(samples: Sequence[Sample]) -> Iterable[bytes]:
    """Every label of every face: any changed point, box or flag changes the hash."""
    for sample in samples:
        yield f"{sample.id}\n{sample.markup}\n{sample.group}\n".encode()
        placed = np.where(sample.labelled[:, None], sample.landmarks, 0)
        for values in (placed.astype("<f4"), sample.box.astype("<f4"), sample.labelled):
            yield values.tobytes()
        yield b"" if sample.occluded is None else sample.occluded.tobytes()


def difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """The first difference of two fingerprints, in words; empty if they are equal."""
    for old, new in zip(before["sets"], now["sets"], strict=False):
        name = f"{new['dataset']} {new['subset']}"
        for key in ("dataset", "subset", "count", "trained_on"):
            if old[key] != new[key]:
                return f"{key} of {name} was {old[key]}, now {new[key]}"
        for key in ("labels", "ids"):
            if old[key] != new[key]:
                return f"the {key} of {name} or their order have changed"
    if before["held_out"] != now["held_out"]:
        return f"{len(before['held_out'])} faces were held out, now {len(now['held_out'])} others"
    return "" if len(before["sets"]) == len(now["sets"]) else "the number of data sets has changed"
