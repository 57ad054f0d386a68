"""`pack`: the faces of any data set → shards, from which training reads without decoding photos.

Each face is cut out as `load_faces` does it. One photo and one shard's labels are in memory at a
time. The index is written after each shard, so an interrupted packing can be resumed.
"""

import io
import json
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facealign.datasets import Reading, stream_pixels
from facealign.datasets.shards import (
    INDEX,
    UNFINISHED,
    Facts,
    Index,
    LeftOut,
    Shard,
    labels_of,
    read_index,
)
from facealign.errors import DataError, OutputError
from facealign.files import (
    PART,
    digest,
    is_folder,
    make_folder,
    sha256,
    whole_file,
    write_file,
    writing,
)
from facealign.markup import own_scheme
from facealign.problems import collect
from facealign.training.data.regions import ZOOM, region_size, region_transform
from facealign.types import Pixels, Progress, Sample, silent

FACES_PER_SHARD = 1000
PARTS = f".*{PART}"
"""Temporary names of shards, labels and index."""
PNG_LEVEL = 2
"""Zlib level: less than half the time of the default, 6, for a twentieth more space."""
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
    """Write the faces of a reading as shards into a folder, or resume where that was interrupted.

    Args:
        reading: what `read_dataset` returned.
        target: a new or empty folder, or that of the same packing, interrupted.
        input_size: of the networks to train, in pixels.
        margin: of their crops, as a fraction of the box size.
        faces_per_shard: in each but the last.
        quality: of JPEG files, 1 to 100; None writes PNG, without loss.
        options: of the reader; recorded in the index.
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
        scheme=own_scheme(samples[0].markup) if samples else None,
    )
    index = _open_index(target, facts)
    try:
        with collect() as problems:
            stream = stream_pixels(samples[index.tried :], progress)
            while index.tried < len(samples):
                index = _add_shard(target, index, stream, problems)
                write_file(target / UNFINISHED, index.to_json())
        return _finish(target, index)
    except OutputError as error:
        raise OutputError(f"{error}, or fix that: the same command resumes with it") from error


def fingerprint(samples: list[Sample]) -> str:
    """Sha256 over names, groups, points, flags and boxes: the same faces in the same order."""
    return digest(part for sample in samples for part in _facts(sample))


def _facts(sample: Sample) -> Iterator[bytes]:
    yield f"{sample.id}\n{sample.group}\n{sample.markup}\n".encode()
    covered = sample.labelled if sample.occluded is None else sample.occluded
    for part in (sample.landmarks, sample.labelled, covered, sample.box):
        yield np.ascontiguousarray(part).tobytes()


def _open_index(target: Path, facts: Facts) -> Index:
    """The index of an interrupted packing to resume, or an empty one."""
    if is_folder(target) and (target / UNFINISHED).exists():
        index = read_index(target / UNFINISHED)
        changed = [n for n, value in vars(facts).items() if getattr(index.facts, n) != value]
        if changed:
            name = changed[0]
            how = f"{name} {getattr(index.facts, name)}, not {getattr(facts, name)}"
            if name == "fingerprint":
                how = "its faces or labels differ"
            raise OutputError(
                f"{target} holds part of another packing ({how}): choose another folder, or "
                "delete it"
            )
        return index
    if (target / INDEX).exists():
        raise OutputError(f"{target} holds a packed data set: choose another folder, or delete it")
    make_folder(target)
    with writing(target):
        found = list(target.iterdir())
    # A packing that was killed before it wrote its first index leaves its first shard.
    if not all(path.name.startswith("shard-00000.") or path.match(PARTS) for path in found):
        raise OutputError(f"{target} is not an empty folder: choose another")
    return Index(facts)


def _add_shard(target: Path, index: Index, stream: Stream, problems: Sequence[str]) -> Index:
    """Fill the next shard from the stream; the index with the shard and the faces left out.

    Its files appear together once it is whole, or not at all.
    """
    facts, tried, left_out = index.facts, index.tried, list(index.left_out)
    path = target / f"shard-{len(index.shards):05d}.tar"
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        for sample, image in stream:
            tried += 1
            if image is None:
                left_out.append(LeftOut(id=sample.id, group=sample.group, problem=problems[-1]))
                continue
            if not rows:  # begun only for a face that can be read
                file = stack.enter_context(whole_file(path, binary=True))
                tar = stack.enter_context(
                    tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)
                )
            rows.append(_add_face(tar, f"{len(index) + len(rows):08d}", sample, image, facts))
            if len(rows) == facts.faces_per_shard:
                break
        if rows:
            tar.close()
            write_file(labels_of(path), _to_npz(rows))
    shards = list(index.shards)
    if rows:
        shards.append(
            Shard(
                name=path.name,
                faces=len(rows),
                bytes=path.stat().st_size,
                sha256=sha256(path),
                labels_sha256=sha256(labels_of(path)),
            )
        )
    return replace(index, shards=shards, left_out=left_out, tried=tried)


def _add_face(
    tar: tarfile.TarFile, key: str, sample: Sample, image: Pixels, facts: Facts
) -> dict[str, Any]:
    """Cut a face out of its photo and write it with its labels; those, and where it lies."""
    transform = region_transform(sample, facts.size, facts.margin)
    covered = sample.occluded
    labels: dict[str, Any] = {  # in the pixels of the region
        "id": sample.id,
        "group": sample.group,
        "landmarks": transform.to_crop(sample.landmarks),
        "visible": sample.labelled,
        "occluded": np.zeros_like(sample.labelled) if covered is None else covered,
        "covers": covered is not None,
        "box": transform.to_crop(sample.box.reshape(2, 2)).reshape(4),
        "box_source": sample.box_source,
        "to_region": transform.matrix,
    }
    suffix, picture = _encode(transform.warp(image), facts.quality)
    _add_member(tar, f"{key}.json", _to_json(labels, facts))
    offset = _add_member(tar, f"{key}.{suffix}", picture)
    return labels | {"offset": offset, "length": len(picture), "crc": zlib.crc32(picture)}


def _encode(region: Pixels, quality: int | None) -> tuple[str, bytes]:
    buffer, picture = io.BytesIO(), Image.fromarray(region)
    if quality is None:
        picture.save(buffer, "PNG", compress_level=PNG_LEVEL)
        return "png", buffer.getvalue()
    picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    return "jpg", buffer.getvalue()


def _add_member(tar: tarfile.TarFile, name: str, content: bytes) -> int:
    """Write a file into the tar; the offset of its content."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    offset = tar.offset + tarfile.BLOCKSIZE
    tar.addfile(entry, io.BytesIO(content))
    return offset


def _to_json(labels: dict[str, Any], facts: Facts) -> bytes:
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in labels.items()}
    if not plain.pop("covers"):
        plain["occluded"] = None
    known = {name: getattr(facts, name) for name in ("dataset", "subset", "markup", "input_size")}
    return json.dumps(plain | known | {"margin": facts.margin}, ensure_ascii=False).encode()


def _to_npz(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    types = {"offset": np.int64, "length": np.int64, "crc": np.uint32}
    columns: dict[str, Any] = {
        name: np.array([row[name] for row in rows], dtype=types.get(name)) for name in rows[0]
    }
    np.savez_compressed(buffer, **columns)
    return buffer.getvalue()


def _finish(target: Path, index: Index) -> Index:
    """Give the complete index its name."""
    if not len(index):
        with suppress(OSError):
            (target / UNFINISHED).unlink(missing_ok=True)
            target.rmdir()
        facts = index.facts
        raise DataError(f"{facts.dataset} {facts.subset}: no face to pack could be read")
    with writing(target / INDEX):
        for part in target.glob(PARTS):  # of a process that was killed
            part.unlink(missing_ok=True)
        (target / UNFINISHED).replace(target / INDEX)
    return index
