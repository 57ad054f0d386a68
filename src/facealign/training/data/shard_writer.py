"""Writes one shard: a tar of pictures and JSON labels, and the label arrays beside it."""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facealign.datasets.shards import Facts, Shard, labels_of
from facealign.files import sha256, whole_file, write_file
from facealign.geometry import CropTransform
from facealign.types import Pixels, Sample


class ShardWriter:
    """A context that writes the faces of one shard; the files appear on `finish`, or not at all.

    Their keys are the indices of the faces within the data set, from `first`.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, facts: Facts, first: int) -> None:
        self.path = path
        self.facts = facts
        self.first = first
        self._labels: list[dict[str, Any]] = []
        self._stack = ExitStack()

    def __len__(self) -> int:
        return len(self._labels)

    def __enter__(self) -> ShardWriter:
        self._file = self._stack.enter_context(whole_file(self.path, binary=True))
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def add(self, sample: Sample, transform: CropTransform, image: Pixels) -> None:
        """Cut a face out of its photo and write it with its labels."""
        labels = _region_labels(sample, transform)
        key = f"{self.first + len(self):08d}"
        suffix, picture = self._encode(transform.warp(image))
        self._add_member(f"{key}.json", _to_json(labels, self.facts))
        offset = self._add_member(f"{key}.{suffix}", picture)
        stored = {"offset": offset, "length": len(picture), "crc": zlib.crc32(picture)}
        self._labels.append(labels | stored)

    def finish(self) -> Shard:
        """Write the labels, then give the shard its name."""
        self._tar.close()
        size = self._file.tell()
        labels = labels_of(self.path)
        write_file(labels, _to_npz(self._labels))
        self._stack.close()
        return Shard(
            name=self.path.name,
            faces=len(self),
            bytes=size,
            sha256=sha256(self.path),
            labels_sha256=sha256(labels),
        )

    def _encode(self, region: Pixels) -> tuple[str, bytes]:
        buffer, quality = io.BytesIO(), self.facts.quality
        picture = Image.fromarray(region)
        if quality is None:
            picture.save(buffer, "PNG", compress_level=PNG_LEVEL)
            return "png", buffer.getvalue()
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
        return "jpg", buffer.getvalue()

    def _add_member(self, name: str, content: bytes) -> int:
        """Write a file into the tar; the offset of its content."""
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        offset = self._file.tell() + tarfile.BLOCKSIZE
        self._tar.addfile(entry, io.BytesIO(content))
        return offset


PNG_LEVEL = 2
"""Zlib level: less than half the time of the default, 6, for a twentieth more space."""


def _region_labels(sample: Sample, transform: CropTransform) -> dict[str, Any]:
    """The labels of one face in the pixels of its region."""
    covered = sample.occluded
    return {
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
