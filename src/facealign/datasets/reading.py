"""What a data set is, what a reader gives back, and the checks every labelled face passes."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from facealign.errors import DataError
from facealign.files import is_file, parsing
from facealign.geometry import MOST_PIXELS, box_of_points, to_box
from facealign.markup import load_markup
from facealign.problems import report
from facealign.types import Sample

if TYPE_CHECKING:
    from facealign.datasets.shards import Packed

Record = TypeVar("Record")


@dataclass(frozen=True)
class Reading:
    """The outcome of reading one subset.

    Attributes:
        dataset: name of the data set, such as "300w".
        subset: name of the subset, such as "common".
        samples: the faces, in a stable order.
        packed: where the pictures are, for a packed data set.
    """

    dataset: str
    subset: str
    samples: list[Sample]
    packed: "Packed | None" = None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The facts of a data set, and its reader.

    Attributes:
        name: its name here, such as "300w".
        title: its name and year in print.
        home: where to get it; empty for your own data.
        read: (root, subset, and the `options` by keyword) → `Reading`.
        subsets: name → faces in the official files; None where there is no official count.
        markup: the point scheme; for your own data, the default.
        box_source: of its samples: "official", or "landmarks" where none are published.
        normalisers: what its errors are divided by, the usual one first.
        origin: what the label files call the first pixel's centre, 0 or 1; the reader shifts.
        options: further keywords of `read`.
        boxes: where they come from, in words, where `box_source` does not say it for all.
    """

    name: str
    title: str
    read: Callable[..., Reading]
    subsets: Mapping[str, int | None]
    markup: str
    normalisers: tuple[str, ...]
    box_source: str = "official"
    home: str = ""
    origin: int = 0
    options: tuple[str, ...] = ()
    boxes: str = ""

    @property
    def boxes_in_words(self) -> str:
        """Where its boxes come from, as docs/datasets.md says it."""
        return self.boxes or BOXES[self.box_source]


BOXES = {"official": "official", "landmarks": "of the points", "image": "the whole picture"}


def check_subset(name: str, subset: str, subsets: Iterable[str]) -> None:
    """Refuse a subset that the data set does not have.

    Raises:
        DataError: `subset` is not among `subsets`.
    """
    if subset not in subsets:
        raise DataError(f'{name} has no subset "{subset}": choose one of {", ".join(subsets)}')


def read_records(
    dataset: str, subset: str, records: Iterable[Record], build: Callable[[Record], Sample]
) -> Reading:
    """A sample of each record; bad records are left out and reported (`facealign.problems`)."""
    samples: list[Sample] = []
    for record in records:
        try:
            samples.append(build(record))
        except DataError as error:
            report(str(error))
    return Reading(dataset, subset, samples)


def build_sample(
    place: str,
    *,
    id: str,
    image: Path,
    landmarks: ArrayLike,
    markup: str,
    box: ArrayLike | None,
    box_source: str = "official",
    group: str | None = None,
    labelled: ArrayLike | None = None,
    occluded: ArrayLike | None = None,
    frame: int | None = None,
) -> Sample:
    """A labelled face, checked.

    Args:
        place: file and record, for the error message.
        id: as in `Sample`.
        image: the file.
        landmarks: (K, 2) x y, image pixels, 0-based; anything where `labelled` is False.
        markup: the name of the point scheme.
        box: (4,) the box, image pixels, 0-based; None takes the box of the labelled points.
        box_source: of the given box; a box of the points always has "landmarks".
        group: the id unless given.
        labelled: (K,) whether the point's place is known; every one's unless given.
        occluded: (K,) as in `Sample`.
        frame: as in `Sample`.

    Raises:
        DataError: the number of points is not the markup's, a labelled point is not finite,
            no point is labelled, the box is empty, or the image does not exist; the message starts
            with `place`.
    """
    scheme = load_markup(markup)
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (scheme.count, 2):
        raise DataError(
            f"{place}: {len(points)} points, but the markup {scheme.name} has {scheme.count}: name "
            "the right one with --markup (a name, or a .toml file), complete the record, or take "
            "it out"
        )
    seen = np.asarray(np.ones(scheme.count) if labelled is None else labelled, dtype=np.bool_)
    if not seen.any():
        raise DataError(f"{place}: no point is marked")
    placed = np.where(seen[:, None], points, 0.0)
    if not (np.abs(placed) <= MOST_PIXELS).all():  # also false of NaN
        raise DataError(f"{place}: a coordinate is not a finite number of pixels")
    checked = placed.astype(np.float32)
    if not is_file(image):
        raise DataError(f"{place}: there is no image {image}")
    with parsing(place):
        corners = box_of_points(checked[seen]) if box is None else to_box(box)
    return Sample(
        id=id,
        image=image,
        landmarks=checked,
        labelled=seen,
        box=corners,
        box_source="landmarks" if box is None else box_source,
        markup=scheme.name,
        group=id if group is None else group,
        occluded=None if occluded is None else np.asarray(occluded, dtype=np.bool_),
        frame=frame,
    )


def split_by_group(
    samples: list[Sample], fraction: float, seed: int = 0, others: Collection[str] = ()
) -> tuple[list[Sample], list[Sample]]:
    """Split samples into (training, validation) by a fraction of the groups; none is in both.

    Another seed gives another split; the order of the samples does not matter. `others` are groups
    without faces here, which still take part.
    """
    order = _draw(samples, others, seed)
    return _part(samples, order[: round(fraction * len(order))])


def fold_by_group(
    samples: list[Sample], folds: int, fold: int, seed: int = 0, others: Collection[str] = ()
) -> tuple[list[Sample], list[Sample]]:
    """Split samples into (training, validation) for one fold of a cross-validation.

    Every group is in the validation part of exactly one fold, counted from 0; the folds' numbers of
    groups differ by one at most. `seed` and `others` as of `split_by_group`.

    Raises:
        DataError: there are fewer groups than folds.
    """
    order = _draw(samples, others, seed)
    if len(order) < folds:
        raise DataError(f"{folds} folds of {len(order)} groups of faces: take fewer folds")
    return _part(samples, order[fold::folds])


def _draw(samples: list[Sample], others: Collection[str], seed: int) -> list[str]:
    """All groups in a random order."""
    groups = sorted({sample.group for sample in samples}.union(others))
    return [groups[i] for i in np.random.default_rng(seed).permutation(len(groups))]


def _part(samples: list[Sample], held_out: Collection[str]) -> tuple[list[Sample], list[Sample]]:
    """The samples whose group is not held out, and the others."""
    out = set(held_out)
    training = [sample for sample in samples if sample.group not in out]
    return training, [sample for sample in samples if sample.group in out]
