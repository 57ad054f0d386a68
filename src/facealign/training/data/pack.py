"""`pack`: any reader's faces → shards, from which training reads them without decoding photos.

Each face is cut out as `load_faces` would cut it. One photo and one shard's labels are in memory at
a time. After each shard the index is written: what was interrupted goes on from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from facealign.datasets import Reading, stream_pixels
from facealign.datasets.shards import INDEX, UNFINISHED, Facts, Index, LeftOut, read_index
from facealign.errors import DataError, OutputError
from facealign.files import is_folder, write_file
from facealign.problems import collect
from facealign.training.data.regions import ZOOM, region_size, region_transform
from facealign.training.data.shard_writer import ShardFile
from facealign.types import Pixels, Progress, Sample, silent

FACES_PER_SHARD = 1000
PARTS = ".*.part"
"""Temporary names of shards, labels and index."""
Stream = Iterator[tuple[Sample, Pixels | None]]


def pack(
    reading: Reading,
    target: Path,
    input_size: int = 128,
    margin: float = 0.15,
    faces_per_shard: int = FACES_PER_SHARD,
    quality: int | None = None,
    options: dict[str, str | int] | None = None,
    progress: Progress = silent,
) -> Index:
    """Write the faces of a reading as shards into a folder, or go on where that was interrupted.

    Args:
        reading: of `read_dataset`.
        target: a new or empty folder, or one that the same packing was interrupted in.
        input_size: of the networks that shall be trained, in pixels.
        margin: of their crops, as a fraction of the box size.
        faces_per_shard: in each but the last.
        quality: of JPEG files, 1 to 100; None writes PNG, without loss.
        options: of the reader; they are noted in the index.
        progress: wraps the loop over the faces that are left.

    Returns:
        The index; its `left_out` names each face whose picture could not be read.

    Raises:
        DataError: no picture could be read.
        OutputError: the folder holds something else, or cannot be written.

    """
    samples = reading.samples
    facts = Facts(
        dataset=reading.dataset,
        subset=reading.subset,
        options=options or {},
        markup=samples[0].markup if samples else "",
        input_size=input_size,
        margin=margin,
        zoom=ZOOM,
        size=region_size(input_size),
        quality=quality,
        faces_per_shard=faces_per_shard,
        fingerprint=fingerprint(samples),
    )
    index = _begin(target, facts)
    with collect() as problems:
        stream = stream_pixels(samples[index.tried :], progress)
        while index.tried < len(samples):
            index = _add_shard(target, index, stream, problems)
            write_file(target / UNFINISHED, index.to_json())
    return _finish(target, index)


def fingerprint(samples: list[Sample]) -> str:
    """Sha256 over names, groups, points, flags and boxes: the same faces in the same order."""
    digest = hashlib.sha256()
    for sample in samples:
        digest.update(f"{sample.id}\n{sample.group}\n{sample.markup}\n".encode())
        covered = sample.labelled if sample.occluded is None else sample.occluded
        for part in (sample.landmarks, sample.labelled, covered, sample.box):
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _begin(target: Path, facts: Facts) -> Index:
    """The index to go on with: of what an interrupted packing left, else an empty one."""
    if is_folder(target) and (target / UNFINISHED).exists():
        index = read_index(target / UNFINISHED)
        if index.facts != facts:
            raise OutputError(
                f"{target} holds part of another packing ({_difference(index.facts, facts)}): "
                "choose another folder, or delete it"
            )
        return index
    if (target / INDEX).exists():
        raise OutputError(f"{target} holds a packed data set: choose another folder, or delete it")
    try:
        target.mkdir(parents=True, exist_ok=True)
        empty = not any(not _is_leftover(path) for path in target.iterdir())
    except OSError as error:
        raise OutputError(f"cannot make {target}: {error.strerror or error}") from None
    if not empty:
        raise OutputError(f"{target} is not an empty folder: choose another")
    return Index(facts)


def _is_leftover(path: Path) -> bool:
    """Whether a packing that was killed before its first index left this."""
    return path.name.startswith("shard-00000.") or path.match(PARTS)


def _difference(one: Facts, other: Facts) -> str:
    names = [n for n in Facts.__dataclass_fields__ if getattr(one, n) != getattr(other, n)]
    name = names[0]
    if name == "fingerprint":
        return "its faces or labels differ"
    return f"{name} {getattr(one, name)}, not {getattr(other, name)}"


def _add_shard(target: Path, index: Index, stream: Stream, problems: Sequence[str]) -> Index:
    """Fill the next shard from the stream; the index with it and with what was left out."""
    facts, tried, left_out = index.facts, index.tried, list(index.left_out)
    name = f"shard-{len(index.shards):05d}.tar"
    with ShardFile(target / name, facts, first=len(index)) as file:
        for sample, image in stream:
            tried += 1
            if image is None:
                left_out.append(LeftOut(id=sample.id, group=sample.group, problem=problems[-1]))
            else:
                file.add(sample, region_transform(sample, facts.size, facts.margin), image)
            if len(file) == facts.faces_per_shard:
                break
        shard = file.finish()
    shards = [*index.shards, shard] if shard else index.shards
    return replace(index, shards=shards, left_out=left_out, tried=tried)


def _finish(target: Path, index: Index) -> Index:
    """Give the index its name, now that it is whole."""
    if not len(index):
        with suppress(OSError):
            (target / UNFINISHED).unlink(missing_ok=True)
            target.rmdir()
        facts = index.facts
        raise DataError(f"{facts.dataset} {facts.subset}: no face to pack could be read")
    try:
        for part in target.glob(PARTS):  # of a process that was killed
            part.unlink(missing_ok=True)
        (target / UNFINISHED).replace(target / INDEX)
    except OSError as error:
        raise OutputError(f"cannot write {target / INDEX}: {error.strerror or error}") from None
    return index
