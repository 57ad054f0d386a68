"""What a reader gives back: the faces, and one line for each that could not be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facealign.types import Sample


@dataclass(frozen=True)
class Reading:
    """The outcome of reading one subset.

    Attributes:
        dataset: name of the data set, such as "300w".
        subset: name of the subset, such as "common".
        samples: the faces, in a stable order.
        problems: one line for each face that is left out: the file, why, what to do.

    """

    dataset: str
    subset: str
    samples: list[Sample]
    problems: list[str]


def split_by_group(
    samples: list[Sample], fraction: float, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Part samples into (training, validation); no group is in both.

    Args:
        samples: the faces.
        fraction: of the groups that go to validation, 0..1.
        seed: another seed gives another split; the order of the samples has no influence.

    """
    groups = sorted({sample.group for sample in samples})
    order = np.random.default_rng(seed).permutation(len(groups))
    held_out = {groups[i] for i in order[: round(fraction * len(groups))]}
    training = [sample for sample in samples if sample.group not in held_out]
    return training, [sample for sample in samples if sample.group in held_out]
