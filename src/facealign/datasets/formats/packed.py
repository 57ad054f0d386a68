"""A data set that `facealign data pack` wrote: each picture is the region around one face.

Landmarks and boxes are in the region's pixels. The subsets are "all" and the name of the one that
was packed, which is the same; the reading has the name of the original data set.
"""

from pathlib import Path

from facealign.datasets.reading import Dataset, Reading, check_subset
from facealign.datasets.shards import (
    INDEX,
    UNFINISHED,
    Labels,
    Packed,
    Places,
    read_index,
    read_labels,
)
from facealign.errors import DataError
from facealign.formats.labels import ALL, DEFAULT_MARKUP
from facealign.types import Sample


def read_packed(root: Path, subset: str = ALL) -> Reading:
    """The faces of a packed data set; its pictures stay on the disk.

    Raises:
        DataError: no packed data set is there, its packing was not finished, an index, shard or
            label file is damaged, or no such subset.
    """
    if not (root / INDEX).exists() and (root / UNFINISHED).exists():
        raise DataError(f"{root}: was not packed to its end; give the same data pack command again")
    index = read_index(root / INDEX)
    facts = index.facts
    check_subset("packed", subset, (ALL, facts.subset))
    samples: list[Sample] = []
    places: dict[str, Places] = {}
    for shard in index.shards:
        tar = root / shard.name
        labels = read_labels(tar, shard)
        places[shard.name] = Places.of(tar, labels)
        samples += _samples(tar, labels, facts.markup)
    return Reading(facts.dataset, facts.subset, samples, Packed(index, places))


def _samples(tar: Path, labels: Labels, markup: str) -> list[Sample]:
    return [
        Sample(
            id=str(labels["id"][i]),
            image=tar,
            landmarks=labels["landmarks"][i],
            labelled=labels["visible"][i],
            box=labels["box"][i],
            box_source=str(labels["box_source"][i]),
            markup=markup,
            group=str(labels["group"][i]),
            occluded=labels["occluded"][i] if labels["covers"][i] else None,
            frame=i,
        )
        for i in range(len(labels["id"]))
    ]


DATASET = Dataset(
    name="packed",
    title="Shards written by facealign data pack",
    home="",
    read=read_packed,
    subsets={ALL: None},
    markup=DEFAULT_MARKUP,
    box_source="official",
    boxes="as they were packed",
    normalisers=("inter_ocular", "inter_pupil"),
)
