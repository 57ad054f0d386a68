"""Labelled faces: one module a data set, each turning the official files into `Sample`s.

`DATASETS` holds the facts about each: home page, subsets with their official counts, point scheme,
boxes, normalisers. The last are general formats for your own data (`labels.py`, `shards.py`).
"""

from collections.abc import Mapping
from pathlib import Path

from facealign.datasets import aflw, celeba, cofw, ibug_300vw, ibug_300w, merl_rav, shards, wflw
from facealign.datasets.labels import DATASETS as LABEL_FILES
from facealign.datasets.pixels import read_pixels as read_pixels, stream_pixels as stream_pixels
from facealign.datasets.reading import Dataset as Dataset, Reading as Reading
from facealign.errors import DataError
from facealign.markup import Markup, load_markup

DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        ibug_300w.DATASET,
        aflw.DATASET,
        celeba.DATASET,
        celeba.ALIGNED,
        ibug_300vw.DATASET,
        wflw.DATASET,
        cofw.DATASET,
        merl_rav.DATASET,
        *LABEL_FILES,
        shards.DATASET,
    )
}
"""Every data set by name."""


def load_dataset(name: str) -> Dataset:
    """The facts of the data set called `name`.

    Raises:
        DataError: no data set has this name.
    """
    if name not in DATASETS:
        raise DataError(f'unknown data set "{name}": choose one of {", ".join(DATASETS)}')
    return DATASETS[name]


def read_dataset(name: str, root: Path, subset: str, **options: str | int | Markup) -> Reading:
    """The faces of one subset of a data set, and what could not be read of it.

    Args:
        name: of the data set.
        root: its folder; for a CSV table, COCO, imglab or CVAT the label file.
        subset: its name; "all" for your own data.
        options: what the data set's `options` name: `stride` of 300vw, `training_faces` of aflw,
            `markup` (a name, a .toml file or a `Markup`) and `images` of the general formats.

    Raises:
        DataError: no data set, subset or option has this name, or the folder does not hold it.
        MissingExtraError: its files need an extra that is not installed.
    """
    dataset = load_dataset(name)
    for option in options:
        if option not in dataset.options:
            known = ", ".join(dataset.options) or "none"
            raise DataError(f'{name} has no option "{option}": its options are {known}')
    markup = options.get("markup", 0)
    if not isinstance(markup, int):
        options["markup"] = load_markup(markup).name
    return dataset.read(root, subset, **options)
