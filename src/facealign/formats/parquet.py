"""Results as Parquet: a row for each image, the columns of the JSON schema, every number exact.

Needs the `parquet` extra (pyarrow). A folder of Parquet files is read as one.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from facealign.errors import DataError, needs
from facealign.face import ImageResult
from facealign.files import BAD_CONTENT, COPY, brief, reading, to_utf8
from facealign.formats.contents import NEEDED, OPTIONAL, Contents
from facealign.formats.json import SCHEMA, from_dict
from facealign.markup import own_scheme, scheme_of_dict

if TYPE_CHECKING:
    import pyarrow

SCHEMES = "schemes"
ROWS = 512
"""Images in memory at once, and in each row group of the file."""


def schema(markups: Iterable[str] = ()) -> "pyarrow.Schema":
    """The columns of a file of results; its metadata hold those of the schemes not built in.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    with needs("parquet", "Parquet"):
        import pyarrow as pa
    face = pa.struct(
        [
            ("box", pa.list_(pa.float32(), 4)),
            ("score", pa.float32()),
            ("confidence", pa.float32()),
            ("markup", pa.string()),
            ("landmarks", pa.list_(pa.list_(pa.float32(), 2))),
            ("scores", pa.list_(pa.float32())),
            ("visible", pa.list_(pa.bool_())),
            ("track", pa.int32()),
            ("raw", pa.list_(pa.list_(pa.float32(), 2))),
            ("measures", pa.map_(pa.string(), pa.float64())),
        ]
    )
    columns = [("source", pa.string()), ("frame", pa.int64()), ("time", pa.float64())]
    columns += [("width", pa.int32()), ("height", pa.int32())]
    columns += [("faces", pa.list_(face)), ("error", pa.string())]
    own = [content for name in sorted(markups) if (content := own_scheme(name))]
    return pa.schema(columns, metadata={"schema": SCHEMA, SCHEMES: json.dumps(own)})


def write_parquet(results: Iterable[ImageResult], file: IO[bytes], contents: Contents) -> None:
    """A file with one row group for each `ROWS` images.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    columns = schema(contents.markups)
    import pyarrow
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(file, columns, compression="zstd") as writer:
        images = iter(results)
        while rows := [to_row(result) for result in islice(images, ROWS)]:
            writer.write_table(pyarrow.Table.from_pylist(rows, columns))


def to_row(result: ImageResult) -> dict[str, Any]:
    """One image's row, its numbers unrounded."""
    row: dict[str, Any] = {"source": to_utf8(result.source), "faces": []}
    row |= {name: getattr(result, name) for name in ("frame", "time", "width", "height")}
    for face in result.faces:
        values = {name: getattr(face, name) for name in (*NEEDED, *OPTIONAL)}
        values["measures"] = None if face.measures is None else dict(face.measures)
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}
        row["faces"].append(plain)
    return row | {"error": result.error and to_utf8(result.error)}


def read_parquet(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in a Parquet file, or in all those of a folder in order of their names.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    with needs("parquet", "Parquet"):
        import pyarrow.parquet

    for file in sorted(path.glob("*.parquet")) if path.is_dir() else [path]:
        try:
            with reading(file), pyarrow.parquet.ParquetFile(file) as table:
                own = (table.schema_arrow.metadata or {}).get(SCHEMES.encode(), b"[]")
                for content in json.loads(own):
                    scheme_of_dict(content, str(file))
                rows = (row for batch in table.iter_batches(ROWS) for row in batch.to_pylist())
                for number, row in enumerate(rows):
                    yield from_dict(row, f"{file}: row {number}")
        except (pyarrow.ArrowException, *BAD_CONTENT) as error:
            raise DataError(f"{file}: not a Parquet file ({brief(error)}); {COPY}") from None
