"""A packed data set: face regions in tar files, "shards", with their labels and an index.

    index.json                the facts, each shard with its size and checksums, what was left out
    shard-00000.tar           00000000.json 00000000.png 00000001.json …, as WebDataset names them
    shard-00000.npz           the labels once more as arrays, and where each picture is in the tar

Each picture is read on its own, from its offset in the tar: only the requested faces are in memory.
Landmarks and boxes are in the region's pixels. The subsets are "all" and the name of the one that
was packed, which is the same; the reading has the name of the original data set.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from facealign.datasets.reading import Dataset, Reading, check_subset
from facealign.errors import DataError, ImageError
from facealign.files import digest, parsing, read_json_file, reading, reason
from facealign.formats.labels import ALL, DEFAULT_MARKUP
from facealign.image import read_image
from facealign.markup import Markup, load_markup
from facealign.types import Pixels, Sample

VERSION = 1
INDEX = "index.json"
UNFINISHED = "index.part.json"
"""The index while packing is under way."""
AGAIN = "copy or pack it again"
Labels = dict[str, NDArray[Any]]
"""The arrays of a shard: name → (N, …), one for each of `COLUMNS`."""
COLUMNS = frozenset(
    {"id", "group", "landmarks", "visible", "occluded", "covers", "box", "box_source"}
    | {"to_region", "offset", "length", "crc"}
)
"""`covers`: whether `occluded` is labelled; `to_region`: (2, 3), photo pixels → region pixels."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts that all faces of a packed data set share.

    Attributes:
        dataset, subset, options: what was packed.
        markup: the point scheme.
        input_size, margin: of the crops to be cut from the regions.
        zoom: side of a region over the side of that crop.
        size: side of a region in pixels.
        quality: of the JPEG files; None where they are PNG, without loss.
        faces_per_shard: in each but the last.
        fingerprint: sha256 over the names and labels of all faces, as the reader gave them.
        scheme: the point scheme as `Markup.to_dict`, where it is not built in.
    """

    dataset: str
    subset: str
    options: dict[str, str | int]
    markup: str
    input_size: int
    margin: float
    zoom: float
    size: int
    quality: int | None
    faces_per_shard: int
    fingerprint: str
    scheme: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One tar file: its name, faces, size in bytes, and sha256, also of the labels beside it."""

    name: str
    faces: int
    bytes: int
    sha256: str
    labels_sha256: str


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A face whose picture could not be read. Its group still counts in the split."""

    id: str
    group: str
    problem: str


@dataclass(frozen=True)
class Index:
    """A packed data set: its facts, its shards, the faces left out, how many faces there were."""

    facts: Facts
    shards: list[Shard] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    tried: int = 0

    def __len__(self) -> int:
        return sum(shard.faces for shard in self.shards)

    def to_json(self) -> str:
        """The text of the index file."""
        return json.dumps({"version": VERSION, **asdict(self)}, indent=1) + "\n"


Entry = TypeVar("Entry", Facts, Shard, LeftOut)


def read_index(path: Path) -> Index:
    """Read the index file of a packed data set.

    Raises:
        DataError: it is missing, damaged, or of another version.
    """
    content = read_json_file(path, AGAIN)
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise DataError(f"{path}: not the index of shards of this version; {AGAIN}")
    with parsing(path, "damaged", cure=AGAIN):
        facts = _build(Facts, content["facts"])
        if facts.scheme is not None:
            load_markup(Markup.from_dict(facts.scheme, str(path)))
        shards = [_build(Shard, entry) for entry in content["shards"]]
        left_out = [_build(LeftOut, entry) for entry in content["left_out"]]
        return Index(facts, shards, left_out, int(content["tried"]))


KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "int | None": (int, type(None)),
    "dict[str, str | int]": (dict,),
    "dict[str, Any] | None": (dict, type(None)),
}


def _build(kind: type[Entry], values: dict[str, Any]) -> Entry:
    """One of the classes above from the values in a file, their types checked."""
    built = kind(**values)
    for entry in fields(built):
        value = getattr(built, entry.name)
        if not isinstance(value, KINDS[str(entry.type)]) or value != value:
            raise TypeError(f"{entry.name} is {value!r}")
    if isinstance(built, Shard) and Path(built.name).name != built.name:
        raise ValueError(f"{built.name} is not the name of a file beside the index")
    return built


def labels_of(tar: Path) -> Path:
    """The label file beside a shard."""
    return tar.with_suffix(".npz")


def read_labels(tar: Path, shard: Shard | None = None) -> Labels:
    """The labels beside a shard; checked against its entry in the index, where that is given.

    Raises:
        DataError: the shard or its labels are missing, damaged, cut short, or another packing's.
    """
    path = labels_of(tar)
    try:
        data, size = path.read_bytes(), tar.stat().st_size
        if shard and digest([data]) != shard.labels_sha256:
            raise DataError(f"{path}: damaged, or from another packing; {AGAIN}")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            labels = {name: file[name] for name in COLUMNS}
    except OSError as error:
        missing = error.filename or path
        raise DataError(f"{missing}: cannot be read ({reason(error)})") from None
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged ({error}); {AGAIN}") from None
    if shard and size != shard.bytes:
        raise DataError(
            f"{tar}: {size} bytes, but the index says {shard.bytes}: cut short, or from another "
            f"packing; {AGAIN}"
        )
    return labels


@dataclass(frozen=True, eq=False)
class Places:
    """Where the pictures of one shard with these labels are."""

    tar: Path
    labels: Labels

    def picture(self, number: int) -> Pixels:
        """The region of face `number` of the shard, (R, R, 3) uint8.

        Raises:
            DataError: the shard is missing, cut short, or damaged at this face.
        """
        offset, length, crc = (int(self.labels[k][number]) for k in ("offset", "length", "crc"))
        with reading(self.tar), self.tar.open("rb") as file:
            file.seek(offset)
            data = file.read(length)
        try:
            if len(data) == length and zlib.crc32(data) == crc:
                return read_image(data)
            found = "cut short" if len(data) < length else "not the bytes that were packed"
        except ImageError as error:
            found = str(error)
        raise DataError(f"{self.tar}: damaged at face {number}, byte {offset} ({found}); {AGAIN}")


@dataclass(frozen=True, eq=False)
class Packed:
    """A packed data set opened: its index, and where the pictures of each shard lie, by name."""

    index: Index
    places: dict[str, Places]

    def picture(self, sample: Sample) -> Pixels:
        """The region of a sample of this data set, (R, R, 3) uint8.

        Raises:
            DataError: its shard is missing, cut short, or damaged there.
        """
        assert sample.frame is not None
        return self.places[sample.image.name].picture(sample.frame)


def read_regions(tar: Path, numbers: Sequence[int]) -> Iterator[Pixels]:
    """The regions of these faces of a shard, one in memory at a time.

    Raises:
        DataError: the shard or its labels are missing or damaged.
    """
    yield from map(Places(tar, read_labels(tar)).picture, numbers)


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
        places[shard.name] = Places(tar, labels)
        samples += [
            Sample(
                id=str(labels["id"][i]),
                image=tar,
                landmarks=labels["landmarks"][i],
                labelled=labels["visible"][i],
                box=labels["box"][i],
                box_source=str(labels["box_source"][i]),
                markup=facts.markup,
                group=str(labels["group"][i]),
                occluded=labels["occluded"][i] if labels["covers"][i] else None,
                frame=i,
            )
            for i in range(len(labels["id"]))
        ]
    return Reading(facts.dataset, facts.subset, samples, Packed(index, places))


DATASET = Dataset(
    name="packed",
    title="Shards written by facealign data pack",
    read=read_packed,
    subsets={ALL: None},
    markup=DEFAULT_MARKUP,
    boxes="as they were packed",
    normalisers=("inter_ocular", "inter_pupil"),
)
