"""One shard as it is written: a tar of pictures and JSON labels, and the label arrays beside it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facealign.datasets.shards import Facts, Shard, labels_of
from facealign.errors import OutputError
from facealign.files import write_file
from facealign.geometry import CropTransform
from facealign.types import Pixels, Sample


class ShardFile:
    """Faces go into a file of a temporary name; `finish` gives it its own. Else it is removed.

    Args:
        path: of the tar.
        facts: of the data set.
        first: number of the first face within the data set; the numbers are the keys.

    Raises:
        OutputError: it cannot be written; every method may.

    """

    def __init__(self, path: Path, facts: Facts, first: int) -> None:
        self.path = path
        self.facts = facts
        self.first = first
        self._rows: list[dict[str, Any]] = []
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __len__(self) -> int:
        return len(self._rows)

    def __enter__(self) -> ShardFile:
        try:
            self._file = self._part.open("wb")
        except OSError as error:
            raise self._refused(error) from None
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def add(self, sample: Sample, transform: CropTransform, image: Pixels) -> None:
        """Cut a face out of its photo and write it with its labels."""
        row = _row(sample, transform)
        key = f"{self.first + len(self):08d}"
        suffix, picture = self._encode(transform.warp(image))
        try:
            self._write(f"{key}.json", _to_json(row, self.facts))
            row["offset"] = self._write(f"{key}.{suffix}", picture)
        except OSError as error:
            raise self._refused(error) from None
        self._rows.append(row | {"length": len(picture), "crc": zlib.crc32(picture)})

    def finish(self) -> Shard | None:
        """Give the shard its name, and write its labels beside it; None where it holds no face."""
        if not self._rows:
            return None
        labels = _to_npz(self._rows)
        try:
            self._tar.close()
            self._file.close()
            with self._part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = self._part.stat().st_size
            write_file(labels_of(self.path), labels)
            self._part.replace(self.path)
        except OSError as error:
            raise self._refused(error) from None
        return Shard(
            name=self.path.name,
            faces=len(self),
            bytes=size,
            sha256=digest,
            labels_sha256=hashlib.sha256(labels).hexdigest(),
        )

    def _encode(self, region: Pixels) -> tuple[str, bytes]:
        buffer, quality = io.BytesIO(), self.facts.quality
        picture = Image.fromarray(region)
        if quality is None:
            picture.save(buffer, "PNG", compress_level=PNG_LEVEL)
            return "png", buffer.getvalue()
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
        return "jpg", buffer.getvalue()

    def _write(self, name: str, content: bytes) -> int:
        """Add a member; where its content begins."""
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        offset = self._file.tell() + tarfile.BLOCKSIZE
        self._tar.addfile(entry, io.BytesIO(content))
        return offset

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"cannot write {self.path}: {error.strerror or error}; when that is mended, the same "
            "command goes on with this shard"
        )


PNG_LEVEL = 2
"""Of zlib: half the time of the usual 6 and more, a twentieth more space."""


def _row(sample: Sample, transform: CropTransform) -> dict[str, Any]:
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


def _to_json(row: dict[str, Any], facts: Facts) -> bytes:
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in row.items()}
    if not plain.pop("covers"):
        plain["occluded"] = None
    told = {name: getattr(facts, name) for name in ("dataset", "subset", "markup", "input_size")}
    return json.dumps(plain | told | {"margin": facts.margin}, ensure_ascii=False).encode()


def _to_npz(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    types = {"offset": np.int64, "length": np.int64, "crc": np.uint32}
    columns: dict[str, Any] = {
        name: np.array([row[name] for row in rows], dtype=types.get(name)) for name in rows[0]
    }
    np.savez_compressed(buffer, **columns)
    return buffer.getvalue()
